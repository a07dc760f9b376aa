"""Asks one question about a request, and lets through exactly a permit.

Every guard asks through here. Whatever is no permit of the whole question ends the request, a
fault of the guard itself included.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .client import AsyncAuthZenClient
from .denial import Denial, Denied
from .model import Action, Decision, JsonObject, Reason, Resource
from .plans import valid_traceparent
from .principal import Call, Hook, Principal, Unasked, bearer, find
from .wire import fault_of

log = logging.getLogger("behest_authzen")

CHALLENGES = "behest_authzen.challenges"
"""Where in an ASGI scope a denial leaves its challenge for ``asgi.Challenges``."""


@dataclass(frozen=True)
class Settings:
    """How a guard asks, and how it says no."""

    principal: Hook = bearer
    """Says who asks. The default hands the request's token to the PDP."""

    resource_metadata: str | None = None
    """The URL of the server's OAuth metadata (RFC 9728), named in challenges."""

    url: str | None = None
    """The server's URL as its clients know it, which proofs of possession (DPoP) name."""

    handshake: Literal["ask", "pass"] = "ask"
    """MCP: whether ``initialize`` and ``server/discover`` are asked about; all else is."""

    structured_denials: bool = False
    """MCP: whether denied tool calls carry SEP-2643's envelope in ``_meta``."""

    denial_code: int = -32001
    """MCP: the JSON-RPC code of a denial that is no tool result."""

    list_ttl_ms: int = 10_000
    """MCP: how long a client may keep what it was shown, in milliseconds, at most."""

    batch: int = 1000
    """MCP: how many questions one batch holds at most; behest's own limit is 1000."""

    methods: Mapping[str, Callable[[Mapping[str, Any]], Resource]] = field(default_factory=dict)
    """MCP: resources of methods of the server's own, by method: else they are denied."""

    def __post_init__(self) -> None:
        if self.handshake not in ("ask", "pass"):
            raise ValueError("`handshake` must be `ask` or `pass`")
        if self.list_ttl_ms < 0 or self.batch < 2:
            raise ValueError("`list_ttl_ms` must not be negative, and `batch` at least 2")


class Asker:
    """What every guard shares: the PDP, who asks, and what becomes of a denial."""

    def __init__(
        self, pdp: AsyncAuthZenClient | str, settings: Settings | None = None, **more: Any
    ) -> None:
        if settings is not None and more:
            raise ValueError("give `settings`, or single settings by name")
        self.pdp = pdp if isinstance(pdp, AsyncAuthZenClient) else AsyncAuthZenClient(pdp)
        self.settings = settings or Settings(**more)

    async def ask(
        self, call: Call, action: Action, resource: Resource, context: JsonObject | None = None
    ) -> None:
        """Asks one question about a request. Raises ``Denied`` unless it is permitted."""

        async def question() -> None:
            principal = await self.principal(call)
            require(
                await self.pdp.evaluation(
                    principal.subject,
                    action,
                    resource,
                    in_context(principal, context),
                    reason=True,
                    traceparent=traceparent_of(call),
                )
            )

        await self.enforce(call, question)

    async def enforce(self, call: Call, question: Callable[[], Any]) -> Any:
        """Runs a question, and makes ``Denied`` of whatever goes wrong in it."""
        try:
            found = await question()
            if (holder := _holder(call)) is not None:
                await holder.permit()
            return found
        except Denied as denied:
            self._challenge(call, denied.denial)
            raise
        except Unasked as unasked:
            denial = Denial(unasked.reason)
            self._challenge(call, denial)
            raise Denied(denial) from unasked
        except Exception as error:
            log.exception("denied, since the guard failed at `%s`: %s", call.method, error)
            message = "The guard of this server failed, so nothing is permitted."
            raise Denied(Denial(Reason("guard_failed", message, "retry"))) from error

    async def principal(self, call: Call) -> Principal:
        """Returns who asks. Raises ``Unasked`` if nobody does."""
        return await find(self.settings.principal, call)

    def _challenge(self, call: Call, denial: Denial) -> None:
        challenge = denial.challenge(self.settings.resource_metadata)
        if challenge is not None and (holder := _holder(call)) is not None:
            holder.deny(challenge)


def _holder(call: Call) -> Any:
    """Returns what ``asgi.Challenges`` put around the request, if it did."""
    scope = getattr(call.request, "scope", None)
    return scope.get(CHALLENGES) if isinstance(scope, Mapping) else None


def require(answer: Decision) -> None:
    """Lets through exactly a permit of the whole question, without duties that nobody here does."""
    if not answer.permit:
        raise Denied(Denial.of(answer))
    if answer.unknown:
        message = "The decision left the arguments open, so it permits no call."
        raise Denied(Denial(Reason("answer_partial", message, "none"), answer.id))
    if fault := fault_of(answer):
        raise RuntimeError(f"the PDP permits and reports a fault: {fault}")
    if answer.context.get("obligations"):
        message = "The permit comes with obligations, and this server can keep none."
        raise Denied(Denial(Reason("obligation_unsupported", message, "none"), answer.id))


def in_context(principal: Principal, context: JsonObject | None = None) -> dict[str, Any]:
    """Returns the context of a question. What is asked about wins over what the hook says, and
    credentials over both."""
    asked = {**principal.context, **(context or {})}
    asked.pop("credentials", None)
    if principal.credentials:
        asked["credentials"] = [credential.wire() for credential in principal.credentials]
    return asked


def traceparent_of(call: Call) -> str | None:
    """Returns the trace context that the request came with, if it came with one."""
    values = call.headers.get("traceparent", ())
    return valid_traceparent(values[0]) if len(values) == 1 else None


def call_of(method: str, name: str | None, request: Any, url: str | None = None) -> Call:
    """Returns a ``Call``; ``request`` is Starlette's, or anything else that has no headers."""
    raw = getattr(getattr(request, "headers", None), "raw", None)
    if raw is None:
        return Call(method=method, name=name, request=request)
    headers: dict[str, tuple[str, ...]] = {}
    for key, value in raw:
        key = key.decode("latin-1").lower()
        headers[key] = (*headers.get(key, ()), value.decode("latin-1"))
    if url is None:
        url = str(request.url.replace(query="", fragment=""))
    return Call(
        method=method,
        name=name,
        headers=headers,
        http_method=request.method,
        url=url,
        request=request,
    )
