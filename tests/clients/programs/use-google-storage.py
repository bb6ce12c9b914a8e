import os, sys
from google.api_core.exceptions import GoogleAPICallError
from google.cloud import storage
from google.oauth2.credentials import Credentials

client = storage.Client(project="atlas", credentials=Credentials(os.environ["CLOUDSDK_AUTH_ACCESS_TOKEN"]))
try:
    if sys.argv[1] == "read":
        print(client.get_bucket("atlas-sandbox", retry=None).name)
    else:
        client.bucket("atlas-sandbox").delete(retry=None)
except GoogleAPICallError as error:
    print(error)
    sys.exit(1)
