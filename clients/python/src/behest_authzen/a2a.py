"""A guard for A2A agents of ``a2a-sdk``.

``guard.handler`` decides about every call to the agent, those that read and cancel tasks and
register callbacks included: use it. ``guard.executor`` is for servers that leave no room for a
handler: it decides before the agent works on a message, and about nothing else. A denial becomes a
rejected task that says why; a task that is there already stays as it is.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Mapping
from typing import Any, TypeVar

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import RequestHandler
from a2a.server.routes.common import DefaultServerCallContextBuilder
from a2a.types import Message, Part, Role, Task, TaskState, TaskStatus, TaskStatusUpdateEvent
from a2a.utils.errors import UnsupportedOperationError
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from starlette.requests import Request

from .ask import Asker, Settings, call_of
from .client import AsyncAuthZenClient
from .denial import Denial, Denied
from .model import Action, Resource
from .principal import Call

__all__ = ["CallContextBuilder", "Guard", "Settings"]

_REQUEST = "behest_authzen.request"

Target = TypeVar("Target")


class CallContextBuilder(DefaultServerCallContextBuilder):
    """Keeps the HTTP request for the guard, so that denials can carry 401 and 403."""

    def build(self, request: Request) -> ServerCallContext:
        """Builds the context of a call."""
        context = super().build(request)
        context.state[_REQUEST] = request
        return context


class Guard(Asker):
    """``Guard("scribe", "http://127.0.0.1:8181").handler(handler)`` guards a whole agent."""

    def __init__(
        self,
        agent: str,
        pdp: AsyncAuthZenClient | str,
        settings: Settings | None = None,
        *,
        action: str = "invoke",
        actions: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        """Makes a guard for the agent that policies call ``agent``.

        Whoever may do ``action`` to it may call it. ``actions`` names other actions for single
        calls, by the handler's method (``{"on_cancel_task": "cancel"}``).
        """
        super().__init__(pdp, settings, **more)
        self.agent = Resource("agent", agent)
        self._action = action
        self._actions = dict(actions or {})

    async def check(self, method: str, context: ServerCallContext) -> None:
        """Asks whether a call may go on. Raises ``Denied`` if not."""
        action = Action(self._actions.get(method, self._action))
        await self.ask(self._call(method, context), action, self.agent)

    def handler(self, inner: RequestHandler) -> RequestHandler:
        """Returns a handler that asks before every call to another."""
        made: RequestHandler = _guarded_handler(self, inner)
        return made

    def executor(self, target: Target) -> Target:
        """Guards an executor, or a class of executors: a decorator."""
        if isinstance(target, type):
            made: Target = _guarded_class(self, target)
            return made
        if not isinstance(target, AgentExecutor):
            raise TypeError("`target` must be an `AgentExecutor`, or a class of them")
        return _Executor(self, target)  # type: ignore[return-value]

    async def refuses(self, context: RequestContext, queue: EventQueue) -> bool:
        """Asks about the work on a message. If it is denied, says so to the client."""
        try:
            await self.check("execute", context.call_context)
        except Denied as denied:
            await queue.enqueue_event(_refusal(context, denied.denial))
            return True
        return False

    def _call(self, method: str, context: ServerCallContext) -> Call:
        request = context.state.get(_REQUEST)
        if isinstance(request, Request):
            return call_of(method, self.agent.id, request, self.settings.url)
        headers = context.state.get("headers")
        found = headers if isinstance(headers, Mapping) else {}
        return Call(
            method=method,
            name=self.agent.id,
            headers={str(name).lower(): (str(value),) for name, value in found.items()},
            request=context,
        )


def _error(denial: Denial) -> UnsupportedOperationError:
    """Returns the error of a call that was denied; its data are texts, as A2A wants them."""
    said = denial.structured()
    principal = said.pop("principal", None)
    data = {name: " ".join(v) if isinstance(v, list) else str(v) for name, v in said.items()}
    if principal:
        data["principal"] = f"{principal.get('type')}:{principal.get('id')}"
    return UnsupportedOperationError(denial.text(), data)


def _refusal(context: RequestContext, denial: Denial) -> Task | TaskStatusUpdateEvent:
    """Returns a rejected task; or, where there is one already, why its state stays as it is.

    Whoever may not continue a task must not end it either.
    """
    ids = {"task_id": context.task_id or "", "context_id": context.context_id or ""}
    data = json_format.ParseDict(denial.structured(), struct_pb2.Value())
    message = Message(
        message_id=f"{context.task_id}-denied",
        role=Role.ROLE_AGENT,
        parts=[Part(text=denial.text()), Part(data=data)],
        **ids,
    )
    task = context.current_task
    if task is not None:
        status = TaskStatus(state=task.status.state, message=message)
        return TaskStatusUpdateEvent(status=status, **ids)
    rejected = TaskStatus(state=TaskState.TASK_STATE_REJECTED, message=message)
    return Task(id=ids["task_id"], context_id=ids["context_id"], status=rejected)


class _Executor(AgentExecutor):
    def __init__(self, guard: Guard, inner: AgentExecutor) -> None:
        self._guard = guard
        self._inner = inner

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        if not await self._guard.refuses(context, event_queue):
            await self._inner.execute(context, event_queue)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        await self._inner.cancel(context, event_queue)


def _guarded_class(guard: Guard, target: Any) -> Any:
    if not issubclass(target, AgentExecutor):
        raise TypeError("`target` must be an `AgentExecutor`, or a class of them")

    class Guarded(target):  # type: ignore[misc]
        async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
            if not await guard.refuses(context, event_queue):
                await super().execute(context, event_queue)

    functools.update_wrapper(Guarded, target, updated=())
    return Guarded


def _guarded_handler(guard: Guard, inner: RequestHandler) -> Any:
    """Makes a handler of which every method asks; one that the SDK adds later asks as well."""

    class Handler(RequestHandler):
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

    for name in dir(RequestHandler):
        if name.startswith("on_"):
            setattr(Handler, name, _asking(guard, inner, name))
    Handler.__abstractmethods__ = frozenset()
    make: Any = Handler
    return make()


def _asking(guard: Guard, inner: RequestHandler, name: str) -> Any:
    method = getattr(inner, name)
    streams = name in ("on_message_send_stream", "on_subscribe_to_task") or (
        inspect.isasyncgenfunction(inspect.unwrap(method))
    )

    async def check(context: ServerCallContext) -> None:
        try:
            await guard.check(name, context)
        except Denied as denied:
            raise _error(denied.denial) from denied

    async def stream(self: Any, params: Any, context: ServerCallContext) -> AsyncGenerator[Any]:
        await check(context)
        async for event in method(params, context):
            yield event

    async def single(self: Any, params: Any, context: ServerCallContext) -> Any:
        await check(context)
        return await method(params, context)

    return stream if streams else single
