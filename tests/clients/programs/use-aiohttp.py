import asyncio, os, sys
import aiohttp

URL = "https://api.machines.dev/v1/apps/web"
HEADERS = {"Authorization": "Bearer " + os.environ["FLY_API_TOKEN"]}


async def main():
    async with aiohttp.ClientSession(headers=HEADERS) as session:
        what = session.get(URL + "/machines") if sys.argv[1] == "read" else session.delete(URL + "/volumes/vol_1")
        async with what as answer:
            print("spoke HTTP/%d.%d" % (answer.version.major, answer.version.minor))
            print(await answer.text())
            answer.raise_for_status()


asyncio.run(main())
