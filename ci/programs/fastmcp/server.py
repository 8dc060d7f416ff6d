"""An MCP server of FastMCP. Its environment is the Secret of the API."""

import os

from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from fastmcp.server.dependencies import get_access_token

env = os.environ
url = env["URL"]
verifier = JWTVerifier(
    jwks_uri=env["jwks_uri"], issuer=env["issuer"], audience=f"{url}/mcp", required_scopes=["tools:use"]
)
mcp = FastMCP(
    "Trial",
    auth=RemoteAuthProvider(
        token_verifier=verifier,
        authorization_servers=[env["issuer"]],
        base_url=url,
        # what clients ask for: claims of a person need the scopes that they belong to
        challenge_scopes=["openid", "profile", "groups", "offline_access", "tools:use"],
    ),
)


@mcp.tool
def whoami() -> dict:
    return get_access_token().claims


host, port = url.removeprefix("http://").split(":")
mcp.run(transport="http", host=host, port=int(port))
