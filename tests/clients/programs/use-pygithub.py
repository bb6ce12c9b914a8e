import os, sys
import github

api = github.Github(auth=github.Auth.Token(os.environ["GITHUB_TOKEN"]), retry=None)
try:
    repository = api.get_repo("atlas/sandbox", lazy=sys.argv[1] != "read")
    if sys.argv[1] == "read":
        print(repository.full_name)
    else:
        repository.delete()
except github.GithubException as error:
    print(error)
    sys.exit(1)
