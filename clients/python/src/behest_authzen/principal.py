"""Who asks.

One hook says so: ``principal(call)``. The default, :func:`bearer`, hands the token of the request
to the PDP as it came and asserts nothing: what it proves is for the PDP to find out.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .model import JsonObject, Reason, Subject

CREDENTIAL = "credential"
"""The type of a subject that stands for what a credential proves."""

_PROFILES = {"agent": None, "service": "service", "user": "user"}


@dataclass(frozen=True)
class Credential:
    """A raw credential, as it came: ``access_token``, ``id_token``, ``jwt_svid``, ``x509_svid``.

    ``dpop`` is ``{"proof", "method", "url"}`` and ``tls`` is ``{"certificate"}``: what shows that
    the sender holds the credential's key. ``issuer`` says who is asked about an opaque token.
    """

    value: str = field(repr=False)
    type: str = "access_token"
    dpop: JsonObject | None = field(default=None, repr=False)
    tls: JsonObject | None = field(default=None, repr=False)
    issuer: str | None = None

    def wire(self) -> dict[str, Any]:
        """Returns the object as it is sent."""
        sent: dict[str, Any] = {"type": self.type, "value": self.value}
        for name in ("dpop", "tls", "issuer"):
            if (value := getattr(self, name)) is not None:
                sent[name] = value
        return sent


@dataclass(frozen=True)
class Principal:
    """Who asks: a subject, the credentials that prove it, and what else the context says of it."""

    subject: Subject
    credentials: tuple[Credential, ...] = ()
    context: JsonObject = field(default_factory=dict)

    def wire_context(self) -> dict[str, Any]:
        """Returns what the context of each question says of whoever asks."""
        sent = dict(self.context)
        if self.credentials:
            sent["credentials"] = [credential.wire() for credential in self.credentials]
        return sent


def by_credentials(*credentials: Credential) -> Principal:
    """Returns whoever the credentials prove. Only a PDP that verifies them can answer."""
    if not credentials:
        raise ValueError("there is no credential")
    return Principal(Subject(CREDENTIAL, "0"), credentials)


def chain(*members: Subject | str, **properties: Any) -> Principal:
    """Returns a chain that this server vouches for: ``chain("user:alice", "agent:copilot")``.

    The first is the one whose authority is used, the last is whoever calls. ``properties`` are
    those of the first. An actor is an agent, a service or a user.
    """
    if not members:
        raise ValueError("a chain has at least one member")
    first, *actors = [_subject(member) for member in members]
    act: dict[str, Any] | None = None
    for actor in actors:
        if actor.type not in _PROFILES:
            raise ValueError(f"an actor is an agent, a service or a user, not a `{actor.type}`")
        said: dict[str, Any] = {"sub": actor.id}
        if profile := _PROFILES[actor.type]:
            said["sub_profile"] = profile
        if actor.properties:
            said["properties"] = dict(actor.properties)
        act = said if act is None else {**said, "act": act}
    of_first = {**first.properties, **properties}
    if act is not None:
        of_first["act"] = act
    return Principal(Subject(first.type, first.id, of_first))


def _subject(member: Subject | str) -> Subject:
    if isinstance(member, Subject):
        return member
    kind, colon, name = member.partition(":")
    if not colon:
        raise ValueError(f"a member of a chain is `type:id`, not `{member}`")
    return Subject(kind, name)


@dataclass(frozen=True)
class Call:
    """A request to the server, for the hook: what it asks for, and what it came with.

    ``headers`` are those of the HTTP request that carried this very message, by their names in
    lower case, and empty where there is none (stdio, in process). ``request`` is the framework's
    own object, or ``None``.
    """

    method: str
    name: str | None = None
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    http_method: str | None = None
    url: str | None = None
    request: Any = field(default=None, repr=False)

    def header(self, name: str) -> str | None:
        """Returns a header's value. Raises ``Unasked`` if it is there twice."""
        values = self.headers.get(name.lower(), ())
        if len(values) > 1:
            message = f"The request has the header `{name}` more than once."
            raise Unasked(Reason("credential_invalid", message, "retry"))
        return values[0] if values else None


class Unasked(Exception):
    """The question is denied before the PDP is asked, for this reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.message)
        self.reason = reason


Hook: TypeAlias = Callable[[Call], "Who | Awaitable[Who]"]
Who: TypeAlias = "Principal | Credential | Subject | Sequence[Credential] | None"


def bearer(call: Call) -> Principal:
    """Returns whoever the token of the request proves, as ``Bearer`` or with a proof (``DPoP``).

    The PDP is handed the token as it came. Raises ``Unasked`` where there is none.
    """
    value = call.header("authorization")
    if value is None:
        raise Unasked(Reason("credential_missing", "The request has no access token.", "step_up"))
    scheme, _, token = value.partition(" ")
    token = token.strip()
    scheme = scheme.lower()
    if scheme not in ("bearer", "dpop") or not token or any(c.isspace() for c in token):
        message = "The `Authorization` header holds no bearer or DPoP token."
        raise Unasked(Reason("credential_invalid", message, "retry"))
    proof = call.header("dpop")
    if scheme == "bearer" and proof is None:
        return by_credentials(Credential(token))
    if proof is None or call.http_method is None or call.url is None:
        message = "A DPoP token came without its proof."
        raise Unasked(Reason("proof_invalid", message, "retry"))
    dpop = {"proof": proof, "method": call.http_method, "url": call.url}
    return by_credentials(Credential(token, dpop=dpop))


async def find(hook: Hook, call: Call) -> Principal:
    """Asks the hook. Raises ``Unasked`` if it names nobody or fails: nobody is never everybody."""
    try:
        who = hook(call)
        if inspect.isawaitable(who):
            who = await who
    except Unasked:
        raise
    except Exception as error:
        message = "It could not be found out who asks."
        raise Unasked(Reason("principal_unknown", message, "retry")) from error
    if isinstance(who, Principal):
        return who
    if isinstance(who, Subject):
        return Principal(who)
    if isinstance(who, Credential):
        return by_credentials(who)
    if isinstance(who, Sequence) and who and all(isinstance(item, Credential) for item in who):
        return by_credentials(*who)
    message = "The request does not say who asks."
    raise Unasked(Reason("credential_missing", message, "step_up"))
