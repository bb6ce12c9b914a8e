import os, sys, urllib.error, urllib.request

URL = "https://api.supabase.com/v1/projects/abcdefghijklmnopqrst"
method = "GET" if sys.argv[1] == "read" else "DELETE"
headers = {"Authorization": "Bearer " + os.environ["SUPABASE_ACCESS_TOKEN"]}
try:
    with urllib.request.urlopen(urllib.request.Request(URL, method=method, headers=headers)) as answer:
        print("spoke HTTP/%s" % (answer.version / 10))
        print(answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
    sys.exit(1)
