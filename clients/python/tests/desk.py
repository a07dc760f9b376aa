"""The support desk as a server of each SDK, with what `table.json` calls."""

from __future__ import annotations

from typing import Any

import mcp_types as types
from conftest import CASES
from fastmcp import FastMCP
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer

from behest_authzen import Call, Principal, Subject
from behest_authzen.fastmcp import Middleware
from behest_authzen.mcp import Guard

RAN: list[tuple[str, dict[str, Any]]] = []
"""What ran, and with which arguments."""


def who(name: str) -> Principal:
    """Returns a principal of the table."""
    said = CASES["principals"][name]
    subject = said["subject"]
    return Principal(
        Subject(subject["type"], subject["id"], subject.get("properties", {})),
        context=said.get("context", {}),
    )


class As:
    """A hook that says what the test says."""

    def __init__(self, name: str = "ana") -> None:
        self.name = name

    def __call__(self, call: Call) -> Principal:
        return who(self.name)


def _functions() -> list[Any]:
    def status() -> str:
        RAN.append(("status", {}))
        return "open"

    async def search(query: str, limit: int = 20) -> str:
        RAN.append(("search", {"query": query, "limit": limit}))
        return "found"

    def refund(order: str, amount: float) -> str:
        RAN.append(("refund", {"order": order, "amount": amount}))
        return "paid"

    def close(ticket: str) -> str:
        RAN.append(("close", {"ticket": ticket}))
        return "closed"

    def export(format: str = "full") -> str:
        RAN.append(("export", {"format": format}))
        return "exported"

    return [status, search, refund, close, export]


def _resource(uri: str) -> Any:
    def read() -> str:
        RAN.append(("read", {"uri": uri}))
        return f"contents of {uri}"

    read.__name__ = uri.rpartition("/")[2]
    return read


def _prompt(name: str) -> Any:
    def prompt() -> str:
        RAN.append(("prompt", {"name": name}))
        return f"please {name}"

    prompt.__name__ = name
    return prompt


def high(pdp: Any, **settings: Any) -> MCPServer[Any]:
    """Returns an `MCPServer`, guarded."""
    server: MCPServer[Any] = MCPServer("desk")
    for fn in _functions():
        server.add_tool(fn)
    for uri in CASES["resources"]:
        server.resource(uri)(_resource(uri))
    for name in CASES["prompts"]:
        server.prompt()(_prompt(name))
    return Guard("desk", pdp, **settings).protect(server)


def fast(pdp: Any, **settings: Any) -> FastMCP[Any]:
    """Returns a `FastMCP`, guarded."""
    server: FastMCP[Any] = FastMCP("desk", middleware=[Middleware("desk", pdp, **settings)])
    for fn in _functions():
        server.tool(fn)
    for uri in CASES["resources"]:
        server.resource(uri)(_resource(uri))
    for name in CASES["prompts"]:
        server.prompt(_prompt(name))
    return server


def low(pdp: Any, **settings: Any) -> Server[Any]:
    """Returns a low-level `Server`, guarded."""
    tools = {tool["name"]: tool for tool in CASES["tools"]}

    async def list_tools(ctx: Any, params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool.model_validate(t) for t in tools.values()])

    async def call_tool(ctx: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        RAN.append((params.name, dict(params.arguments or {})))
        return types.CallToolResult(content=[types.TextContent(type="text", text="done")])

    async def list_resources(ctx: Any, params: Any) -> types.ListResourcesResult:
        found = [types.Resource(name=uri, uri=uri) for uri in CASES["resources"]]
        return types.ListResourcesResult(resources=found, ttl_ms=60_000, cache_scope="public")

    async def read(ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        RAN.append(("read", {"uri": str(params.uri)}))
        text = types.TextResourceContents(uri=params.uri, text="contents")
        return types.ReadResourceResult(contents=[text], ttl_ms=60_000, cache_scope="public")

    async def list_prompts(ctx: Any, params: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult(prompts=[types.Prompt(name=n) for n in CASES["prompts"]])

    async def get_prompt(ctx: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        RAN.append(("prompt", {"name": params.name}))
        return types.GetPromptResult(messages=[])

    server: Server[Any] = Server(
        "desk",
        get_tool_input_schema=lambda name: tools[name]["inputSchema"] if name in tools else None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_read_resource=read,
        on_list_prompts=list_prompts,
        on_get_prompt=get_prompt,
    )
    return Guard("desk", pdp, **settings).protect(server)


SERVERS = {"MCPServer": high, "Server": low, "FastMCP": fast}


def app_of(server: Any) -> Any:
    """Returns a server as an ASGI app, with its endpoint at `/mcp`."""
    return server.http_app() if isinstance(server, FastMCP) else server.streamable_http_app()
