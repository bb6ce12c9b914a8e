import os, sys
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

client = WebClient(token=os.environ["SLACK_BOT_TOKEN"])
try:
    if sys.argv[1] == "read":
        print([channel["id"] for channel in client.conversations_list()["channels"]])
    else:
        client.conversations_archive(channel="C1")
except SlackApiError as error:
    print(error)
    sys.exit(1)
