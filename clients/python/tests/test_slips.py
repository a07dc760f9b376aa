"""Ways around a guard, each of which must be closed, or loud."""

from __future__ import annotations

import itertools
import uuid
from decimal import Decimal
from typing import Annotated, Any

import mcp_types as types
import pytest
from conftest import DEFAULT_HOSTS, Hostile, Service, Stub, answer
from desk import RAN, SERVERS, As
from fastmcp import Client as FastClient
from fastmcp import Context, FastMCP
from fastmcp.server import create_proxy
from fastmcp.server.middleware import Middleware as Plain
from fastmcp.server.middleware.caching import ResponseCachingMiddleware
from fastmcp.server.middleware.timing import TimingMiddleware
from fastmcp.server.middleware.tool_injection import ToolInjectionMiddleware
from fastmcp.server.transforms import PromptsAsTools, ResourcesAsTools
from fastmcp.server.transforms.search import RegexSearchTransform
from fastmcp.tools import Tool
from fastmcp.tools.base import ToolResult
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from pydantic import AfterValidator, BaseModel, Field, SecretStr

from behest_authzen import AsyncAuthZenClient, Credential, Subject, Unasked, chain
from behest_authzen.fastmcp import Middleware
from behest_authzen.mcp import Guard
from behest_authzen.methods import normal_uri

pytestmark = pytest.mark.anyio

ANA = As("ana")


DOUBLED = Annotated[int, AfterValidator(lambda value: value * 2)]
GROWN = itertools.count()
GROWING = Annotated[int, AfterValidator(lambda value: value + next(GROWN))]
KEY = Annotated[str, Field(default_factory=lambda: uuid.uuid4().hex)]
NUMBER = Annotated[int, Field(default_factory=itertools.count().__next__)]


class Line(BaseModel):
    price: Decimal
    secret: SecretStr
    count: int = 1


def arguments_asked(stub: Stub) -> list[dict[str, Any]]:
    """Returns the arguments of each call that was asked about."""
    contexts = [q["context"] for q in stub.asked if q["action"]["name"] == "tools/call"]
    return [context["arguments"] for context in contexts if "arguments" in context]


def low_of(server: Any) -> Any:
    return getattr(server, "_mcp_server", server)


async def call(
    server: Any, name: str, arguments: dict[str, Any] | None = None, **more: Any
) -> types.CallToolResult:
    async with Client(low_of(server), mode="legacy") as client:
        return await client.call_tool(name, arguments or {}, **more)


def code(result: types.CallToolResult) -> str:
    assert result.is_error and result.structured_content is not None, result
    said: str = result.structured_content["code"]
    return said


def fast(stub: Stub, *before: Plain, after: tuple[Plain, ...] = (), **more: Any) -> FastMCP[Any]:
    guard = Middleware("desk", stub.url, principal=ANA, **more)
    return FastMCP("desk", middleware=[*before, guard, *after])


def high(stub: Stub, **more: Any) -> MCPServer[Any]:
    return Guard("desk", stub.url, principal=ANA, **more).protect(MCPServer("desk"))


# ---- what is added, mounted, renamed, or called by another tool


@pytest.mark.parametrize("make", [fast, high])
async def test_a_tool_that_is_added_later(make: Any, stub: Stub) -> None:
    server = make(stub)
    stub.reset(("tools/call", "desk/late"))
    async with Client(low_of(server), mode="legacy") as client:
        assert (await client.list_tools()).tools == []
        ran = []
        add = server.tool if isinstance(server, FastMCP) else server.add_tool

        def late() -> str:
            ran.append(1)
            return "ran"

        add(late)
        assert (await client.list_tools()).tools == []
        assert code(await client.call_tool("late", {})) == "forbidden"
        assert ran == []
        stub.reset()
        assert not (await client.call_tool("late", {})).is_error


