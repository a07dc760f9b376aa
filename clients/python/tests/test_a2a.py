"""The guard of an A2A agent, with the SDK's own server and client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes
from a2a.server.tasks import InMemoryTaskStore
from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    Task,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import A2AError
from conftest import DEFAULT_HOSTS, Service, Stub, serve
from google.protobuf import json_format
from starlette.applications import Starlette

from behest_authzen import AsyncAuthZenClient
from behest_authzen.a2a import CallContextBuilder, Guard
from behest_authzen.asgi import Challenges

pytestmark = pytest.mark.anyio

RAN: list[str] = []


class Echo(AgentExecutor):
    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        RAN.append("execute")
        await event_queue.enqueue_event(
            Message(
                message_id="m",
                role=Role.ROLE_AGENT,
                parts=[Part(text=context.get_user_input())],
                context_id=context.context_id or "",
            )
        )

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        RAN.append("cancel")


def app_of(guard: Guard, how: str, url: str, executor: Any) -> Any:
    card = AgentCard(
        name="scribe",
        description="d",
        version="1",
        capabilities=AgentCapabilities(streaming=True, push_notifications=True),
        supported_interfaces=[
            AgentInterface(
                url=f"{url}/rpc",
                protocol_binding="JSONRPC",
                protocol_version="1.0",
            )
        ],
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
    )
    if how == "instance":
        executor = guard.executor(executor)
    elif how == "class":
        executor = guard.executor(Echo)()
    handler: Any = DefaultRequestHandler(
        agent_executor=executor,
        task_store=InMemoryTaskStore(),
        agent_card=card,
    )
    if how == "handler":
        handler = guard.handler(handler)
    routes = create_agent_card_routes(card)
    routes += create_jsonrpc_routes(handler, "/rpc", context_builder=CallContextBuilder())
    return Challenges(Starlette(routes=routes), guard)


@contextlib.asynccontextmanager
async def agent(
    guard: Guard, how: str, token: str | None, executor: Any = None
) -> AsyncIterator[Any]:
    """Runs an agent; yields a client that comes with a token."""
    holder: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await holder[0](scope, receive, send)

    with serve(app_lifespan(app)) as url:
        holder.append(app_of(guard, how, url, executor or Echo()))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=20) as http:
            config = ClientConfig(httpx_client=http, streaming=False)
            yield await ClientFactory(config).create_from_url(url), http, url


def app_lifespan(app: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
        else:
            await app(scope, receive, send)

    return wrapped


def hello() -> SendMessageRequest:
    return SendMessageRequest(
        message=Message(message_id="1", role=Role.ROLE_USER, parts=[Part(text="hello")])
    )


HOWS = ("handler", "instance", "class")


@pytest.mark.parametrize("how", HOWS)
async def test_a_message(how: str, service: Service) -> None:
    guard = Guard("scribe", service.url)
    RAN.clear()
    async with agent(guard, how, service.token("ana")) as (client, _, _):
        answers = [event async for event in client.send_message(hello())]
        assert answers[0].message.parts[0].text == "hello" and RAN == ["execute"]


@pytest.mark.parametrize("how", HOWS)
async def test_a_message_that_is_denied(how: str, service: Service) -> None:
    guard = Guard("scribe", service.url)
    RAN.clear()
    async with agent(guard, how, service.token("eve")) as (client, _, _):
        if how == "handler":
            with pytest.raises(A2AError, match="not_permitted"):
                async for _ in client.send_message(hello()):
                    pass
        else:
            answers = [event async for event in client.send_message(hello())]
            task = answers[-1].task
            assert task.status.state == TaskState.TASK_STATE_REJECTED
            text, data = task.status.message.parts
            assert text.text.startswith("Denied (not_permitted)")
            said = json_format.MessageToDict(data.data)
            assert said["code"] == "not_permitted" and said["principal"]["id"] == "eve"
    assert RAN == []


async def test_every_call_is_asked_about(stub: Stub) -> None:
    guard = Guard("scribe", stub.url, actions={"on_cancel_task": "cancel"})
    stub.reset(("invoke", "scribe"), ("cancel", "scribe"))
    async with agent(guard, "handler", "t") as (client, http, url):
        with pytest.raises(A2AError, match="forbidden"):
            await client.get_task(GetTaskRequest(id="t-1"))
        with pytest.raises(A2AError, match="forbidden"):
            await client.cancel_task(CancelTaskRequest(id="t-1"))
        assert stub.questions() == [("invoke", "scribe"), ("cancel", "scribe")]
        for method in (
            "SendStreamingMessage",
            "SubscribeToTask",
            "ListTasks",
            "GetExtendedAgentCard",
            "CreateTaskPushNotificationConfig",
            "ListTaskPushNotificationConfigs",
            "GetTaskPushNotificationConfig",
            "DeleteTaskPushNotificationConfig",
        ):
            params: dict[str, Any] = {"id": "t-1", "taskId": "t-1", "url": "http://127.0.0.1:1/"}
            if method == "SendStreamingMessage":
                params = {
                    "message": {"messageId": "1", "role": "ROLE_USER", "parts": [{"text": "x"}]}
                }
            elif method in ("ListTasks", "GetExtendedAgentCard"):
                params = {}
            elif method == "SubscribeToTask":
                params = {"id": "t-1"}
            elif method.startswith("Create"):
                params = {"taskId": "t-1", "url": "http://127.0.0.1:1/"}
            elif method.startswith("List"):
                params = {"taskId": "t-1"}
            else:
                params = {"taskId": "t-1", "id": "c"}
            body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
            response = await http.post(f"{url}/rpc", json=body, headers={"A2A-Version": "1.0"})
            assert "Denied (forbidden)" in response.text, (method, response.text)


async def test_no_token(service: Service) -> None:
    guard = Guard("scribe", service.url)
    RAN.clear()
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "SendMessage",
        "params": json_format.MessageToDict(hello()),
    }
    for how in HOWS:
        async with agent(guard, how, None) as (_, http, url):
            assert (await http.get(f"{url}/.well-known/agent-card.json")).status_code == 200
            response = await http.post(f"{url}/rpc", json=body)
            assert response.status_code == 401
            headers = {"Authorization": "Bearer nonsense", "A2A-Version": "1.0"}
            response = await http.post(f"{url}/rpc", json=body, headers=headers)
            if how == "handler":
                assert response.status_code == 401
                assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert RAN == []


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("name", ["not JSON", "a text", "500", "nothing"])
async def test_a_hostile_pdp(how: str, name: str, hostile: Any) -> None:
    pdp = AsyncAuthZenClient(hostile(*DEFAULT_HOSTS[name]).url, timeout=0.5)
    RAN.clear()
    async with agent(Guard("scribe", pdp), how, "t") as (client, _, _):
        try:
            answers = [event async for event in client.send_message(hello())]
            assert answers[-1].task.status.state == TaskState.TASK_STATE_REJECTED
        except A2AError as error:
            assert "pdp_unavailable" in str(error)
    assert RAN == []


class Asking(AgentExecutor):
    """Asks for input first, and is done with the second message."""

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        RAN.append("execute")
        ids = {"task_id": context.task_id or "", "context_id": context.context_id or ""}
        if context.current_task is None:
            await event_queue.enqueue_event(
                Task(
                    id=ids["task_id"],
                    context_id=ids["context_id"],
                    status=TaskStatus(state=TaskState.TASK_STATE_INPUT_REQUIRED),
                )
            )
            return
        done = TaskStatus(state=TaskState.TASK_STATE_COMPLETED)
        await event_queue.enqueue_event(TaskStatusUpdateEvent(status=done, **ids))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        raise AssertionError("it was cancelled")


async def test_whoever_may_not_continue_a_task_does_not_end_it(service: Service) -> None:
    guard = Guard("scribe", service.url)
    RAN.clear()
    ana, eve = service.token("ana"), service.token("eve")
    async with agent(guard, "instance", ana, Asking()) as (client, http, _):
        first = [event async for event in client.send_message(hello())][-1].task
        assert first.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        more = hello()
        more.message.task_id, more.message.context_id = first.id, first.context_id
        http.headers["Authorization"] = f"Bearer {eve}"
        second = [event async for event in client.send_message(more)][-1].task
        assert second.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
        assert second.status.message.parts[0].text.startswith("Denied (not_permitted)")
        assert RAN == ["execute"]
        http.headers["Authorization"] = f"Bearer {ana}"
        more.message.message_id = "2"
        third = [event async for event in client.send_message(more)][-1].task
        assert third.status.state == TaskState.TASK_STATE_COMPLETED
        assert RAN == ["execute", "execute"]


async def test_a_stream(service: Service) -> None:
    guard = Guard("scribe", service.url)
    async with agent(guard, "handler", service.token("ana")) as (_, http, url):
        config = ClientConfig(httpx_client=http, streaming=True)
        client = await ClientFactory(config).create_from_url(url)
        answers = [event async for event in client.send_message(hello())]
        assert answers[0].message.parts[0].text == "hello"


def test_what_can_be_guarded() -> None:
    guard = Guard("scribe", "http://127.0.0.1:1")
    for target in (object(), object):
        with pytest.raises(TypeError):
            guard.executor(target)
    assert guard.executor(Echo).__name__ == "Echo" and issubclass(guard.executor(Echo), Echo)
