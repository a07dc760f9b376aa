"""A guard for servers of ``mcp``, version 1: ``FastMCP`` and the low-level ``Server``.

It stands around every handler of the server, those that are registered later included. In this
version the handshake has no handler, so ``initialize`` is not asked about; all that follows is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import mcp.types as types
from mcp.server.fastmcp import FastMCP
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import McpError
from pydantic import ValidationError

from . import guard
from .arguments import settled, with_defaults
from .ask import Settings
from .denial import Denial, Denied
from .methods import LISTS
from .model import Reason
from .principal import Unasked

__all__ = ["Guard", "Settings"]

AnyServer = TypeVar("AnyServer", FastMCP[Any], Server[Any, Any])

Handler = Callable[[Any], Awaitable[Any]]


class Guard(guard.Guard):
    """``Guard("payments", "http://127.0.0.1:8181").protect(server)`` guards a whole server."""

    def protect(self, server: AnyServer) -> AnyServer:
        """Puts the guard around every request to ``server``, and returns the server."""
        low: Any = server._mcp_server if isinstance(server, FastMCP) else server
        if not isinstance(low, Server):
            raise TypeError(f"`{type(server).__name__}` is no server of `mcp`, version 1")
        if isinstance(low.request_handlers, _Handlers):
            raise ValueError("the server has a guard already")
        high = server if isinstance(server, FastMCP) else None
        low.request_handlers = _Handlers(low.request_handlers, _Around(self, low, high))
        return server


class _Handlers(dict[type, Handler]):
    """The handlers of a server. What a message asks for is found by ``get``, behind the guard.

    By index the server finds a handler for itself: to learn what its own tools take.
    """

    def __init__(self, handlers: Mapping[type, Handler], around: _Around) -> None:
        super().__init__(handlers)
        self._around = around

    def get(self, kind: Any, default: Any = None) -> Any:
        handler = super().get(kind)
        if handler is None:
            return default
        return lambda request: self._around(request, handler)


class _Around:
    def __init__(self, guard: Guard, low: Server[Any, Any], high: FastMCP[Any] | None) -> None:
        self._guard = guard
        self._low = low
        self._tools = high._tool_manager if high is not None else None

    async def __call__(self, request: Any, handler: Handler) -> Any:
        method: str = request.method
        params: dict[str, Any] = {}
        if request.params is not None:
            params = request.params.model_dump(by_alias=True, mode="json", exclude_none=True)
        try:
            call = self._guard.call(method, params, self._low.request_context.request)
            if method in LISTS:
                return await self._list(method, request, call, handler)
            asked, handed, invalid = await self._read(method, params)
            await self._guard.check(call, asked)
        except Denied as denied:
            return self._refuse(method, params, denied.denial)
        except Unasked as unasked:
            return self._refuse(method, params, Denial(unasked.reason))
        if invalid is not None:
            return _result(invalid)
        if request.params is None or self._guard.passes(method):
            return await handler(request)
        return await handler(_with(request, handed))

    async def _read(
        self, method: str, params: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], str | None]:
        """Returns what to ask about, what to hand on, and why the tool would refuse it."""
        normal = self._guard.normal(method, params)
        if method != "tools/call":
            return normal, normal, None
        name, arguments = normal["name"], normal.get("arguments") or {}
        try:
            asked, handed = await self._arguments(name, arguments)
        except ValidationError as error:
            invalid = f"Error executing tool {name}: {error}"
            return {**normal, "arguments": arguments}, normal, invalid
        return {**normal, "arguments": asked}, {**normal, "arguments": handed}, None

    async def _arguments(
        self, name: str, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        tool = self._tools.get_tool(name) if self._tools is not None else None
        if tool is not None:
            metadata = tool.fn_metadata

            def read(found: dict[str, Any]) -> dict[str, Any]:
                parsed = metadata.arg_model.model_validate(metadata.pre_parse_json(found))
                return parsed.model_dump_one_level()

            return settled(read, arguments)
        listed = await self._low._get_cached_tool_definition(name)
        filled = with_defaults(listed.inputSchema if listed is not None else {}, arguments)
        return filled, filled

    async def _list(self, method: str, request: Any, call: Any, handler: Handler) -> Any:
        member, key, _ = LISTS[method]
        result = await handler(request)
        found = result.root
        entries = getattr(found, member, None)
        if not isinstance(entries, list):
            raise Unasked(Reason("guard_failed", "The server's list could not be read.", "none"))
        names = [str(getattr(entry, key)) for entry in entries]
        seen = await self._guard.narrow(call, names)
        kept = [entry for entry, name in zip(entries, names, strict=True) if name in seen]
        return types.ServerResult(found.model_copy(update={member: kept}))

    def _refuse(self, method: str, params: Mapping[str, Any], denial: Denial) -> Any:
        settings = self._guard.settings
        if method == "tools/call" and params.get("task") is None:
            said = denial.tool_result(settings.structured_denials)
            return types.ServerResult(types.CallToolResult.model_validate(said))
        error = types.ErrorData(
            code=settings.denial_code, message=denial.text(), data=denial.structured()
        )
        raise McpError(error)


def _result(text: str) -> Any:
    content = types.TextContent(type="text", text=text)
    return types.ServerResult(types.CallToolResult(content=[content], isError=True))


def _with(request: Any, params: dict[str, Any]) -> Any:
    """Returns a request with other arguments and URIs, which were asked about."""
    kept = request.params
    changes: dict[str, Any] = {}
    if request.method == "tools/call":
        changes["arguments"] = params["arguments"]
    elif "uri" in params:
        changes["uri"] = type(kept.uri)(params["uri"])
    elif request.method == "completion/complete":
        changes["ref"] = type(kept.ref).model_validate(params["ref"])
    return request.model_copy(update={"params": kept.model_copy(update=changes)})
