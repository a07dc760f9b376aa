"""The default hook: tokens go to the PDP as they came, and denials become OAuth challenges."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conftest import Service, answer, serve
from desk import RAN, SERVERS, app_of
from fastmcp import Context, FastMCP

from behest_authzen import AsyncAuthZenClient
from behest_authzen.asgi import Challenges
from behest_authzen.fastmcp import Middleware
from behest_authzen.guard import Guard

METADATA = "https://desk.example/.well-known/oauth-protected-resource"
REVISION = "2026-07-28"


def guard_of(server: Any) -> Any:
    """Returns the guard of a server that `desk` made."""
    if hasattr(server, "http_app"):
        return next(m for m in server.middleware if isinstance(m, Middleware))
    low = getattr(server, "_lowlevel_server", server)
    return low.middleware[-1]._guard


@pytest.fixture(scope="module", params=list(SERVERS))
def desk(request: pytest.FixtureRequest, service: Service) -> Iterator[str]:
    server = SERVERS[request.param](service.url, resource_metadata=METADATA)
    with serve(Challenges(app_of(server), guard_of(server))) as url:
        yield f"{url}/mcp"


def post(
    url: str,
    method: str,
    params: dict[str, Any] | None = None,
    token: str | None = None,
    **headers: str,
) -> httpx.Response:
    """Sends a request of the revision that has no sessions."""
    said = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": method,
        **headers,
    }
    params = dict(params or {})
    if name := params.get("name") or params.get("uri"):
        said.setdefault("Mcp-Name", name)
    params["_meta"] = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    if token is not None:
        said["Authorization"] = f"Bearer {token}"
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx.post(url, json=body, headers=said, trust_env=False, timeout=20)


def post_old(
    url: str, token: str | None, method: str, params: dict[str, Any], session: str | None = None
) -> httpx.Response:
    """Sends a request of the revision that has sessions."""
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2025-11-25",
    }
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if session is not None:
        headers["Mcp-Session-Id"] = session
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=20)


REFUND = {"name": "refund", "arguments": {"order": "o-17", "amount": 20}}


def test_a_token_is_proof(desk: str, service: Service) -> None:
    RAN.clear()
    found = post(desk, "tools/call", REFUND, service.token("ana", scope="desk.refund"))
    assert found.status_code == 200 and not found.json()["result"].get("isError")
    assert RAN == [("refund", {"order": "o-17", "amount": 20})]
    # The client of a user's token acts for the user, and this one was granted less.
    RAN.clear()
    found = post(desk, "tools/call", REFUND, service.token("ana", "kiosk", scope="desk.refund"))
    said = found.json()["result"]
    assert said["isError"] and said["structuredContent"]["principal"]["id"] == "kiosk"
    assert RAN == []


def test_no_token(desk: str) -> None:
    for found in (
        post(desk, "tools/list"),
        post(desk, "server/discover"),
        post(desk, "tools/call", REFUND),
        httpx.get(desk, trust_env=False),
        httpx.delete(desk, trust_env=False),
    ):
        assert found.status_code == 401
        assert found.headers["WWW-Authenticate"] == f'Bearer resource_metadata="{METADATA}"'


@pytest.mark.parametrize(
    "token", ["opaque-token-9", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.", "a.b.c"]
)
def test_a_token_that_is_none(desk: str, token: str) -> None:
    RAN.clear()
    for found in (post(desk, "tools/list", {}, token), post(desk, "tools/call", REFUND, token)):
        assert found.status_code == 401
        challenge = found.headers["WWW-Authenticate"]
        assert challenge.startswith('Bearer error="invalid_token"')
        assert f'resource_metadata="{METADATA}"' in challenge
        assert token not in found.text
    assert RAN == []


def test_tokens_that_are_not_for_this_service(desk: str, service: Service) -> None:
    RAN.clear()
    for claims in ({"aud": "https://other.example"}, {"exp": 1}, {"iss": "https://evil.example"}):
        found = post(desk, "tools/call", REFUND, service.token("ana", **claims))
        assert found.status_code == 401, claims
    assert RAN == []


def test_headers_that_say_who_asks_are_nobody(desk: str, service: Service) -> None:
    found = post(
        desk,
        "tools/call",
        REFUND,
        None,
        Authorization="Basic YW5hOng=",
        **{"X-User": "ana", "X-Forwarded-User": "ana"},
    )
    assert found.status_code == 401
    token = service.token("ana", scope="desk.refund")
    head = httpx.Headers(
        [
            ("Authorization", f"Bearer {token}"),
            ("Authorization", "Bearer x"),
            ("Accept", "application/json, text/event-stream"),
        ]
    )
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    }
    RAN.clear()
    found = httpx.post(desk, json=body, headers=head, trust_env=False)
    assert found.status_code == 401 and RAN == []


def test_a_session_is_nobody(desk: str, service: Service) -> None:
    """What opened a session does not decide what later messages in it may do."""
    start = post_old(
        desk,
        service.token("ana", scope="desk.refund"),
        "initialize",
        {
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "t", "version": "1"},
        },
    )
    assert start.status_code == 200
    session = start.headers["Mcp-Session-Id"]
    post_old(desk, service.token("ana"), "notifications/initialized", {}, session)
    RAN.clear()
    mine = post_old(desk, service.token("ana", scope="desk.refund"), "tools/call", REFUND, session)
    assert mine.status_code == 200 and len(RAN) == 1
    RAN.clear()
    for token in (service.token("eve", scope="desk.refund"), service.token("zoe")):
        other = post_old(desk, token, "tools/call", REFUND, session)
        assert '"isError":true' in other.text and RAN == []
    nobody = post_old(desk, None, "tools/call", REFUND, session)
    assert nobody.status_code == 401 and RAN == []
    bad = post_old(desk, "x", "tools/call", REFUND, session)
    assert bad.status_code == 401 and RAN == []


def test_body_and_headers_that_differ(desk: str, service: Service) -> None:
    RAN.clear()
    token = service.token("ana", scope="desk.refund")
    call = {"name": "export", "arguments": {"format": "summary"}}
    found = post(desk, "tools/call", call, token, **{"Mcp-Name": "status"})
    assert found.status_code == 400 and RAN == []
    found = post(desk, "tools/call", call, token, **{"Mcp-Method": "ping"})
    assert found.status_code == 400 and RAN == []


def test_all_scopes_that_are_missing(hostile) -> None:
    body = (
        b'{"decision": false, "context": {"reason": {"code": "scope_missing", "message": '
        b'"A refund takes a token with more.", "next_action": "step_up", '
        b'"missing_scopes": ["desk.refund", "desk.pay", "bad\\"scope", "two words"]}}}'
    )
    pdp = hostile(answer(body))
    server = SERVERS["MCPServer"](pdp.url, handshake="pass")
    with serve(Challenges(app_of(server), guard_of(server))) as url:
        found = post(f"{url}/mcp", "tools/call", REFUND, "token")
    assert found.status_code == 403
    challenge = found.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="desk.refund desk.pay"' in challenge
    assert found.json()["result"]["structuredContent"]["missing_scopes"][:2] == [
        "desk.refund",
        "desk.pay",
    ]


def test_what_ran_is_not_challenged(stub: Any) -> None:
    """A tool that ran, and was denied another for want of a token, must not be run again."""
    guard = Middleware("desk", stub.url, handshake="pass")
    server: FastMCP[Any] = FastMCP("desk", middleware=[guard])

    @server.tool
    async def front(ctx: Context) -> str:
        RAN.append(("front", {}))
        result = await ctx.fastmcp.call_tool("inner", {})
        return str(result.content[0].text)

    @server.tool
    def inner() -> str:
        raise AssertionError("it ran")

    stub.reset(("tools/call", "desk/inner"))
    stub.reason = {"code": "credential_expired", "message": "It expired.", "next_action": "retry"}
    RAN.clear()
    with serve(Challenges(server.http_app(), guard)) as url:
        found = post(f"{url}/mcp", "tools/call", {"name": "front", "arguments": {}}, "t")
        assert found.status_code == 200 and "credential_expired" in found.text
        assert "WWW-Authenticate" not in found.headers and RAN == [("front", {})]
        found = post(f"{url}/mcp", "tools/call", {"name": "inner", "arguments": {}}, "t")
        assert found.status_code == 401 and RAN == [("front", {})]


def test_a_proof_of_possession_is_handed_on(hostile) -> None:
    import json

    pdp = hostile(answer(b'{"decision": true}'))
    server = SERVERS["MCPServer"](pdp.url, url="https://desk.example/mcp")
    with serve(Challenges(app_of(server), guard_of(server))) as url:
        RAN.clear()
        found = post(f"{url}/mcp", "tools/call", REFUND, None, Authorization="DPoP t", DPoP="p")
        assert found.status_code == 200 and len(RAN) == 1
        asked = json.loads(pdp.requests[-1].partition(b"\r\n\r\n")[2])
        assert asked["subject"] == {"type": "credential", "id": "0"}
        assert asked["context"]["credentials"] == [
            {
                "type": "access_token",
                "value": "t",
                "dpop": {"proof": "p", "method": "POST", "url": "https://desk.example/mcp"},
            }
        ]
        assert asked["context"]["arguments"] == {"order": "o-17", "amount": 20}
        asked_before = len(pdp.requests)
        found = post(f"{url}/mcp", "tools/call", REFUND, None, Authorization="DPoP t")
        assert found.status_code == 401
        assert found.headers["WWW-Authenticate"].startswith('DPoP error="invalid_dpop_proof"')
        assert len(pdp.requests) == asked_before and len(RAN) == 1


def test_what_can_be_a_guard() -> None:
    guard = Guard("desk", AsyncAuthZenClient("http://127.0.0.1:1"))
    Challenges(None, guard)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Challenges(None, "guard")  # type: ignore[arg-type]
    for name in ("", "a/b", "a b"):
        with pytest.raises(ValueError):
            Guard(name, "http://127.0.0.1:1")
    with pytest.raises(ValueError):
        Guard("desk", "http://127.0.0.1:1", handshake="skip")