async def test_mounted_servers_and_proxies(stub: Stub) -> None:
    ran = []
    inner: FastMCP[Any] = FastMCP("inner")

    @inner.tool
    def pay(amount: int = 7) -> str:
        ran.append(amount)
        return "paid"

    outer = fast(stub)
    outer.mount(inner, namespace="in")
    outer.mount(create_proxy(inner), namespace="far")
    deeper: FastMCP[Any] = FastMCP("deeper")
    deeper.mount(inner, namespace="x")
    outer.mount(deeper, namespace="y")
    for name in ("in_pay", "far_pay", "y_x_pay"):
        stub.reset(("tools/call", f"desk/{name}"))
        assert code(await call(outer, name)) == "forbidden"
        assert ran == []
        stub.reset()
        assert not (await call(outer, name)).is_error
        question = next(q for q in stub.asked if q["action"]["name"] == "tools/call")
        assert question["context"]["arguments"] == {"amount": 7}
        assert ran == [7]
        ran.clear()
        async with Client(low_of(outer), mode="legacy") as client:
            stub.reset(("tools/call", f"desk/{name}"))
            assert name not in [tool.name for tool in (await client.list_tools()).tools]


async def test_a_guard_on_what_is_mounted(stub: Stub) -> None:
    inner = fast(stub)

    @inner.tool
    def pay() -> str:
        return "paid"

    outer: FastMCP[Any] = FastMCP("outer")
    outer.mount(inner, namespace="in")
    stub.reset(("tools/call", "desk/pay"))
    assert code(await call(outer, "in_pay")) == "forbidden"
    async with Client(low_of(outer), mode="legacy") as client:
        assert (await client.list_tools()).tools == []


async def test_tools_that_call_others(stub: Stub) -> None:
    server = fast(stub)
    ran = []

    @server.tool
    def secret() -> str:
        ran.append(1)
        return "told"

    @server.tool
    async def front(ctx: Context) -> str:
        result = await ctx.fastmcp.call_tool("secret", {})
        return str(result.content[0].text)

    stub.reset(("tools/call", "desk/secret"))
    said = await call(server, "front")
    assert "Denied (forbidden)" in said.content[0].text and ran == []

    server.add_transform(RegexSearchTransform())
    assert (await call(server, "call_tool", {"name": "secret", "arguments": {}})).is_error
    assert ran == []
    found = await call(server, "search_tools", {"pattern": ".*"})
    assert "secret" not in found.content[0].text


async def test_prompts_and_resources_as_tools(stub: Stub) -> None:
    server = fast(stub)

    @server.prompt
    def hidden() -> str:
        RAN.append(("hidden", {}))
        return "prompt"

    @server.resource("desk://hidden")
    def secret() -> str:
        RAN.append(("secret", {}))
        return "resource"

    server.add_transform(PromptsAsTools(server))
    server.add_transform(ResourcesAsTools(server))
    RAN.clear()
    stub.reset(("prompts/get", "desk/hidden"), ("resources/read", "desk://hidden"))
    for name, arguments in (
        ("get_prompt", {"name": "hidden"}),
        ("read_resource", {"uri": "desk://hidden"}),
    ):
        assert (await call(server, name, arguments)).is_error
    for name in ("list_prompts", "list_resources"):
        assert "hidden" not in str((await call(server, name)).content)
    assert RAN == []


async def test_injected_tools_and_custom_classes(stub: Stub) -> None:
    ran = []

    class Own(Tool):
        async def run(self, arguments: dict[str, Any]) -> ToolResult:
            ran.append(arguments)
            return ToolResult(content="ran")

    schema = {
        "type": "object",
        "properties": {
            "mode": {"default": "wild"},
            "in": {"$ref": "#/$defs/In"},
            "at": {"type": "integer"},
        },
        "$defs": {"In": {"type": "object", "properties": {"deep": {"default": 1}}}},
    }
    own = Own(name="own", parameters=schema)
    server = fast(stub, after=(ToolInjectionMiddleware([own]),))
    server.add_tool(Own(name="own2", parameters=schema))
    for name in ("own", "own2"):
        stub.reset(("tools/call", f"desk/{name}"))
        assert code(await call(server, name)) == "forbidden" and ran == []
        stub.reset()
        await call(server, name, {"in": {}})
        asked = next(q for q in stub.asked if q["action"]["name"] == "tools/call")
        expected = {"mode": "wild", "in": {"deep": 1}}
        assert asked["context"]["arguments"] == expected and ran == [expected]
        ran.clear()


