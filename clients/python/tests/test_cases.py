"""The shared table of cases: each server, clients of each generation, both transports."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from conftest import CASES, Service, serve
from desk import RAN, SERVERS, As, app_of
from mcp import Client
from mcp.shared.exceptions import MCPError

pytestmark = pytest.mark.anyio

MODES = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}


@contextlib.asynccontextmanager
async def connected(server: Any, transport: str, mode: str) -> AsyncIterator[Client]:
    if transport == "memory":
        async with Client(getattr(server, "_mcp_server", server), mode=mode) as client:
            yield client
        return
    with serve(app_of(server)) as url:
        async with Client(f"{url}/mcp", mode=mode) as client:
            yield client


async def outcome(client: Client, method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Sends a request; returns `permit`, or what the denial says."""
    try:
        if method == "tools/call":
            result = await client.call_tool(params["name"], params.get("arguments"))
            if result.is_error:
                assert result.content[0].text.startswith("Denied (")
                return result.structured_content
        elif method == "resources/read":
            await client.read_resource(params["uri"])
        elif method == "prompts/get":
            await client.get_prompt(params["name"])
        else:
            await client.list_tools()
    except MCPError as error:
        assert error.code == -32001
        return error.data
    return {"permit": True}


def runs_with(case: dict[str, Any]) -> dict[str, Any]:
    """Returns what a case's tool runs with: what was sent, and the schema's defaults."""
    tool = next(tool for tool in CASES["tools"] if tool["name"] == case["params"]["name"])
    properties = tool["inputSchema"]["properties"]
    defaults = {name: p["default"] for name, p in properties.items() if "default" in p}
    found = {**defaults, **case["params"].get("arguments", {})}
    assert found == case.get("runs_with", found)
    return found


@pytest.mark.parametrize("transport", ["memory", "http"])
@pytest.mark.parametrize("revision", MODES)
@pytest.mark.parametrize("kind", SERVERS)
async def test_the_table(kind: str, revision: str, transport: str, service: Service) -> None:
    hook = As()
    # Clients keep what they may, and this one changes who it is.
    server = SERVERS[kind](service.url, principal=hook, list_ttl_ms=0)
    async with connected(server, transport, MODES[revision]) as client:
        for case in CASES["cases"]:
            hook.name = case["as"]
            RAN.clear()
            found = await outcome(client, case["method"], case["params"])
            expected = case["expect"]
            name = case["name"]
            if expected.get("permit"):
                assert found == {"permit": True}, name
                assert len(RAN) == 1, name
                if case["method"] == "tools/call":
                    assert RAN == [(case["params"]["name"], runs_with(case))], name
            else:
                assert found["code"] == expected["deny"], name
                assert found["next_action"] == expected.get("next_action", found["next_action"])
                assert RAN == [], name
        for case in CASES["lists"]:
            hook.name = case["as"]
            with_names = {
                "tools/list": lambda: client.list_tools(),
                "resources/list": lambda: client.list_resources(),
                "prompts/list": lambda: client.list_prompts(),
            }
            result = await with_names[case["method"]]()
            entries = getattr(result, case["method"].partition("/")[0])
            names = sorted(str(getattr(e, "uri", None) or e.name) for e in entries)
            assert names == case["expect"], case
            assert result.cache_scope == "private" and result.ttl_ms == 0


@pytest.mark.parametrize("kind", SERVERS)
async def test_whoever_may_not_connect_does_not(kind: str, service: Service) -> None:
    server = SERVERS[kind](service.url, principal=As("zoe"))
    with pytest.raises(BaseException):
        async with connected(server, "memory", "legacy") as client:
            await client.list_tools()
    # An operator may let the handshake pass; what follows is asked about all the same.
    server = SERVERS[kind](service.url, principal=As("zoe"), handshake="pass")
    async with connected(server, "memory", "legacy") as client:
        with pytest.raises(MCPError):
            await client.list_tools()


@pytest.mark.parametrize("kind", SERVERS)
async def test_the_envelope_of_sep_2643(kind: str, service: Service) -> None:
    server = SERVERS[kind](service.url, principal=As("ana"), structured_denials=True)
    async with connected(server, "memory", MODES["2026-07-28"]) as client:
        result = await client.call_tool("refund", {"order": "o-17", "amount": 2490})
        assert result.is_error
        assert result.meta["io.modelcontextprotocol/authorization"] == {
            "reason": "insufficient_authorization",
            "remediation": "undisclosed",
        }


@pytest.mark.parametrize("kind", ["MCPServer", "FastMCP"])
async def test_arguments_that_the_tool_refuses(kind: str, service: Service) -> None:
    hook = As("ana")
    server = SERVERS[kind](service.url, principal=hook)
    async with connected(server, "memory", "legacy") as client:
        RAN.clear()
        # Whoever may not call the tool learns nothing of what it takes.
        result = await client.call_tool("export", {"format": 7})
        assert result.structured_content["code"] in ("tool_not_granted", "bad_value")
        result = await client.call_tool("status", {"more": 1})
        assert not result.is_error or "more" in result.content[0].text
        RAN.clear()
        result = await client.call_tool("search", {"query": "vat", "limit": "many"})
        assert result.is_error and RAN == []
