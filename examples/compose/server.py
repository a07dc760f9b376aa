"""The MCP server: two tools, and a guard that asks behest before each use of them."""

import os

import uvicorn
from behest_authzen import AsyncAuthZenClient
from behest_authzen.asgi import Challenges
from behest_authzen.fastmcp import Middleware
from fastmcp import FastMCP
from starlette.requests import Request
from starlette.responses import JSONResponse

URL = os.environ["DESK_URL"]
METADATA = "/.well-known/oauth-protected-resource/mcp"

pdp = AsyncAuthZenClient(
    os.environ["PDP_URL"], token=os.environ["PDP_KEY"], verify=os.environ["PDP_CA"]
)
guard = Middleware("desk", pdp, url=URL, resource_metadata=URL.removesuffix("/mcp") + METADATA)
mcp = FastMCP("desk", middleware=[guard])


@mcp.tool
def lookup(order: str) -> str:
    """Says what became of an order."""
    return f"{order} was delivered"


@mcp.tool
def refund(order: str, amount: float) -> str:
    """Pays an order back."""
    return f"paid {amount:.2f} back for {order}"


@mcp.custom_route(METADATA, methods=["GET"])
async def metadata(_: Request) -> JSONResponse:
    """Says who issues tokens for this server (RFC 9728). It needs no token."""
    return JSONResponse({"resource": URL, "authorization_servers": [os.environ["ISSUER"]]})


app = Challenges(mcp.http_app(), guard)


if __name__ == "__main__":
    host, _, port = os.environ["DESK_LISTEN"].rpartition(":")
    uvicorn.run(app, host=host, port=int(port), log_level="error")