async def test_renamed_tools(stub: Stub) -> None:
    from fastmcp.tools.tool_transform import ArgTransform

    server = fast(stub)
    ran = []

    def pay(amount: int, currency: str = "EUR") -> str:
        ran.append((amount, currency))
        return "paid"

    made = Tool.from_tool(
        Tool.from_function(pay),
        name="give",
        transform_args={"amount": ArgTransform(name="sum", default=5)},
    )
    server.add_tool(made)
    stub.reset(("tools/call", "desk/give"))
    assert code(await call(server, "give")) == "forbidden" and ran == []
    stub.reset()
    assert not (await call(server, "give")).is_error
    asked = next(q for q in stub.asked if q["action"]["name"] == "tools/call")
    assert asked["context"]["arguments"]["sum"] == 5 and ran == [(5, "EUR")]


async def test_versions_of_a_tool(stub: Stub) -> None:
    server = fast(stub)

    def old(force: bool = True) -> str:
        return f"old {force}"

    def new(force: bool = False) -> str:
        return f"new {force}"

    server.add_tool(Tool.from_function(old, name="tool", version="1"))
    server.add_tool(Tool.from_function(new, name="tool", version="2"))
    for version, text in ((None, "new False"), ("1", "old True"), ("2", "new False")):
        stub.reset()
        async with FastClient(server) as client:
            result = await client.call_tool("tool", {}, version=version)
        assert result.content[0].text == text
        asked = next(q for q in stub.asked if q["action"]["name"] == "tools/call")
        assert f"{asked['context']['arguments']['force']}" == text.split()[1]
        assert asked["resource"]["id"] == "desk/tool"


async def test_a_call_without_a_request_is_nobodys(stub: Stub) -> None:
    server: FastMCP[Any] = FastMCP("desk", middleware=[Middleware("desk", stub.url)])

    @server.tool
    def pay() -> str:
        RAN.append(("pay", {}))
        return "paid"

    RAN.clear()
    result = await server.call_tool("pay", {})
    assert result.is_error and "credential_missing" in result.content[0].text and RAN == []
    assert stub.asked == []


# ---- what stands around or behind the guard


async def test_a_cache_before_the_guard(stub: Stub) -> None:
    server = fast(stub, ResponseCachingMiddleware())

    @server.tool
    def pay() -> str:
        return "paid"

    with pytest.raises(Exception):
        await call(server, "pay")
    behind = fast(stub, after=(ResponseCachingMiddleware(), TimingMiddleware()))
    behind.tool(pay)
    assert not (await call(behind, "pay")).is_error
    stub.reset(("tools/call", "desk/pay"))
    assert code(await call(behind, "pay")) == "forbidden"


async def test_a_middleware_behind_the_guard(stub: Stub) -> None:
    class Rewriting(Plain):
        async def on_call_tool(self, context: Any, call_next: Any) -> Any:
            message = context.message.model_copy(update={"arguments": {"amount": 1_000_000}})
            return await call_next(context.copy(message=message))

    def pay(amount: int) -> str:
        RAN.append(("pay", {"amount": amount}))
        return "paid"

    RAN.clear()
    server = fast(stub, after=(Rewriting(),))
    server.tool(pay)
    with pytest.raises(Exception):
        await call(server, "pay", {"amount": 1})
    late = fast(stub)
    late.tool(pay)
    assert not (await call(late, "pay", {"amount": 1})).is_error
    async with Client(low_of(late), mode="legacy") as client:
        late.add_middleware(Rewriting())
        assert code(await client.call_tool("pay", {"amount": 1})) == "guard_misplaced"
    assert RAN == [("pay", {"amount": 1})]
    allowed = fast(stub, after=(Rewriting(),), behind=(Rewriting,))
    allowed.tool(pay)
    assert not (await call(allowed, "pay", {"amount": 1})).is_error
    outer, inner = fast(stub), FastMCP("inner", middleware=[Rewriting()])
    inner.tool(pay)
    outer.mount(inner, namespace="in")
    assert code(await call(outer, "in_pay", {"amount": 1})) == "guard_misplaced"
    # One that stands before it changes what is asked about, too.
    before = fast(stub, Rewriting())
    before.tool(pay)
    stub.reset()
    await call(before, "pay", {"amount": 1})
    asked = next(q for q in stub.asked if q["action"]["name"] == "tools/call")
    assert asked["context"]["arguments"] == {"amount": 1_000_000}


async def test_a_middleware_behind_the_guard_of_mcp(stub: Stub) -> None:
    server = high(stub)

    async def rewriting(ctx: Any, call_next: Any) -> Any:
        return await call_next(ctx)

    @server.tool()
    def pay() -> str:
        return "paid"

    async with Client(server, mode="legacy") as client:
        assert not (await client.call_tool("pay", {})).is_error
        server.middleware.append(rewriting)
        assert code(await client.call_tool("pay", {})) == "guard_misplaced"
        with pytest.raises(MCPError, match="guard_misplaced"):
            await client.list_tools()


