"""A guard for servers of ``fastmcp``, version 4.

FastMCP runs its middleware around every message, and again around each tool that a tool of the
server calls, so that tools that search for and call others are no way around the guard. Mounted
servers and proxies are behind the guard of the server that mounts them.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_request, without_injected_parameters
from fastmcp.server.middleware import CallNext, MiddlewareContext
from fastmcp.server.middleware import Middleware as FastMCPMiddleware
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.providers.addressing import parse_hashed_backend_name
from fastmcp.server.providers.fastmcp_provider import FastMCPProviderTool
from fastmcp.tools.base import Tool, ToolResult
from fastmcp.tools.function_tool import (
    FunctionTool,
    _strict_input_validation,
    _validate_input,
)
from fastmcp.utilities.types import get_cached_typeadapter
from fastmcp.utilities.versions import VersionSpec
from mcp.server.caching import CacheHint
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from .arguments import settled, with_defaults
from .client import AsyncAuthZenClient
from .denial import Denial, Denied
from .guard import Guard, Settings
from .methods import LISTS, NOTIFICATIONS
from .model import Reason
from .principal import Unasked

__all__ = ["Middleware", "Settings"]

_CHANGING = (
    "__call__",
    "_dispatch_handler",
    "on_message",
    "on_request",
    "on_call_tool",
    "on_read_resource",
    "on_get_prompt",
    "on_list_tools",
    "on_list_resources",
    "on_list_prompts",
)
"""Hooks in which a middleware behind the guard could change what was asked about."""


class Middleware(FastMCPMiddleware):
    """``FastMCP("payments", middleware=[Middleware("payments", "http://127.0.0.1:8181")])``."""

    def __init__(
        self,
        server: str,
        pdp: AsyncAuthZenClient | str,
        settings: Settings | None = None,
        *,
        behind: Sequence[type] = (),
        **more: Any,
    ) -> None:
        """Makes a guard for the server that policies call ``server``.

        ``behind`` lists middleware of your own that may stand behind the guard, since it changes
        no request; FastMCP's own may. ``more`` are the settings of ``Settings``, by name.
        """
        self.guard = Guard(server, pdp, settings, **more)
        self._behind = tuple(behind)
        self._placed: list[FastMCPMiddleware] = []
        self._adapters: WeakKeyDictionary[Callable[..., Any], Any] = WeakKeyDictionary()

    async def __call__(self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]) -> Any:
        method = context.method or ""
        if context.type == "notification":
            # A request that comes without an id is no notification, and is not served as one.
            return await call_next(context) if method.startswith(NOTIFICATIONS) else None
        try:
            server = self._server(context)
            self._is_placed(server)
            if method in LISTS and not isinstance(context.message, Mapping):
                return await self._list(server, method, context, call_next)
            context, asked, invalid = await self._read(server, method, context)
            await self.guard.check(self.guard.call(method, asked, _http()), asked)
        except Denied as denied:
            return self._refuse(method, context, denied.denial)
        except Unasked as unasked:
            return self._refuse(method, context, Denial(unasked.reason))
        if invalid is not None:
            return ToolResult(content=invalid, is_error=True)
        return await call_next(context)

    async def check_resource_access(self, context: MiddlewareContext[Any]) -> None:
        """Asks whether a resource may be read, where its content is not what is wanted."""
        params = self.guard.normal("resources/read", {"uri": str(context.message.uri)})
        try:
            await self.guard.check(self.guard.call("resources/read", params, _http()), params)
        except Denied as denied:
            self._refuse("resources/read", context, denied.denial)

    def _server(self, context: MiddlewareContext[Any]) -> FastMCP[Any]:
        if context.fastmcp_context is None:
            raise Unasked(Reason("guard_failed", "The request belongs to no server.", "none"))
        server = context.fastmcp_context.fastmcp
        self._keep_private(server)
        return server

    def _is_placed(self, server: FastMCP[Any]) -> None:
        """Refuses everything while another middleware could undo or change what is decided."""
        order, placed = server.middleware, self._placed
        if len(order) == len(placed) and all(map(operator.is_, order, placed)):
            return
        place = next((i for i, other in enumerate(server.middleware) if other is self), None)
        if place is None:
            raise _misplaced("The guard is not among the server's middleware.")
        for other in server.middleware[:place]:
            if isinstance(other, ResponseCachingMiddleware):
                raise _misplaced(
                    "A cache stands before the guard, and would answer without asking."
                )
        self._check_behind(server.middleware[place + 1 :])
        self._placed = list(order)

    def _check_behind(self, middleware: Sequence[FastMCPMiddleware]) -> None:
        for other in middleware:
            if not self._may_stand_behind(other):
                raise _misplaced(
                    f"The middleware `{type(other).__name__}` stands behind the guard, and could "
                    "change a request: put the guard last, or list it in `behind`."
                )

    def _may_stand_behind(self, other: FastMCPMiddleware) -> bool:
        kind = type(other)
        if isinstance(other, (Middleware, *self._behind)):
            return True
        if kind.__module__.startswith("fastmcp."):
            return True
        return all(getattr(kind, hook) is getattr(FastMCPMiddleware, hook) for hook in _CHANGING)

    def _keep_private(self, server: FastMCP[Any]) -> None:
        """Caps how long, and for whom, clients keep what they were shown."""
        hints = server._mcp_server.cache_hints
        cap = self.guard.settings.list_ttl_ms
        for method, hint in hints.items():
            if hint.scope != "private" or hint.ttl_ms > cap:
                hints[method] = CacheHint(ttl_ms=min(hint.ttl_ms, cap), scope="private")

    async def _list(
        self,
        server: FastMCP[Any],
        method: str,
        context: MiddlewareContext[Any],
        call_next: CallNext[Any, Any],
    ) -> Sequence[Any]:
        _, key, _ = LISTS[method]
        found = list(await call_next(context))
        names = [str(getattr(entry, key)) for entry in found]
        seen = await self.guard.narrow(self.guard.call(method, {}, _http()), names)
        return [entry for entry, name in zip(found, names, strict=True) if name in seen]

    async def _read(
        self, server: FastMCP[Any], method: str, context: MiddlewareContext[Any]
    ) -> tuple[MiddlewareContext[Any], dict[str, Any], str | None]:
        """Returns the message to hand on, what to ask about, and why the tool would refuse it."""
        message = context.message
        if isinstance(message, Mapping):
            params = self.guard.normal(method, message)
            return context.copy(message=params), params, None
        if method == "tools/call":
            return await self._read_tool(server, context)
        if method == "resources/read":
            uri = self.guard.normal(method, {"uri": str(message.uri)})["uri"]
            return context.copy(message=message.model_copy(update={"uri": uri})), {"uri": uri}, None
        if method == "prompts/get":
            return context, {"name": message.name, "arguments": message.arguments}, None
        inner = getattr(message, "params", None)
        params = inner.model_dump(by_alias=True) if isinstance(inner, BaseModel) else {}
        return context, params, None

    async def _read_tool(
        self, server: FastMCP[Any], context: MiddlewareContext[Any]
    ) -> tuple[MiddlewareContext[Any], dict[str, Any], str | None]:
        message = context.message
        arguments = dict(message.arguments or {})
        tool = await _find_tool(server, message.name, _version(message.meta))
        name = message.name if tool is None else tool.name
        try:
            asked, handed = await self._arguments(tool, arguments)
        except ValidationError as error:
            return context, {"name": name, "arguments": arguments}, str(error)
        context = context.copy(message=message.model_copy(update={"arguments": handed}))
        return context, {"name": name, "arguments": asked}, None

    async def _arguments(
        self, tool: Tool | None, arguments: dict[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        while isinstance(tool, FastMCPProviderTool):
            version = VersionSpec(eq=tool.version) if tool.version else None
            self._check_behind(tool._server.middleware)
            tool = await _find_tool(tool._server, tool._original_name or "", version)
        if isinstance(tool, FunctionTool):
            return settled(self._reader(tool.fn), arguments)
        filled = with_defaults(tool.parameters if tool is not None else {}, arguments)
        return filled, filled

    def _reader(self, fn: Callable[..., Any]) -> Callable[[dict[str, Any]], Mapping[str, Any]]:
        """Returns what reads arguments as a function's types do, without running it."""
        try:
            adapter = self._adapters.get(fn)
        except TypeError:
            adapter = None
        if adapter is None:
            adapter = get_cached_typeadapter(_recorder(without_injected_parameters(fn)))
            try:
                self._adapters[fn] = adapter
            except TypeError:
                pass
        strict = _strict_input_validation()
        return lambda arguments: _validate_input(adapter, arguments, strict=strict)

    def _refuse(self, method: str, context: MiddlewareContext[Any], denial: Denial) -> ToolResult:
        settings = self.guard.settings
        if method == "tools/call" and not isinstance(context.message, Mapping):
            said = denial.tool_result(settings.structured_denials)
            return ToolResult(
                content=denial.text(),
                structured_content=said["structuredContent"],
                meta=said.get("_meta"),
                is_error=True,
            )
        raise MCPError(settings.denial_code, denial.text(), denial.structured())


