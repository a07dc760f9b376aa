"""The clients against the real service: what they ask, what they read, how they are misused."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from conftest import Service, answer, behest

from behest_authzen import (
    Action,
    AsyncAuthZenClient,
    AuthZenClient,
    Decision,
    Evaluation,
    Nonsense,
    Refused,
    Resource,
    Subject,
    Unreachable,
    chain,
)

ANA = Subject("user", "ana")
CALL = Action("tools/call")
SEARCH = Resource("tool", "desk/search")
REFUND = Resource("tool", "desk/refund")
ARGUMENTS = {"arguments": {"order": "o-17", "amount": 2490}}

pytestmark = pytest.mark.anyio


def test_one_question(service: Service) -> None:
    with AuthZenClient(service.url) as pdp:
        permit = pdp.evaluation(ANA, CALL, SEARCH, {"arguments": {"query": "vat"}})
        assert permit and permit.permit is True and permit.id and permit.revision
        denial = pdp.evaluation(ANA, CALL, REFUND, ARGUMENTS)
        assert not denial and denial.failure is None and denial.reason is None
        said = pdp.evaluation(ANA, CALL, REFUND, ARGUMENTS, reason=True).reason
        assert said is not None
        assert (said.code, said.next_action) == ("refund_over_cap", "request")
        assert said.principal == {"type": "user", "id": "ana"}
        explained = pdp.evaluation(ANA, CALL, REFUND, ARGUMENTS, explain=True)
        assert explained.explanation is not None


async def test_one_question_awaited(service: Service) -> None:
    async with AsyncAuthZenClient(service.url) as pdp:
        assert await pdp.evaluation(ANA, CALL, SEARCH, {"arguments": {"query": "vat"}})
        assert not await pdp.evaluation(ANA, CALL, REFUND, ARGUMENTS)


async def test_an_answer_that_was_not_awaited_is_no_permit(service: Service) -> None:
    async with AsyncAuthZenClient(service.url) as pdp:
        with pytest.raises(TypeError, match="await"):
            if pdp.evaluation(ANA, CALL, REFUND, ARGUMENTS):
                raise AssertionError("an answer that is not there permits")
        with pytest.raises(TypeError, match="await"):
            bool(pdp.evaluations([Evaluation(ANA, CALL, SEARCH)]))


def test_a_batch(service: Service) -> None:
    items = [Evaluation(resource=SEARCH), Evaluation(resource=REFUND), Evaluation(resource=SEARCH)]
    with AuthZenClient(service.url) as pdp:
        defaults = Evaluation(ANA, CALL, context={"arguments": {"query": "vat"}})
        answers = pdp.evaluations(items, defaults=defaults, reason=True)
        assert [a.permit for a in answers] == [True, False, True]
        assert not answers.all() and answers[1].reason is not None
        with pytest.raises(TypeError, match="neither"):
            bool(answers)
        unknown = pdp.evaluations(items, defaults=Evaluation(ANA, CALL), unknown=["arguments"])
        assert unknown.all() and all(a.unknown for a in unknown)
        assert len(pdp.evaluations([])) == 0 and not pdp.evaluations([]).all()


async def test_a_batch_awaited(service: Service) -> None:
    async with AsyncAuthZenClient(service.url) as pdp:
        answers = await pdp.evaluations([Evaluation(ANA, CALL, SEARCH)], unknown=["arguments"])
        assert answers.all()
        assert not (await pdp.evaluations([])).all()


def test_searches(service: Service) -> None:
    with AuthZenClient(service.url) as pdp:
        unknown = {"unknown": ["arguments"]}
        found = [r.id for r in pdp.all_resources(ANA, CALL, "tool", limit=1, **unknown)]
        assert sorted(found) == ["desk/close", "desk/refund", "desk/search", "desk/status"]
        page = pdp.search_resources(ANA, CALL, "tool", limit=2, **unknown)
        assert len(page.results) == 2 and page.next_token
        people = pdp.all_subjects(
            "user", Action("resources/read"), Resource("resource", "desk://salaries")
        )
        assert [s.id for s in people] == ["ben"]
        actions = {a.name for a in pdp.all_actions(ANA, Resource("prompt", "desk/summarize"))}
        assert actions == {"prompts/get", "completion/complete"}


async def test_searches_awaited(service: Service) -> None:
    async with AsyncAuthZenClient(service.url) as pdp:
        tools = pdp.all_resources(ANA, CALL, "tool", limit=3, unknown=["arguments"])
        assert len([tool async for tool in tools]) == 4
        people = pdp.all_subjects(
            "user", Action("resources/read"), Resource("resource", "desk://salaries")
        )
        assert [s.id async for s in people] == ["ben"]
        actions = pdp.all_actions(ANA, Resource("prompt", "desk/summarize"))
        assert len([a async for a in actions]) == 2


def test_chains() -> None:
    nested = chain("user:ana", "agent:one", "service:two", "user:three", mfa=True).subject
    assert nested.wire() == {
        "type": "user",
        "id": "ana",
        "properties": {
            "mfa": True,
            "act": {
                "sub": "three",
                "sub_profile": "user",
                "act": {"sub": "two", "sub_profile": "service", "act": {"sub": "one"}},
            },
        },
    }
    assert chain(Subject("user", "a:b")).subject.id == "a:b"
    for members in ((), ("ana",), ("user:",), (":x",), ("user:ana", "tool:x")):
        with pytest.raises(ValueError):
            chain(*members)


def test_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "behest.sock"
    with behest("--listen", f"unix:{path}", work=tmp_path):
        with AuthZenClient(f"unix:{path}", timeout=20) as pdp:
            for _ in range(300):
                if path.exists() and pdp.evaluation(
                    ANA, CALL, SEARCH, {"arguments": {"query": "v"}}
                ):
                    break
                threading.Event().wait(0.1)
            else:
                raise AssertionError("no permit over the socket")


async def test_metadata(hostile) -> None:
    def said(url: str, **more: str) -> bytes:
        import json

        return answer(
            json.dumps(
                {
                    "policy_decision_point": url,
                    "access_evaluation_endpoint": url + "/e",
                    "capabilities": ["urn:x", 7],
                    **more,
                }
            ).encode()
        )

    pdp = hostile(b"")
    pdp.answer = said(pdp.url)
    with AuthZenClient(pdp.url) as client:
        found = client.discover()
        assert found.capabilities == ("urn:x",)
        assert pdp.requests[-1].startswith(b"GET /.well-known/authzen-configuration ")
        # What is not offered is not asked for; what is, where the metadata say.
        assert "offers no endpoint" in str(
            client.evaluations([Evaluation(ANA, CALL, SEARCH)]).failure
        )
        client.evaluation(ANA, CALL, SEARCH)
        assert pdp.requests[-1].startswith(b"POST /e ")
    pdp.answer = said("https://another.example")
    with AuthZenClient(pdp.url) as client, pytest.raises(Nonsense, match="another"):
        client.metadata()
    pdp.answer = said(pdp.url, search_action_endpoint="https://thief.example/x")
    async with AsyncAuthZenClient(pdp.url) as client2:
        with pytest.raises(Nonsense, match="another place"):
            await client2.discover()


async def test_what_is_sent(hostile) -> None:
    pdp = hostile(answer(b'{"decision": true}'))
    trace = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    with AuthZenClient(pdp.url, token="k", headers={"X-More": "m"}) as client:
        assert client.evaluation(ANA, CALL, SEARCH, request_id="r-1", traceparent=trace)
        assert client.evaluation(ANA, CALL, SEARCH, traceparent="00-nonsense\r\nX-Evil: 1")
    async with AsyncAuthZenClient(pdp.url, token="k") as client2:
        assert await client2.evaluation(ANA, CALL, SEARCH, request_id="r-1", traceparent=trace)
    for request in (pdp.requests[0], pdp.requests[2]):
        head = request.lower()
        assert b"x-request-id: r-1" in head and trace.encode() in head
        assert b"authorization: bearer k" in head and b"accept-encoding: identity" in head
        assert request.endswith(
            b'{"subject":{"type":"user","id":"ana"},"action":{"name":"tools/call"},'
            b'"resource":{"type":"tool","id":"desk/search"}}'
        )
    assert b"x-more: m" in pdp.requests[0].lower()
    assert b"traceparent" not in pdp.requests[1] and b"evil" not in pdp.requests[1].lower()


def test_connections_are_kept(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpcore

    made = []
    connect = httpcore.SyncBackend.connect_tcp
    monkeypatch.setattr(
        httpcore.SyncBackend,
        "connect_tcp",
        lambda self, *args, **kw: made.append(args) or connect(self, *args, **kw),
    )
    with AuthZenClient(service.url) as pdp:
        for _ in range(5):
            assert pdp.evaluation(ANA, CALL, SEARCH, {"arguments": {"query": "vat"}})
    assert len(made) == 1


def test_the_environment_does_not_lead_elsewhere(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with AuthZenClient(service.url) as pdp:
        assert pdp.evaluation(ANA, CALL, SEARCH, {"arguments": {"query": "vat"}})


async def test_one_client_on_two_loops(service: Service) -> None:
    import asyncio

    pdp = AsyncAuthZenClient(service.url)

    async def ask() -> Decision:
        return await pdp.evaluation(ANA, CALL, SEARCH, {"arguments": {"query": "vat"}})

    assert await ask()
    result: list[Decision] = []
    thread = threading.Thread(target=lambda: result.append(asyncio.run(ask())))
    thread.start()
    thread.join()
    assert result[0] and await ask()


@pytest.mark.parametrize(
    "url",
    [
        "http://pdp.example",
        "ftp://x",
        "pdp.example",
        "https://u:p@pdp.example",
        "https://pdp.example?x=1",
        "http://127.0.0.1.example",
        "http://[fe80::1]:80",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError):
        AuthZenClient(url)
    if url == "http://pdp.example":
        AuthZenClient(url, allow_http=True)


def test_settings_that_are_refused() -> None:
    for name in ("X-Request-Id", "host", "Authorization"):
        with pytest.raises(ValueError, match="own"):
            AuthZenClient("https://pdp.example", headers={name: "x"})
    with pytest.raises(ValueError, match="verify"):
        AuthZenClient("https://pdp.example", verify=False)
    with pytest.raises(ValueError, match="timeout"):
        AuthZenClient("https://pdp.example", timeout=0)
    for make in (lambda: Subject("", "x"), lambda: Resource("x", ""), lambda: Action("")):
        with pytest.raises(ValueError):
            make()
    with pytest.raises(TypeError):
        Decision("true")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", "\ud800", object()])
def test_questions_that_json_cannot_say(value: object, service: Service) -> None:
    with AuthZenClient(service.url) as pdp, pytest.raises(ValueError, match="JSON"):
        pdp.evaluation(ANA, CALL, SEARCH, {"arguments": {"query": value}})


def test_a_pdp_that_is_down() -> None:
    with AuthZenClient("http://127.0.0.1:1") as pdp:
        denied = pdp.evaluation(ANA, CALL, SEARCH)
        assert not denied and isinstance(denied.failure, Unreachable)
        assert denied.reason is not None and denied.reason.code == "pdp_unavailable"
        batch = pdp.evaluations([Evaluation(ANA, CALL, SEARCH)] * 3)
        assert len(batch) == 3 and not any(a.permit for a in batch) and batch.failure
        with pytest.raises(Unreachable):
            pdp.search_resources(ANA, CALL, "tool")


def test_the_pdp_says_why_it_refuses(service: Service) -> None:
    with AuthZenClient(service.url, token="behest_wrong") as pdp:
        failure = pdp.evaluation(ANA, CALL, SEARCH).failure
        assert isinstance(failure, Refused) and failure.status == 401