def test_guards_that_cannot_be_put() -> None:
    guard = Guard("desk", "http://127.0.0.1:1")
    with pytest.raises(TypeError, match="behest_authzen.fastmcp"):
        guard.protect(FastMCP("desk"))  # type: ignore[type-var]
    with pytest.raises(TypeError):
        guard.protect(object())  # type: ignore[type-var]
    server = guard.protect(MCPServer("desk"))
    with pytest.raises(ValueError, match="already"):
        guard.protect(server)


# ---- methods


@pytest.mark.parametrize("make", [fast, high])
async def test_methods_that_nobody_knows(make: Any, stub: Stub) -> None:
    server = make(stub)
    low = server._mcp_server if isinstance(server, FastMCP) else server._lowlevel_server
    ran = []

    class Params(types.RequestParams):
        id: str = "x"

    async def own(ctx: Any, params: Params) -> types.EmptyResult:
        ran.append(params.id)
        return types.EmptyResult()

    low.add_request_handler("desk/erase", Params, own)
    low.add_request_handler("tasks/get", Params, own)

    async def send(method: str, **params: str) -> Any:
        request = types.Request[Any, Any](method=method, params=params)
        async with Client(low_of(server), mode="legacy") as client:
            with pytest.raises(MCPError) as refused:
                await client.session.send_request(request, types.EmptyResult)
        return refused.value.data["code"]

    stub.reset()
    assert await send("desk/erase", id="7") == "method_unknown"
    assert ran == [] and ("desk/erase", "desk") not in stub.questions()
    stub.reset(("tasks/get", "desk/t-1"))
    assert await send("tasks/get", taskId="t-1") == "forbidden"
    assert ran == []


async def test_methods_that_the_guard_decides_itself(stub: Stub) -> None:
    from behest_authzen import Resource

    def own(_: Any) -> Resource:
        return Resource("record", "7")

    for method in ("tools/call", "tools/list", "prompts/list", "resources/list", "ping"):
        with pytest.raises(ValueError, match="must not map"):
            Guard("desk", stub.url, principal=ANA, methods={method: own})
    for method in ("initialize", "server/discover"):
        Guard("desk", stub.url, principal=ANA, methods={method: own})
        with pytest.raises(ValueError, match="must not map"):
            Guard("desk", stub.url, principal=ANA, handshake="pass", methods={method: own})


async def test_methods_of_ones_own(stub: Stub) -> None:
    from behest_authzen import Resource

    def erased(params: Any) -> Resource:
        return Resource("record", str(params["id"]))

    server: Server[Any] = Server("desk")
    ran = []

    class Params(types.RequestParams):
        id: str

    async def own(ctx: Any, params: Params) -> types.EmptyResult:
        ran.append(params.id)
        return types.EmptyResult()

    server.add_request_handler("desk/erase", Params, own)
    Guard("desk", stub.url, principal=ANA, methods={"desk/erase": erased}).protect(server)
    stub.reset(("desk/erase", "7"))
    async with Client(server, mode="legacy") as client:
        for number in ("7", "8"):
            request = types.Request[Any, Any](method="desk/erase", params={"id": number})
            try:
                await client.session.send_request(request, types.EmptyResult)
            except MCPError as error:
                assert number == "7" and error.data["code"] == "forbidden"
    assert ran == ["8"]


@pytest.mark.parametrize("make", [fast, high])
async def test_completions(make: Any, stub: Stub) -> None:
    server = make(stub)
    asked = []

    async def complete(*_: Any) -> Any:
        asked.append(1)
        return types.Completion(values=["secret"])

    def about(topic: str) -> str:
        return topic

    server.prompt()(about)
    server.completion()(complete)
    async with Client(low_of(server), mode="legacy") as client:
        stub.reset(("completion/complete", "desk/about"))
        ref = types.PromptReference(type="ref/prompt", name="about")
        with pytest.raises(MCPError, match="forbidden"):
            await client.complete(ref, {"name": "topic", "value": ""})
        assert asked == []
        stub.reset()
        result = await client.complete(ref, {"name": "topic", "value": ""})
        assert result.completion.values == ["secret"]


