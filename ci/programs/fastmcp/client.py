"""An MCP client of FastMCP. Its environment is the Secret of its client: it asks who it is, refreshes, and asks again."""

import asyncio
import json
import os

from fastmcp import Client
from fastmcp.client.auth import OAuth

env = os.environ


class PrintsAddress(OAuth):
    async def redirect_handler(self, authorization_url):
        print("open", authorization_url, flush=True)


async def main():
    auth = PrintsAddress(
        client_id=env["client_id"],
        client_secret=env["client_secret"],
        scopes=env["scopes"],
        callback_port=int(env["CALLBACK_PORT"]),
    )
    async with Client(f"{env['URL']}/mcp", auth=auth) as client:
        print("first", json.dumps((await client.call_tool("whoami")).data), flush=True)
        # as if the access token had ended
        auth.context.token_expiry_time = 1
        print("second", json.dumps((await client.call_tool("whoami")).data), flush=True)


asyncio.run(main())
