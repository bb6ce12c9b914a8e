"""Says what graphql-core runs of each request: a line of JSON in, a line of JSON out.

The first line holds the schemas by name; each further one `schema`, `query`, `variables`, `name`. The answer is the list
of root fields in the order in which they ran, each with its arguments as they are after variables and defaults, or why
the request is none.
"""
import json
import sys

from graphql import build_schema, graphql_sync

schemas = {name: build_schema(text) for name, text in json.loads(sys.stdin.readline()).items()}
for line in sys.stdin:
    asked = json.loads(line)
    ran = []

    def resolve(_source, info, **arguments):
        if info.path.prev is None:
            ran.append([info.field_name, arguments])

    try:
        done = graphql_sync(
            schemas[asked["schema"]],
            asked["query"],
            variable_values=asked["variables"],
            operation_name=asked["name"],
            field_resolver=resolve,
        )
        said = {"ran": ran} if done.errors is None else {"bad": done.errors[0].message}
    except (TypeError, ValueError, RecursionError) as error:
        said = {"bad": repr(error)}
    print(json.dumps(said))