async def test_what_is_listened_to(stub: Stub) -> None:
    server = high(stub)
    request = types.Request[Any, Any](
        method="subscriptions/listen",
        params={
            "notifications": {"resourceSubscriptions": ["desk://a", "desk://s%65cret"]},
        },
    )
    stub.reset(("resources/subscribe", "desk://secret"))
    async with Client(server, mode="2026-07-28") as client:
        with pytest.raises(MCPError, match="forbidden"):
            await client.session.send_request(request, types.EmptyResult)
    assert stub.questions()[-3:] == [
        ("subscriptions/listen", "desk"),
        ("resources/subscribe", "desk://a"),
        ("resources/subscribe", "desk://secret"),
    ]


async def test_a_request_without_an_id_is_not_served(stub: Stub) -> None:
    for server in (high(stub), fast(stub)):
        ran = []

        def pay(ran: Any = None, count: int = 1) -> str:
            raise AssertionError("it ran")

        async with Client(low_of(server), mode="legacy") as client:
            note = types.Notification[Any, Any](method="tools/call", params={"name": "pay"})
            await client.session.send_notification(note)
            await client.list_tools()
        assert ran == []


# ---- resources


@pytest.mark.parametrize("make", [fast, high])
@pytest.mark.parametrize(
    "uri",
    [
        "desk://doc/s%65cret",
        "desk://doc/%73ecret",
        "desk://doc/secre%74",
    ],
)
async def test_uris_that_are_spelled_otherwise(make: Any, uri: str, stub: Stub) -> None:
    server = make(stub)
    ran = []

    @server.resource("desk://doc/{name}")
    def doc(name: str) -> str:
        ran.append(name)
        return name

    stub.reset(("resources/read", "desk://doc/secret"))
    async with Client(low_of(server), mode="legacy") as client:
        with pytest.raises(MCPError, match="forbidden"):
            await client.read_resource(uri)
        with pytest.raises(MCPError):
            await client.read_resource("desk://doc/../secret")
        with pytest.raises(MCPError):
            await client.read_resource("desk://doc/%2e%2e/secret")
        with pytest.raises(MCPError):
            await client.read_resource("desk://doc/a%2Fb")
        assert ran == []
        await client.read_resource("desk://doc/p%75blic")
    assert ran == ["public"]
    assert stub.questions()[-1] == ("resources/read", "desk://doc/public")


@pytest.mark.parametrize(
    ("uri", "normal"),
    [
        ("desk://doc/a%40b%3Bc", "desk://doc/a@b;c"),
        ("desk://doc/%c3%a9", "desk://doc/%C3%A9"),
        ("desk://doc/\u00e9", "desk://doc/%C3%A9"),
        ("desk://doc/a?q=%61%26b", "desk://doc/a?q=a%26b"),
        ("desk://doc/100%25", "desk://doc/100%25"),
        ("desk://doc/%2573", "desk://doc/%2573"),
        ("desk://doc/a b", "desk://doc/a%20b"),
        ("desk://doc/a%", "desk://doc/a%"),
    ],
)
def test_one_spelling_of_each_uri(uri: str, normal: str) -> None:
    assert normal_uri(uri) == normal and normal_uri(normal) == normal


@pytest.mark.parametrize(
    "uri",
    [
        "desk://a/../b",
        "desk://a/..",
        "desk://a/.%2E/b",
        "desk://a/%2e/b",
        "desk://a\\..\\b",
        "desk://a%2Fb",
        "desk://a%5cb",
        "desk://a/\ud800",
    ],
)
def test_uris_that_name_nothing(uri: str) -> None:
    with pytest.raises(Unasked):
        normal_uri(uri)


# ---- arguments


async def both(stub: Stub, fn: Any, arguments: dict[str, Any]) -> list[types.CallToolResult]:
    """Calls a function as a tool of both servers."""
    found = []
    for server in (fast(stub), high(stub)):
        if isinstance(server, FastMCP):
            server.tool(fn)
        else:
            server.add_tool(fn)
        found.append(await call(server, fn.__name__, arguments))
    return found


async def test_arguments_that_a_type_changes(stub: Stub) -> None:
    ran = []

    def pay(amount: DOUBLED) -> str:
        ran.append({"amount": amount})
        return "paid"

    for result in await both(stub, pay, {"amount": 300}):
        assert not result.is_error
    assert arguments_asked(stub) == ran == [{"amount": 600}] * 2


