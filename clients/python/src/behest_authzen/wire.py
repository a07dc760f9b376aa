"""Reads answers. Whatever is not exactly an answer is an error, so that it denies.

A decision is the JSON value ``true`` or ``false`` in an object without repeated names, sent with
status 200 as ``application/json``. A text ``"true"``, a number, HTML, a batch of another length
and half of a body are none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .errors import Nonsense, Refused
from .model import (
    Action,
    Decision,
    Decisions,
    JsonObject,
    Metadata,
    Page,
    Reason,
    Resource,
    Subject,
)

NEXT_ACTIONS = ("request", "step_up", "retry", "none")

UNAVAILABLE = "The authorization service could not be asked, so nothing is permitted."
"""What whoever asked is told where there is no decision."""

_SHOWN = 300
"""How many characters of what a PDP said are repeated in an error."""


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the member `{name[:_SHOWN]}` is there twice")
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"`{name}` is no JSON")


def read_object(status: int, content_type: str, body: bytes) -> dict[str, Any]:
    """Reads the body of an answer as a JSON object.

    Raises ``Refused`` for a status other than 200, and ``Nonsense`` for anything that is no JSON
    object.
    """
    if status != 200:
        raise _refusal(status, body)
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise Nonsense(f"the PDP answered with the content type `{content_type[:_SHOWN]}`")
    try:
        found = json.loads(
            body.decode("utf-8"), object_pairs_hook=_no_repeats, parse_constant=_no_constant
        )
    except (ValueError, RecursionError) as error:
        raise Nonsense(f"the PDP answered no JSON: {error}") from error
    if not isinstance(found, dict):
        raise Nonsense("the PDP answered JSON that is no object")
    return found


def _refusal(status: int, body: bytes) -> Refused:
    code = message = ""
    try:
        error = json.loads(body).get("error")
        if isinstance(error, Mapping):
            code = str(error.get("code", ""))[:_SHOWN]
            message = str(error.get("message", ""))[:_SHOWN]
    except (ValueError, RecursionError, AttributeError):
        pass
    return Refused(status, code, message)


def read_decision(found: JsonObject, headers: Mapping[str, str]) -> Decision:
    """Reads one decision out of an object. A fault beside it makes it a denial that failed."""
    decision = found.get("decision")
    if decision is not True and decision is not False:
        said = "missing" if "decision" not in found else "neither `true` nor `false`"
        raise Nonsense(f"the PDP answered without a decision: `decision` is {said}")
    context = found.get("context")
    if context is None:
        context = {}
    if not isinstance(context, Mapping):
        raise Nonsense("the PDP answered with a `context` that is no object")
    reason = None if decision else read_reason(context)
    failure = None
    if fault := _fault(context):
        failure = Nonsense(f"the PDP reports a fault beside its decision: {fault}")
        decision, reason = False, Reason(failure.code, UNAVAILABLE, "retry")
    return Decision(
        permit=decision,
        context=context,
        reason=reason,
        failure=failure,
        id=headers.get("behest-decision"),
        revision=headers.get("behest-revision"),
    )


def read_decisions(found: JsonObject, asked: int, headers: Mapping[str, str]) -> Decisions:
    """Reads the answers to a batch of ``asked`` questions that are all to be answered."""
    answers = found.get("evaluations")
    if not isinstance(answers, list):
        raise Nonsense("the PDP answered a batch without an array `evaluations`")
    if len(answers) != asked:
        raise Nonsense(f"the PDP answered {len(answers)} of {asked} questions")
    read = []
    for answer in answers:
        if not isinstance(answer, Mapping):
            raise Nonsense(
                "the PDP answered a question of a batch with something else than an object"
            )
        read.append(read_decision(answer, headers))
    return Decisions(tuple(read))


def read_reason(context: JsonObject) -> Reason | None:
    """Reads why a question was denied: behest's reason, or what other PDPs say to users."""
    said = context.get("reason")
    if isinstance(said, Mapping):
        code, message = said.get("code"), said.get("message")
        next_action = said.get("next_action")
        scopes = said.get("missing_scopes")
        principal = said.get("principal")
        retry_after = said.get("retry_after")
        known = {
            "code",
            "message",
            "next_action",
            "missing_scopes",
            "principal",
            "doc",
            "retry_after",
        }
        return Reason(
            code=code if isinstance(code, str) and code else "not_permitted",
            message=message if isinstance(message, str) and message else "This is not permitted.",
            next_action=next_action if next_action in NEXT_ACTIONS else "none",
            principal=dict(principal) if isinstance(principal, Mapping) else None,
            missing_scopes=_texts(scopes),
            doc=said["doc"] if isinstance(said.get("doc"), str) else None,
            retry_after=retry_after if type(retry_after) is int else None,
            more={name: value for name, value in said.items() if name not in known},
        )
    if isinstance(said, str) and said:
        return Reason("not_permitted", said)
    spoken = context.get("reason_user")
    if isinstance(spoken, Mapping) and spoken:
        spoken = spoken.get("en", next(iter(spoken.values())))
    return Reason("not_permitted", spoken) if isinstance(spoken, str) and spoken else None


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    return tuple(item for item in value if isinstance(item, str) and item)


