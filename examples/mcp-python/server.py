"""The server: what a team writes. The guard are the three lines that name it."""

import os

import uvicorn
from behest_authzen.asgi import Challenges
from behest_authzen.fastmcp import Middleware
from fastmcp import FastMCP

URL = f"http://127.0.0.1:{os.environ['SHOP_PORT']}/mcp"
guard = Middleware("shop", os.environ["PDP_URL"], resource_metadata=f"{URL}/metadata", url=URL)
mcp = FastMCP("shop", middleware=[guard])
app = Challenges(mcp.http_app(), guard)


@mcp.tool
def lookup(order: str) -> str:
    """Says what became of an order."""
    return f"{order} was delivered"


@mcp.tool
def refund(order: str, amount: float, note: str = "") -> str:
    """Pays an order back."""
    return f"paid {amount:.2f} back for {order}"


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["SHOP_PORT"]), log_level="error")
