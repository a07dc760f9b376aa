"""Questions as requests: where each is sent, with what, and how its answer is read."""

from __future__ import annotations

import ipaddress
import logging
import os
import re
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpx

from .errors import AuthZenError, Nonsense, Refused, Unsupported
from .model import (
    Action,
    Decision,
    Decisions,
    Evaluation,
    JsonObject,
    Metadata,
    Page,
    Reason,
    Resource,
    Subject,
    encode,
)
from .transport import Answer, Connection, Sent
from .wire import (
    UNAVAILABLE,
    read_decision,
    read_decisions,
    read_metadata,
    read_object,
    read_page,
)

log = logging.getLogger("behest_authzen")

T = TypeVar("T")

TIMEOUT_SECONDS = 2.0
"""How long an answer may take, from waiting for a connection to its last byte."""

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""The largest answer that is read."""

METADATA_PATH = "/.well-known/authzen-configuration"

_PATHS = {
    "evaluation": "/access/v1/evaluation",
    "evaluations": "/access/v1/evaluations",
    "subject": "/access/v1/search/subject",
    "resource": "/access/v1/search/resource",
    "action": "/access/v1/search/action",
}

_RESERVED = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "traceparent",
        "transfer-encoding",
        "user-agent",
        "x-request-id",
    }
)

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def valid_traceparent(value: str | None) -> str | None:
    """Returns the value if it is a W3C trace context, and ``None`` otherwise."""
    return value if value is not None and _TRACEPARENT.fullmatch(value) else None


def denial_of(failure: AuthZenError) -> Decision:
    """Returns the denial that stands for an answer that did not come."""
    reason = Reason(failure.code, UNAVAILABLE, "retry", retry_after=failure.retry_after)
    return Decision(False, reason=reason, failure=failure)


@dataclass(frozen=True)
class Plan(Generic[T]):
    """A request and how its answer is read; ``failed`` makes a denial of a failure."""

    endpoint: str
    body: dict[str, Any] | None
    read: Callable[[Answer], T]
    failed: Callable[[AuthZenError], T] | None = None
    request_id: str | None = None
    traceparent: str | None = None


class Questions:
    """What both clients share: settings, requests, and how answers are read."""

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = TIMEOUT_SECONDS,
        max_answer: int = MAX_ANSWER_BYTES,
        verify: ssl.SSLContext | str | bool = True,
        headers: Mapping[str, str] | None = None,
        allow_http: bool = False,
    ) -> None:
        """Makes a client; nothing is sent yet.

        ``url`` is where the PDP is: ``https://pdp.example``, ``http://127.0.0.1:8181``, or
        ``unix:/run/behest.sock``. Plain ``http`` carries tokens in the clear, so it is refused
        unless the address is this machine, or ``allow_http`` is set. ``token`` is the key or
        token of this server at the PDP. ``timeout`` is in seconds, for a whole answer.
        ``verify`` is an SSL context, or the path of the authorities to trust.
        """
        if timeout <= 0 or max_answer <= 0:
            raise ValueError("`timeout` and `max_answer` must be more than nothing")
        uds = None
        if url.startswith("unix:"):
            uds, url = url.removeprefix("unix:"), "http://localhost"
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"`url` must be an https, http or unix address, not `{url}`")
        if parsed.query or parsed.fragment or parsed.userinfo:
            raise ValueError("`url` must have no query, no fragment and no user")
        if parsed.scheme == "http" and uds is None and not (allow_http or _is_here(parsed.host)):
            raise ValueError("`url` is plain http to another machine: use https or `allow_http`")
        if verify is False:
            raise ValueError("`verify` must not be False: name the authority to trust instead")
        self._url = url.rstrip("/")
        self._origin = (parsed.scheme, parsed.host, parsed.port)
        self._endpoints: dict[str, str | None] = {
            name: self._url + path for name, path in _PATHS.items()
        }
        for name in headers or {}:
            if name.lower() in _RESERVED:
                raise ValueError(f"the header `{name}` is this client's own")
        self._headers = {
            **(headers or {}),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "behest-authzen",
        }
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        if isinstance(verify, ssl.SSLContext):
            context = verify
        elif parsed.scheme == "https":
            context = ssl.create_default_context(cafile=verify if verify is not True else None)
        else:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._connection = Connection(timeout, max_answer, uds, context)

    @property
    def url(self) -> str:
        """Where the PDP is."""
        return self._url

    def _sent(self, plan: Plan[Any]) -> Sent:
        headers = dict(self._headers)
        headers["X-Request-ID"] = plan.request_id or os.urandom(16).hex()
        if traceparent := valid_traceparent(plan.traceparent):
            headers["traceparent"] = traceparent
        if plan.body is None:
            return Sent("GET", self._url + METADATA_PATH, headers, None)
        url = self._endpoints[plan.endpoint]
        if url is None:
            raise Unsupported(f"the PDP offers no endpoint for `{plan.endpoint}`")
        headers["Content-Type"] = "application/json"
        return Sent("POST", url, headers, encode(plan.body))

    def _failed(self, plan: Plan[T], error: AuthZenError) -> T:
        if plan.failed is None:
            raise error
        log.warning("denied for want of a decision: %s", error)
        return plan.failed(error)

    def _evaluation(
        self,
        subject: Subject,
        action: Action,
        resource: Resource,
        context: JsonObject | None,
        options: dict[str, Any],
        **ids: str | None,
    ) -> Plan[Decision]:
        body = Evaluation(subject, action, resource, context).wire()
        if options:
            body["options"] = options
        return Plan(
            "evaluation",
            body,
            lambda answer: read_decision(_object(answer), answer.headers),
            denial_of,
            **ids,
        )

    def _evaluations(
        self,
        items: Sequence[Evaluation],
        defaults: Evaluation,
        options: dict[str, Any],
        **ids: str | None,
    ) -> Plan[Decisions]:
        count = len(items)
        body = {**defaults.wire(), "evaluations": [item.wire() for item in items]}
        if options:
            body["options"] = options

        def read(answer: Answer) -> Decisions:
            return read_decisions(_object(answer), count, answer.headers)

        def failed(error: AuthZenError) -> Decisions:
            return Decisions((denial_of(error),) * count, error)

        return Plan("evaluations", body, read, failed, **ids)

    def _search(
        self,
        kind: str,
        body: dict[str, Any],
        wanted: str | None,
        limit: int | None,
        token: str | None,
        options: dict[str, Any],
    ) -> Plan[Page]:
        page = {"limit": limit, "token": token}
        page = {name: value for name, value in page.items() if value is not None}
        if page:
            body = {**body, "page": page}
        if options:
            body = {**body, "options": options}
        return Plan(kind, body, lambda answer: read_page(_object(answer), kind, wanted))

    def _metadata(self) -> Plan[Metadata]:
        return Plan("metadata", None, lambda answer: read_metadata(_object(answer), self._url))

    def _adopt(self, metadata: Metadata) -> None:
        found = {
            "evaluation": metadata.access_evaluation_endpoint,
            "evaluations": metadata.access_evaluations_endpoint,
            "subject": metadata.search_subject_endpoint,
            "resource": metadata.search_resource_endpoint,
            "action": metadata.search_action_endpoint,
        }
        for url in found.values():
            parsed = httpx.URL(url) if url is not None else None
            if parsed and (parsed.scheme, parsed.host, parsed.port) != self._origin:
                raise Nonsense("the metadata name an endpoint at another place than the PDP's")
        self._endpoints.update(found)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _object(answer: Answer) -> dict[str, Any]:
    try:
        return read_object(answer.status, answer.headers.get("content-type", ""), answer.body)
    except Refused as refused:
        after = answer.headers.get("retry-after", "")
        refused.retry_after = int(after) if after.isdecimal() and len(after) < 7 else None
        raise


def options_of(
    reason: bool = False, explain: bool = False, unknown: Sequence[str] = ()
) -> dict[str, Any]:
    """Returns the options of a question; none where nothing is asked for."""
    options: dict[str, Any] = {}
    if reason:
        options["reason"] = True
    if explain:
        options["explain"] = True
    if unknown:
        options["unknown"] = list(unknown)
    return options


def search_body(
    kind: str, subject: Any, action: Action | None, resource: Any, context: JsonObject | None
) -> tuple[dict[str, Any], str | None]:
    """Returns the body of a search for a ``kind``, and the type that is searched for."""
    body: dict[str, Any] = {}
    wanted = None
    for name, member in (("subject", subject), ("resource", resource)):
        if kind == name:
            wanted = member
            body[name] = {"type": member}
        else:
            body[name] = member.wire()
    if action is not None:
        body["action"] = action.wire()
    if context is not None:
        body["context"] = dict(context)
    return body, wanted
