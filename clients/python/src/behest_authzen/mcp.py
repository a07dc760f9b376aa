"""A guard for servers of ``mcp``, version 2: ``MCPServer`` and the low-level ``Server``.

It stands around every message of every transport, as the innermost middleware, so that nothing
changes a request after it was asked about. Tools, resources and methods that are added later are
behind it as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import SERVER_INFO_META_KEY
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from . import guard
from .arguments import settled, with_defaults
from .denial import Denial, Denied
from .guard import Settings
from .methods import CACHEABLE, LISTS, NOTIFICATIONS
from .model import Reason
from .principal import Unasked

__all__ = ["Guard", "Settings"]

AnyServer = TypeVar("AnyServer", MCPServer[Any], Server[Any])


class Guard(guard.Guard):
    """``Guard("payments", "http://127.0.0.1:8181").protect(server)`` guards a whole server."""

    def protect(self, server: AnyServer) -> AnyServer:
        """Puts the guard around every message to ``server``, and returns the server."""
        if type(server).__module__.split(".")[0] == "fastmcp":
            raise TypeError("this is a server of fastmcp: use `behest_authzen.fastmcp`")
        low: Any = server._lowlevel_server if isinstance(server, MCPServer) else server
        if not isinstance(low, Server):
            raise TypeError(f"`{type(server).__name__}` is no server of `mcp`")
        if any(isinstance(other, _Around) for other in low.middleware):
            raise ValueError("the server has a guard already")
        low.middleware.append(_Around(self, low, server if isinstance(server, MCPServer) else None))
        return server


class _Invalid(Exception):
    """Arguments that the tool would refuse."""


class _Around:
    def __init__(self, guard: Guard, low: Server[Any], high: MCPServer[Any] | None) -> None:
        self._guard = guard
        self._low = low
        self._tools = high._tool_manager if high is not None else None

    async def __call__(
        self, ctx: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if ctx.request_id is None:
            # A request that comes without an id is no notification, and is not served as one.
            return await call_next(ctx) if ctx.method.startswith(NOTIFICATIONS) else None
        params = ctx.params if isinstance(ctx.params, Mapping) else {}
        try:
            self._is_innermost()
            if ctx.method in LISTS:
                return await self._list(ctx, params, call_next)
            asked, handed, invalid = self._read(ctx.method, params)
            call = self._guard.call(ctx.method, params, ctx.request)
            await self._guard.check(call, asked)
        except Denied as denied:
            return self._refuse(ctx, params, denied.denial)
        except Unasked as unasked:
            return self._refuse(ctx, params, Denial(unasked.reason))
        if invalid is not None:
            return self._wrap(
                ctx, {"content": [{"type": "text", "text": invalid}], "isError": True}
            )
        if self._guard.passes(ctx.method):
            return await call_next(ctx)
        result = await call_next(replace(ctx, params=handed))
        return self._private(ctx, result)

    def _is_innermost(self) -> None:
        if self._low.middleware[-1] is not self:
            last = self._low.middleware[-1]
            name = getattr(last, "__name__", type(last).__name__)
            message = (
                f"The middleware `{name}` stands behind the guard, and could change a request."
            )
            raise Unasked(Reason("guard_misplaced", message, "none"))

    def _read(
        self, method: str, params: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any], str | None]:
        """Returns what to ask about, what to hand on, and why the tool would refuse it."""
        normal = self._guard.normal(method, params)
        name = normal.get("name")
        if method != "tools/call" or not isinstance(name, str):
            return normal, normal, None
        arguments = normal.get("arguments")
        if arguments is None:
            arguments = {}
        if not isinstance(arguments, Mapping):
            return normal, normal, None
        try:
            asked, handed = self._arguments(name, arguments)
        except _Invalid as invalid:
            return {**normal, "arguments": arguments}, normal, str(invalid)
        return {**normal, "arguments": asked}, {**normal, "arguments": handed}, None

    def _arguments(
        self, name: str, arguments: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        tool = self._tools.get_tool(name) if self._tools is not None else None
        if tool is not None:
            try:
                return settled(tool.fn_metadata.validate_arguments, arguments)
            except ValidationError as error:
                raise _Invalid(f"Error executing tool {name}: {error}") from error
        lookup = self._low.get_tool_input_schema if self._tools is None else None
        schema = lookup(name) if lookup is not None else None
        filled = with_defaults(schema or {}, arguments)
        return filled, filled

    async def _list(
        self, ctx: ServerRequestContext[Any, Any], params: Mapping[str, Any], call_next: CallNext
    ) -> HandlerResult:
        member, key, _ = LISTS[ctx.method]
        result = await call_next(ctx)
        entries = result.get(member) if isinstance(result, dict) else None
        if not isinstance(result, dict) or not isinstance(entries, list):
            raise Unasked(Reason("guard_failed", "The server's list could not be read.", "none"))
        call = self._guard.call(ctx.method, params, ctx.request)
        seen = await self._guard.narrow(call, [str(entry[key]) for entry in entries])
        narrowed = {**result, member: [entry for entry in entries if str(entry[key]) in seen]}
        return self._private(ctx, narrowed)

    def _private(self, ctx: ServerRequestContext[Any, Any], result: HandlerResult) -> HandlerResult:
        """Keeps what one caller was shown from being shown to others, or for long."""
        if ctx.method not in CACHEABLE or not isinstance(result, dict):
            return result
        if "cacheScope" not in result and "ttlMs" not in result:
            return result
        ttl = result.get("ttlMs")
        capped = min(ttl, self._guard.settings.list_ttl_ms) if isinstance(ttl, int) else 0
        return {**result, "cacheScope": "private", "ttlMs": capped}

    def _refuse(
        self, ctx: ServerRequestContext[Any, Any], params: Mapping[str, Any], denial: Denial
    ) -> HandlerResult:
        settings = self._guard.settings
        if ctx.method == "tools/call" and params.get("task") is None:
            return self._wrap(ctx, denial.tool_result(settings.structured_denials))
        raise MCPError(settings.denial_code, denial.text(), denial.structured())

    def _wrap(self, ctx: ServerRequestContext[Any, Any], result: dict[str, Any]) -> dict[str, Any]:
        """Completes a result that no handler made, as this revision of the protocol wants it."""
        if ctx.protocol_version in MODERN_PROTOCOL_VERSIONS:
            meta = {**result.get("_meta", {}), SERVER_INFO_META_KEY: self._low.server_info_stamp}
            return {**result, "resultType": "complete", "_meta": meta}
        return result
