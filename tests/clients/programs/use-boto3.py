import sys
import boto3
import botocore.config
import botocore.exceptions

settings = botocore.config.Config(retries={"total_max_attempts": 1}, region_name="eu-west-1", connect_timeout=5)
keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
try:
    if sys.argv[1] == "read":
        print(boto3.client("sts", config=settings, **keys).get_caller_identity())
    else:
        boto3.client("s3", config=settings, **keys).delete_bucket(Bucket="atlas")
except botocore.exceptions.BotoCoreError as error:
    print(error)
    sys.exit(1)