async def test_arguments_that_are_read_otherwise_each_time(stub: Stub) -> None:
    def pay(amount: GROWING) -> str:
        raise AssertionError("it ran")

    for result in await both(stub, pay, {"amount": 300}):
        assert code(result) == "arguments_unstable"
    assert arguments_asked(stub) == []


async def test_defaults_that_are_made_anew(stub: Stub) -> None:
    ran = []

    def pay(key: KEY, number: NUMBER) -> str:
        ran.append({"key": key, "number": number})
        return "paid"

    stub.reset()
    for result in await both(stub, pay, {}):
        assert not result.is_error
    assert arguments_asked(stub) == ran and len(ran) == 2


async def test_types_of_arguments(stub: Stub) -> None:
    ran: list[Any] = []

    def order(line: Line, tags: set[str], coupon: str | None = None) -> str:
        ran.append((line.price, line.secret.get_secret_value(), line.count, tags, coupon))
        return "ordered"

    stub.reset()
    arguments = {"line": {"price": "19.90", "secret": "hush"}, "tags": ["a", "a"]}
    for result in await both(stub, order, arguments):
        assert not result.is_error, result
    assert ran == [(Decimal("19.90"), "hush", 1, {"a"}, None)] * 2
    for asked in arguments_asked(stub):
        assert asked["line"]["price"] == 19.9 and asked["line"]["count"] == 1
        assert asked["tags"] == ["a"] and asked["coupon"] is None
    assert "hush" not in str(stub.asked)


async def test_arguments_as_texts(stub: Stub) -> None:
    """What a tool reads as a number is asked about as that number."""
    ran = []

    def pay(amount: float, lines: list[int]) -> str:
        ran.append((amount, lines))
        return "paid"

    stub.reset()
    for result in await both(stub, pay, {"amount": "2490", "lines": [1, 2]}):
        assert not result.is_error
    assert (
        arguments_asked(stub) == [{"amount": 2490.0, "lines": [1, 2]}] * 2
        and ran == [(2490.0, [1, 2])] * 2
    )


async def test_arguments_that_json_cannot_say(stub: Stub) -> None:
    def pay(amount: float) -> str:
        raise AssertionError("it ran")

    stub.reset()
    for result in await both(stub, pay, {"amount": "nan"}):
        assert code(result) in ("guard_failed", "arguments_unstable")
    assert arguments_asked(stub) == []


async def test_sync_tools_and_generators(stub: Stub) -> None:
    server = fast(stub)

    @server.tool(run_in_thread=False)
    def inline() -> str:
        RAN.append(("inline", {}))
        return "x"

    @server.tool
    def many() -> Any:
        RAN.append(("many", {}))
        yield "a"

    RAN.clear()
    stub.reset(("tools/call", "desk/inline"), ("tools/call", "desk/many"))
    for name in ("inline", "many"):
        assert code(await call(server, name)) == "forbidden"
    assert RAN == []
    stub.reset()
    for name in ("inline", "many"):
        assert not (await call(server, name)).is_error


# ---- hooks, and answers that are no permits


@pytest.mark.parametrize(
    "hook",
    [
        lambda call: None,
        lambda call: True,
        lambda call: "user:ana",
        lambda call: [],
        lambda call: {},
        lambda call: 1 / 0,
        lambda call: [Credential("t"), "x"],
    ],
)
@pytest.mark.parametrize("kind", SERVERS)
async def test_hooks_that_name_nobody(kind: str, hook: Any, stub: Stub) -> None:
    server = SERVERS[kind](stub.url, principal=hook, handshake="pass")
    RAN.clear()
    result = await call(server, "status")
    assert code(result) in ("credential_missing", "principal_unknown")
    assert RAN == [] and stub.asked == []
    async with Client(low_of(server), mode="legacy") as client:
        with pytest.raises(MCPError):
            await client.list_tools()


@pytest.mark.parametrize(
    "hook",
    [
        lambda call: Subject("user", "ana"),
        lambda call: chain("user:ana", "agent:x"),
        lambda call: Credential("t"),
        lambda call: [Credential("t"), Credential("u", "id_token")],
    ],
)
@pytest.mark.parametrize("kind", SERVERS)
async def test_hooks_that_name_somebody(kind: str, hook: Any, stub: Stub) -> None:
    async def later(call: Any) -> Any:
        return hook(call)

    for one in (hook, later):
        assert not (await call(SERVERS[kind](stub.url, principal=one), "status")).is_error


