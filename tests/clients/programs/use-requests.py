import os, sys
import requests

URL = "https://api.digitalocean.com/v2/droplets"
session = requests.Session()
session.headers["Authorization"] = "Bearer " + os.environ["DIGITALOCEAN_ACCESS_TOKEN"]
answer = session.get(URL) if sys.argv[1] == "read" else session.delete(URL + "/7")
print(answer.text)
answer.raise_for_status()
