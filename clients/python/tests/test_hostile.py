"""A PDP that is slow, gone, or answers nonsense denies, at every client and every guard."""

from __future__ import annotations

import time

import pytest
from conftest import BATCHES, DEFAULT_HOSTS, answer

from behest_authzen import (
    Action,
    AsyncAuthZenClient,
    AuthZenClient,
    AuthZenError,
    Evaluation,
    Resource,
    Subject,
)

QUESTION = (Subject("user", "ana"), Action("tools/call"), Resource("tool", "desk/search"))
SECONDS = 0.5

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", DEFAULT_HOSTS)
async def test_no_decision_denies(name: str, hostile) -> None:
    pdp = hostile(*DEFAULT_HOSTS[name])
    began = time.monotonic()
    with AuthZenClient(pdp.url, timeout=SECONDS) as client:
        denied = client.evaluation(*QUESTION)
    async with AsyncAuthZenClient(pdp.url, timeout=SECONDS) as client2:
        denied2 = await client2.evaluation(*QUESTION)
    # To wait for what drips in would take half a minute.
    assert time.monotonic() - began < 15
    for found in (denied, denied2):
        assert not found.permit and isinstance(found.failure, AuthZenError)
        assert found.reason is not None and found.reason.code == "pdp_unavailable"
        assert found.reason.retry_after == (7 if name == "429" else None)
    # What may have been decided is not sent again.
    assert len(pdp.requests) == 2


@pytest.mark.parametrize("name", BATCHES)
async def test_no_batch_denies(name: str, hostile) -> None:
    pdp = hostile(answer(BATCHES[name]))
    items = [Evaluation(*QUESTION)] * 2
    with AuthZenClient(pdp.url) as client:
        denied = client.evaluations(items)
    async with AsyncAuthZenClient(pdp.url) as client2:
        denied2 = await client2.evaluations(items)
    for found in (denied, denied2):
        assert found.failure is not None
        assert [one.permit for one in found] == [False, False]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"results": {}}',
        b'{"results": [7]}',
        b'{"results": [{"type": "tool"}]}',
        b'{"results": [{"type": "user", "id": "x"}]}',
        b'{"results": [], "page": 7}',
        b'{"results": [], "page": {"next_token": 7}}',
        b'{"results": [{"type": "tool", "id": ""}]}',
        b'{"results": [], "page": {"next_token": "again"}}',
    ],
)
async def test_a_search_that_fails_is_no_empty_list(body: bytes, hostile) -> None:
    pdp = hostile(answer(body))
    subject, action, _ = QUESTION
    with AuthZenClient(pdp.url) as client, pytest.raises(AuthZenError):
        list(client.all_resources(subject, action, "tool"))
    async with AsyncAuthZenClient(pdp.url) as client2:
        with pytest.raises(AuthZenError):
            async for _ in client2.all_resources(subject, action, "tool"):
                pass


async def test_reasons_of_other_pdps(hostile) -> None:
    for body, message in (
        (b'{"decision": false, "context": {"reason": "no"}}', "no"),
        (b'{"decision": false, "context": {"reason_user": {"de": "nein", "en": "no"}}}', "no"),
        (b'{"decision": false, "context": {"reason_user": {"403": "nope"}}}', "nope"),
        (b'{"decision": false, "context": {"reason": {"code": 7}}}', "This is not permitted."),
    ):
        with AuthZenClient(hostile(answer(body)).url) as client:
            said = client.evaluation(*QUESTION)
        assert said.failure is None and said.reason is not None
        assert said.reason.message == message and said.reason.code == "not_permitted"
    body = b'{"decision": false, "context": {"reason_admin": {"en": "policy 7"}}}'
    with AuthZenClient(hostile(answer(body)).url) as client:
        assert client.evaluation(*QUESTION).reason is None
