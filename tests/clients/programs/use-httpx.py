import os, sys
import httpx

URL = "https://api.render.com/v1/services"
headers = {"Authorization": "Bearer " + os.environ["RENDER_API_KEY"]}
with httpx.Client(headers=headers) as client:
    answer = client.get(URL) if sys.argv[1] == "read" else client.delete(URL + "/srv-1")
print("spoke", answer.http_version)
print(answer.text)
answer.raise_for_status()
