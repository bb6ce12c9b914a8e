import sys
import openai

client = openai.OpenAI(max_retries=0)
try:
    if sys.argv[1] == "read":
        print([file.id for file in client.files.list()])
    else:
        client.files.delete("file-1")
except openai.APIError as error:
    print(error)
    sys.exit(1)
