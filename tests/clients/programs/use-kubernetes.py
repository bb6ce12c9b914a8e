import os, sys
from kubernetes import client

settings = client.Configuration()
settings.host = "https://kubernetes.default.svc"
settings.ssl_ca_cert = os.environ["SSL_CERT_FILE"]
settings.api_key = {"authorization": os.environ["K8S_AUTH_API_KEY"]}
settings.api_key_prefix = {"authorization": "Bearer"}
core = client.CoreV1Api(client.ApiClient(settings))
try:
    if sys.argv[1] == "read":
        print([pod.metadata.name for pod in core.list_namespaced_pod("staging").items])
    else:
        core.delete_namespaced_pod("web", "staging")
except client.ApiException as error:
    print(error)
    sys.exit(1)
