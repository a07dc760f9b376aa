"""Measures what a guard adds to a tool call: `python overhead.py PDP-URL [rounds]`.

The PDP is a service with `clients/testdata/bundle`. In each round every kind of call is made once,
one after the other, so that what else the machine does meets all alike. Printed are medians in
microseconds.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from fastmcp import FastMCP
from mcp import Client
from mcp.server.mcpserver import MCPServer

from behest_authzen import AsyncAuthZenClient, chain
from behest_authzen.fastmcp import Middleware
from behest_authzen.mcp import Guard

ARGUMENTS = {"order": "o-17", "amount": 20}
QUESTION = {
    "subject": {"type": "user", "id": "ana"},
    "action": {"name": "tools/call"},
    "resource": {"type": "tool", "id": "desk/refund"},
    "context": {"arguments": ARGUMENTS},
    "options": {"reason": True},
}


def refund(order: str, amount: float) -> str:
    """Pays an order back."""
    return order


def servers(pdp: AsyncAuthZenClient) -> dict[str, Any]:
    """Returns each server twice: without a guard, and with one."""
    who = lambda call: chain("user:ana")
    made: dict[str, Any] = {
        "MCPServer": MCPServer("desk"),
        "MCPServer, guarded": Guard("desk", pdp, principal=who).protect(MCPServer("desk")),
        "FastMCP": FastMCP("desk"),
        "FastMCP, guarded": FastMCP("desk", middleware=[Middleware("desk", pdp, principal=who)]),
    }
    for server in made.values():
        server.tool(refund) if isinstance(server, FastMCP) else server.add_tool(refund)
    return made


async def main(url: str, rounds: int) -> None:
    """Measures, and prints a table."""
    logging.disable(logging.INFO)
    pdp = AsyncAuthZenClient(url, timeout=30)
    http = httpx.AsyncClient(trust_env=False, timeout=30)
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "bare round trip": lambda: http.post(f"{url}/access/v1/evaluation", json=QUESTION)
    }
    clients = []
    for name, server in servers(pdp).items():
        client = Client(getattr(server, "_mcp_server", server), mode="2026-07-28")
        clients.append(await client.__aenter__())
        calls[name] = lambda client=client: client.call_tool("refund", ARGUMENTS)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 20):
        for name, call in calls.items():
            began = time.perf_counter()
            result = await call()
            if number >= 20:
                taken[name].append((time.perf_counter() - began) * 1e6)
            assert not getattr(result, "is_error", False), result
    medians = {name: statistics.median(found) for name, found in taken.items()}
    bare = medians["bare round trip"]
    print(f"{'bare round trip':20} {bare:8.0f}")
    for name in ("MCPServer", "FastMCP"):
        plain, guarded = medians[name], medians[f"{name}, guarded"]
        added = guarded - plain
        print(
            f"{name:20} {plain:8.0f}  guarded {guarded:8.0f}  added {added:8.0f}"
            f"  = {added / bare:.2f} round trips"
        )
    for client in reversed(clients):
        await client.__aexit__(None, None, None)
    await http.aclose()
    await pdp.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 500))
