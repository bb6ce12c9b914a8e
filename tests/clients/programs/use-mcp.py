import asyncio, os, sys
import httpx
from mcp import ClientSession
from mcp.client import streamable_http

URL = "https://mcp.example.com/mcp"
HEADERS = {"Authorization": "Bearer " + os.environ["CLUSTER_TOKEN"]}


async def main():
    async with httpx.AsyncClient(headers=HEADERS) as http:
        async with streamable_http.streamable_http_client(URL, http_client=http) as streams:
            async with ClientSession(streams[0], streams[1]) as session:
                await session.initialize()
                tools = await session.list_tools()
                print([tool.name for tool in tools.tools])
                name = "list_volumes" if sys.argv[1] == "read" else "remove_volume"
                arguments = {} if sys.argv[1] == "read" else {"volume_id": "v1"}
                result = await session.call_tool(name, arguments)
                print(result.content)


def told(error):
    """Task groups wrap what went wrong."""
    inner = getattr(error, "exceptions", None)
    return told(inner[0]) if inner else error


try:
    asyncio.run(main())
except BaseException as error:
    print(told(error))
    sys.exit(1)