def _misplaced(message: str) -> Unasked:
    return Unasked(Reason("guard_misplaced", message, "none"))


def _recorder(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function with the parameters of another, which returns what it is called with."""
    from fastmcp.tools.function_tool import _wrap_body_errors

    shaped = _wrap_body_errors(fn)
    signature = inspect.signature(shaped)

    def record(*args: Any, **kwargs: Any) -> dict[str, Any]:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        found: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                found.update(value)
            elif signature.parameters[name].kind is not inspect.Parameter.VAR_POSITIONAL:
                found[name] = value
        return found

    functools.update_wrapper(record, shaped)
    del record.__wrapped__  # type: ignore[attr-defined]
    record.__signature__ = signature.replace(  # type: ignore[attr-defined]
        return_annotation=inspect.Signature.empty
    )
    record.__annotations__ = {
        name: hint for name, hint in shaped.__annotations__.items() if name != "return"
    }
    return record


async def _find_tool(server: FastMCP[Any], name: str, version: VersionSpec | None) -> Tool | None:
    """Returns the tool that a name stands for, whichever way it is addressed."""
    tool = await server.get_tool(name, version)
    if tool is None and (hashed := parse_hashed_backend_name(name)) is not None:
        tool = await server.get_tool_by_hash(*hashed)
    return tool


def _version(meta: Any) -> VersionSpec | None:
    said = meta.get("fastmcp") if isinstance(meta, Mapping) else None
    version = said.get("version") if isinstance(said, Mapping) else None
    if isinstance(version, str):
        return VersionSpec(eq=version)
    if isinstance(version, Mapping):
        bounds = {key: version.get(key) for key in ("gte", "lt", "eq")}
        return VersionSpec(**{key: value for key, value in bounds.items() if value is not None})
    return None


def _http() -> Any:
    """Returns the HTTP request that carried this message, if one did."""
    try:
        return get_http_request()
    except RuntimeError:
        return None