async def test_a_hook_does_not_change_what_is_asked_about(stub: Stub) -> None:
    from behest_authzen import Principal

    said = Principal(
        Subject("user", "ana"),
        context={
            "arguments": {"format": "summary"},
            "credentials": [{"value": "forged"}],
            "ip": "::1",
        },
    )
    server = SERVERS["MCPServer"](stub.url, principal=lambda call: said)
    stub.reset()
    await call(server, "export")
    context = next(q["context"] for q in stub.asked if q["action"]["name"] == "tools/call")
    assert context == {"ip": "::1", "arguments": {"format": "full"}}


@pytest.mark.parametrize(
    "more",
    [
        {"unknown": ["arguments"]},
        {"obligations": [{"id": "o", "type": "step-up"}]},
    ],
)
@pytest.mark.parametrize("kind", SERVERS)
async def test_permits_that_are_none(kind: str, more: Any, stub: Stub) -> None:
    server = SERVERS[kind](stub.url, principal=ANA, handshake="pass")
    stub.reset()
    stub.more = more
    RAN.clear()
    assert code(await call(server, "status")) in (
        "answer_partial",
        "obligation_unsupported",
        "guard_failed",
    )
    assert RAN == []


@pytest.mark.parametrize(
    "name",
    [
        "not JSON",
        "a text",
        "HTML",
        "401",
        "500",
        "half of a body",
        "nothing",
        "a closed connection",
        "a huge body",
        "two decisions",
    ],
)
@pytest.mark.parametrize("kind", SERVERS)
async def test_a_hostile_pdp_at_a_guard(kind: str, name: str, hostile: Any) -> None:
    pdp: Hostile = hostile(*DEFAULT_HOSTS[name])
    client = AsyncAuthZenClient(pdp.url, timeout=0.5)
    server = SERVERS[kind](client, principal=ANA, handshake="pass")
    RAN.clear()
    async with Client(low_of(server), mode="legacy") as session:
        result = await session.call_tool("status", {})
        assert code(result) == "pdp_unavailable" and result.structured_content
        assert result.structured_content["next_action"] == "retry"
        assert pdp.url not in str(result)
        for listing in (session.list_tools, session.list_resources, session.list_prompts):
            with pytest.raises(MCPError, match="pdp_unavailable"):
                await listing()
        with pytest.raises(MCPError, match="pdp_unavailable"):
            await session.read_resource("desk://handbook")
    assert RAN == []


@pytest.mark.parametrize("kind", SERVERS)
async def test_a_list_of_which_one_entry_failed(kind: str, hostile: Any) -> None:
    count = 6
    ok = b'{"decision": true}'
    bad = b'{"decision": false, "context": {"error": {"status": 500, "message": "oops"}}}'
    body = b'{"evaluations": [' + b",".join([ok] * (count - 1) + [bad]) + b"]}"
    server = SERVERS[kind](hostile(answer(body)).url, principal=ANA, handshake="pass")
    async with Client(low_of(server), mode="legacy") as session:
        with pytest.raises(MCPError, match="guard_failed"):
            await session.list_tools()


@pytest.mark.parametrize("kind", SERVERS)
async def test_long_lists_are_asked_about_in_parts(kind: str, service: Service) -> None:
    server = SERVERS[kind](service.url, principal=ANA, batch=2)
    async with Client(low_of(server), mode="legacy") as session:
        names = sorted(tool.name for tool in (await session.list_tools()).tools)
        assert names == ["close", "refund", "search", "status"]


async def test_what_was_narrowed_is_private(stub: Stub) -> None:
    server: FastMCP[Any] = FastMCP(
        "desk",
        middleware=[Middleware("desk", stub.url, principal=ANA, list_ttl_ms=5_000)],
        cache_ttl=3600,
        cache_scope="public",
    )
    server.resource("desk://a")(lambda: "a")
    other = SERVERS["Server"](stub.url, principal=ANA, list_ttl_ms=5_000)
    for one, uri in ((server, "desk://a"), (other, "desk://handbook")):
        async with Client(low_of(one), mode="2026-07-28") as session:
            for result in (await session.list_resources(), await session.read_resource(uri)):
                assert (result.cache_scope, result.ttl_ms) == ("private", 5_000)
