"""The words of AuthZEN: who asks, for what, on what, and what is answered.

Everything here is immutable, and is checked when it is made: a value that exists can be sent.
Members that no standard names stay in ``properties`` and ``context``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

JsonObject: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class _Entity:
    type: str
    id: str
    properties: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("type", "id"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                kind = type(self).__name__.lower()
                raise ValueError(f"the `{name}` of a {kind} must be a text that is not empty")

    def wire(self) -> dict[str, Any]:
        """Returns the object as it is sent."""
        sent: dict[str, Any] = {"type": self.type, "id": self.id}
        if self.properties:
            sent["properties"] = dict(self.properties)
        return sent


@dataclass(frozen=True)
class Subject(_Entity):
    """Who asks, by type and id."""


@dataclass(frozen=True)
class Resource(_Entity):
    """What is asked for, by type and id."""


@dataclass(frozen=True)
class Action:
    """What is to be done."""

    name: str
    properties: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError("the `name` of an action must be a text that is not empty")

    def wire(self) -> dict[str, Any]:
        """Returns the object as it is sent."""
        sent: dict[str, Any] = {"name": self.name}
        if self.properties:
            sent["properties"] = dict(self.properties)
        return sent


@dataclass(frozen=True)
class Evaluation:
    """One question: may this subject do this to that?

    In a batch, ``None`` stands for the batch's default.
    """

    subject: Subject | None = None
    action: Action | None = None
    resource: Resource | None = None
    context: JsonObject | None = None

    def wire(self) -> dict[str, Any]:
        """Returns the object as it is sent; members that are ``None`` are left out."""
        sent: dict[str, Any] = {}
        for name in ("subject", "action", "resource"):
            member = getattr(self, name)
            if member is not None:
                sent[name] = member.wire()
        if self.context is not None:
            sent["context"] = dict(self.context)
        return sent


@dataclass(frozen=True)
class Reason:
    """Why a question was denied, and what can be done about it.

    ``next_action`` is ``request`` (ask somebody for access), ``step_up`` (get another token),
    ``retry`` (later, with other arguments or a fresh token) or ``none``.
    """

    code: str
    message: str
    next_action: str = "none"
    principal: JsonObject | None = None
    missing_scopes: tuple[str, ...] = ()
    doc: str | None = None
    retry_after: int | None = None
    more: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """One answer. It is true exactly if it permits, so that ``if decision:`` is safe.

    ``failure`` says why there was no answer: the decision is a denial then, and ``reason`` says
    so to whoever asked. ``id`` and ``revision`` are what the service calls the decision and the
    data that it rests on, where it says so.
    """

    permit: bool
    context: JsonObject = field(default_factory=dict)
    reason: Reason | None = None
    failure: Exception | None = None
    id: str | None = None
    revision: str | None = None

    def __post_init__(self) -> None:
        if type(self.permit) is not bool:
            raise TypeError("`permit` must be True or False")

    def __bool__(self) -> bool:
        return self.permit

    @property
    def explanation(self) -> JsonObject | None:
        """The tree that says which policies decided, where it was asked for and given."""
        said = self.context.get("explanation")
        return said if isinstance(said, Mapping) else None

    @property
    def unknown(self) -> bool:
        """Whether parts of the question were left open. Such an answer permits no call."""
        return "unknown" in self.context


@dataclass(frozen=True)
class Decisions(Sequence[Decision]):
    """The answers to a batch, in the order of its questions.

    They are of no use as a truth value: use :meth:`all`, or look at each.
    """

    answers: tuple[Decision, ...]
    failure: Exception | None = None

    def __len__(self) -> int:
        return len(self.answers)

    def __getitem__(self, index: Any) -> Any:
        return self.answers[index]

    def __iter__(self) -> Iterator[Decision]:
        return iter(self.answers)

    def __bool__(self) -> bool:
        raise TypeError("a batch is neither a permit nor a denial: use `all()` or its items")

    def all(self) -> bool:
        """Returns whether every question was permitted; there is at least one."""
        return len(self.answers) > 0 and all(answer.permit for answer in self.answers)


@dataclass(frozen=True)
class Page:
    """One page of a search. ``next_token`` is ``None`` on the last."""

    results: tuple[Any, ...]
    next_token: str | None = None
    total: int | None = None
    incomplete: bool = False
    context: JsonObject = field(default_factory=dict)


@dataclass(frozen=True)
class Metadata:
    """What a PDP says of itself: where it is asked, and what it can do."""

    policy_decision_point: str
    access_evaluation_endpoint: str
    access_evaluations_endpoint: str | None = None
    search_subject_endpoint: str | None = None
    search_resource_endpoint: str | None = None
    search_action_endpoint: str | None = None
    capabilities: tuple[str, ...] = ()
    more: JsonObject = field(default_factory=dict)


def encode(body: JsonObject) -> bytes:
    """Writes a body as JSON.

    Raises ``ValueError`` for what JSON cannot say: numbers that are not finite, halves of
    surrogate pairs, objects that are no data, data that contains itself.
    """
    try:
        text = json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return text.encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the question cannot be written as JSON: {error}") from error
