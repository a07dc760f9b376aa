"""The guard for version 1 of `mcp`, and that version's client at guarded servers of version 2."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import mcp.types as types
import pytest
from conftest import CASES, DEFAULT_HOSTS, Service, Stub, free_port, serve, wait_for
from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client
from mcp.server.fastmcp import FastMCP
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.memory import create_connected_server_and_client_session as connected

from behest_authzen import AsyncAuthZenClient, Call, Principal, Subject, chain
from behest_authzen.asgi import Challenges
from behest_authzen.mcp1 import Guard

pytestmark = pytest.mark.anyio

RAN: list[Any] = []


def who(name: str) -> Principal:
    said = CASES["principals"][name]
    subject = said["subject"]
    return Principal(
        Subject(subject["type"], subject["id"], subject.get("properties", {})),
        context=said.get("context", {}),
    )


class As:
    def __init__(self, name: str = "ana") -> None:
        self.name = name

    def __call__(self, call: Call) -> Principal:
        return who(self.name)


def high(pdp: Any, **settings: Any) -> FastMCP[Any]:
    server: FastMCP[Any] = FastMCP("desk")

    @server.tool()
    def status() -> str:
        RAN.append(("status", {}))
        return "open"

    @server.tool()
    async def search(query: str, limit: int = 20) -> str:
        RAN.append(("search", {"query": query, "limit": limit}))
        return "found"

    @server.tool()
    def refund(order: str, amount: float) -> str:
        RAN.append(("refund", {"order": order, "amount": amount}))
        return "paid"

    @server.tool()
    def close(ticket: str) -> str:
        RAN.append(("close", {"ticket": ticket}))
        return "closed"

    @server.tool()
    def export(format: str = "full") -> str:
        RAN.append(("export", {"format": format}))
        return "exported"

    for uri in CASES["resources"]:
        server.resource(uri, name=uri)(lambda: RAN.append("read") or "contents")
    for name in CASES["prompts"]:
        server.prompt(name)(lambda: RAN.append("prompt") or "please")
    return Guard("desk", pdp, **settings).protect(server)


def low(pdp: Any, **settings: Any) -> Server[Any, Any]:
    server: Server[Any, Any] = Server("desk")
    Guard("desk", pdp, **settings).protect(server)

    @server.list_tools()
    async def list_tools() -> list[types.Tool]:
        return [types.Tool.model_validate(tool) for tool in CASES["tools"]]

    @server.call_tool()
    async def call_tool(name: str, arguments: dict[str, Any]) -> list[types.TextContent]:
        RAN.append((name, arguments))
        return [types.TextContent(type="text", text="done")]

    @server.list_resources()
    async def list_resources() -> list[types.Resource]:
        return [types.Resource(name=uri, uri=uri) for uri in CASES["resources"]]

    @server.read_resource()
    async def read_resource(uri: Any) -> str:
        RAN.append("read")
        return "contents"

    @server.list_prompts()
    async def list_prompts() -> list[types.Prompt]:
        return [types.Prompt(name=name) for name in CASES["prompts"]]

    @server.get_prompt()
    async def get_prompt(name: str, arguments: Any) -> types.GetPromptResult:
        RAN.append("prompt")
        return types.GetPromptResult(messages=[])

    return server


SERVERS: dict[str, Any] = {"FastMCP": high, "Server": low}


async def outcome(session: ClientSession, method: str, params: dict[str, Any]) -> dict[str, Any]:
    try:
        if method == "tools/call":
            result = await session.call_tool(params["name"], params.get("arguments"))
            if result.isError:
                return result.structuredContent or {"code": result.content[0].text}
        elif method == "resources/read":
            await session.read_resource(params["uri"])
        elif method == "prompts/get":
            await session.get_prompt(params["name"])
        else:
            await session.list_tools()
    except McpError as error:
        assert error.error.code == -32001
        return error.error.data
    return {"permit": True}


async def table(session: ClientSession, case: dict[str, Any]) -> None:
    found = await outcome(session, case["method"], case["params"])
    expected = case["expect"]
    if expected.get("permit"):
        assert found == {"permit": True}, case["name"]
    else:
        assert found["code"] == expected["deny"], case["name"]
        assert found["next_action"] == expected.get("next_action", found["next_action"])


@pytest.mark.parametrize("kind", SERVERS)
async def test_the_table(kind: str, service: Service) -> None:
    hook = As()
    async with connected(SERVERS[kind](service.url, principal=hook)) as session:
        for case in CASES["cases"]:
            hook.name = case["as"]
            RAN.clear()
            await table(session, case)
            assert len(RAN) == (1 if case["expect"].get("permit") else 0), case["name"]
            if RAN and case["method"] == "tools/call" and "runs_with" in case:
                assert RAN == [(case["params"]["name"], case["runs_with"])]
        for case in CASES["lists"]:
            hook.name = case["as"]
            member = case["method"].partition("/")[0]
            result = await getattr(session, f"list_{member}")()
            names = [str(getattr(e, "uri", None) or e.name) for e in getattr(result, member)]
            assert sorted(names) == case["expect"], case


@pytest.mark.parametrize("name", ["not JSON", "a text", "500", "nothing", "two decisions"])
@pytest.mark.parametrize("kind", SERVERS)
async def test_a_hostile_pdp(kind: str, name: str, hostile: Any) -> None:
    pdp = AsyncAuthZenClient(hostile(*DEFAULT_HOSTS[name]).url, timeout=0.5)
    RAN.clear()
    async with connected(SERVERS[kind](pdp, principal=As())) as session:
        found = await outcome(session, "tools/call", {"name": "status"})
        assert found["code"] == "pdp_unavailable"
        for listing in (session.list_tools, session.list_resources, session.list_prompts):
            with pytest.raises(McpError, match="pdp_unavailable"):
                await listing()
    assert RAN == []


async def test_slips(stub: Stub) -> None:
    stub.reset(("tools/call", "desk/late"), ("resources/read", "desk://doc/secret"))
    server = high(stub.url, principal=lambda call: chain("user:ana"))

    @server.resource("desk://doc/{name}")
    def doc(name: str) -> str:
        RAN.append(name)
        return name

    @server.tool()
    def late() -> str:
        RAN.append("late")
        return "ran"

    RAN.clear()
    async with connected(server) as session:
        assert (await outcome(session, "tools/call", {"name": "late"}))["code"] == "forbidden"
        for uri in ("desk://doc/secret", "desk://doc/s%65cret"):
            assert (await outcome(session, "resources/read", {"uri": uri}))["code"] == "forbidden"
        await session.read_resource("desk://doc/p%75blic")
        assert RAN == ["public"]
        denied = await outcome(session, "tools/call", {"name": "refund", "arguments": {"order": 1}})
        assert "validation error" in denied["code"]
    with pytest.raises(ValueError, match="already"):
        Guard("desk", stub.url).protect(server)
    with pytest.raises(TypeError):
        Guard("desk", stub.url).protect(object())  # type: ignore[type-var]


async def test_tokens_over_http(service: Service) -> None:
    import httpx

    server = low(service.url)
    guard = server.request_handlers._around._guard  # type: ignore[attr-defined]
    manager = StreamableHTTPSessionManager(server, json_response=True, stateless=True)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            async with manager.run():
                await send({"type": "lifespan.startup.complete"})
                await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await manager.handle_request(scope, receive, send)

    def post(url: str, token: str | None) -> httpx.Response:
        headers = {"Accept": "application/json, text/event-stream"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "status", "arguments": {}},
        }
        return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=20)

    with serve(Challenges(app, guard)) as url:
        RAN.clear()
        assert post(url, None).status_code == 401
        bad = post(url, "opaque")
        assert bad.status_code == 401
        assert 'error="invalid_token"' in bad.headers["WWW-Authenticate"]
        assert RAN == []
        assert post(url, service.token("eve")).status_code == 200
        assert RAN == [("status", {})]


@contextlib.asynccontextmanager
async def elsewhere(kind: str, pdp: str, name: str) -> AsyncIterator[ClientSession]:
    async with streamablehttp_client(f"{pdp}/mcp", headers={"X-As": name}) as (read, write, _):
        async with ClientSession(read, write) as session:
            await session.initialize()
            yield session


@pytest.mark.skipif("MCP2_PYTHON" not in os.environ, reason="there is no environment of mcp 2")
@pytest.mark.parametrize("kind", ["MCPServer", "Server", "FastMCP"])
async def test_this_client_at_a_server_of_version_2(kind: str, service: Service) -> None:
    port = free_port()
    script = Path(__file__).parents[1] / "serve_desk.py"
    command = [os.environ["MCP2_PYTHON"], str(script), kind, service.url, str(port)]
    process = subprocess.Popen(command, cwd=script.parent, stderr=sys.stderr)
    try:
        wait_for(f"http://127.0.0.1:{port}/", lambda: process.poll() is None)
        for name in ("ana", "eve", "ben", "ana>kiosk"):
            async with elsewhere(kind, f"http://127.0.0.1:{port}", name) as session:
                for case in CASES["cases"]:
                    if case["as"] == name:
                        await table(session, case)
                for case in CASES["lists"]:
                    if case["as"] == name and case["method"] == "tools/list":
                        names = sorted(t.name for t in (await session.list_tools()).tools)
                        assert names == case["expect"]
    finally:
        process.terminate()
        process.wait(10)