def fault_of(decision: Decision) -> str | None:
    """Returns what a PDP says went wrong with one question of a batch, if anything did."""
    return _fault(decision.context)


def _fault(context: JsonObject) -> str | None:
    error = context.get("error")
    if error is None:
        return None
    if isinstance(error, Mapping):
        error = f"{error.get('status', '')} {error.get('message', error.get('code', ''))}".strip()
    return str(error)[:_SHOWN] or "it does not say which"


def read_page(found: JsonObject, kind: str, wanted: str | None) -> Page:
    """Reads one page of a search for a ``kind`` (subject, resource, action) of type ``wanted``."""
    results = found.get("results")
    if not isinstance(results, list):
        raise Nonsense("the PDP answered a search without an array `results`")
    page = found.get("page")
    if page is None:
        page = {}
    if not isinstance(page, Mapping):
        raise Nonsense("the PDP answered a search with a `page` that is no object")
    token = page.get("next_token")
    if token is not None and not isinstance(token, str):
        raise Nonsense("the PDP answered a search with a `next_token` that is no text")
    properties = page.get("properties")
    context = found.get("context")
    total = page.get("total")
    return Page(
        results=tuple(_result(result, kind, wanted) for result in results),
        next_token=token or None,
        total=total if type(total) is int else None,
        incomplete=isinstance(properties, Mapping) and bool(properties.get("incomplete")),
        context=context if isinstance(context, Mapping) else {},
    )


def _result(found: Any, kind: str, wanted: str | None) -> Any:
    if not isinstance(found, Mapping):
        raise Nonsense("the PDP found something that is no object")
    properties = found.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, Mapping):
        raise Nonsense("the PDP found something whose `properties` are no object")
    try:
        if kind == "action":
            return Action(found["name"], properties)
        if found["type"] != wanted:
            raise Nonsense("the PDP found something of another type than was asked for")
        make = Subject if kind == "subject" else Resource
        return make(found["type"], found["id"], properties)
    except (KeyError, ValueError) as error:
        raise Nonsense(f"the PDP found a {kind} without a name") from error


def read_metadata(found: JsonObject, pdp: str) -> Metadata:
    """Reads what a PDP says of itself; it must say that it is ``pdp``."""
    if found.get("policy_decision_point") != pdp:
        raise Nonsense("the metadata are of another `policy_decision_point` than was asked")
    endpoints: dict[str, str | None] = {}
    for name in (
        "access_evaluation_endpoint",
        "access_evaluations_endpoint",
        "search_subject_endpoint",
        "search_resource_endpoint",
        "search_action_endpoint",
    ):
        value = found.get(name)
        if value is not None and not isinstance(value, str):
            raise Nonsense(f"the metadata have a `{name}` that is no text")
        endpoints[name] = value
    evaluation = endpoints.pop("access_evaluation_endpoint")
    if evaluation is None:
        raise Nonsense("the metadata name no `access_evaluation_endpoint`")
    known = {"policy_decision_point", "access_evaluation_endpoint", "capabilities", *endpoints}
    return Metadata(
        policy_decision_point=pdp,
        access_evaluation_endpoint=evaluation,
        capabilities=_texts(found.get("capabilities")),
        more={name: value for name, value in found.items() if name not in known},
        **endpoints,
    )
