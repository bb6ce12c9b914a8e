import sys
import anthropic

client = anthropic.Anthropic(max_retries=0)
try:
    if sys.argv[1] == "read":
        print([batch.id for batch in client.messages.batches.list().data])
    else:
        client.messages.batches.delete("msgbatch_1")
except anthropic.APIError as error:
    print(error)
    sys.exit(1)
