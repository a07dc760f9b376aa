"""Turns denials for want of a token into the HTTP answers that OAuth clients understand.

A guard of an MCP server can only say no inside of MCP. Wrapped in :class:`Challenges`, the same
answer comes with 401 or 403 and ``WWW-Authenticate``, which is what makes a client sign in again,
or ask its issuer for the scopes that are missing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import anyio

from .ask import CHALLENGES, Asker
from .denial import Challenge, Denial
from .model import Reason
from .principal import bearer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_BODY = b'{"error":"unauthorized"}'


class Challenges:
    """An ASGI app around a guarded one: ``Challenges(server.streamable_http_app(), guard)``.

    ``guard`` is the guard, or the middleware that has one. With the default hook, a request
    without any token is answered here, whatever it asks for.
    """

    def __init__(
        self, app: App, guard: Any, *, open_paths: tuple[str, ...] = ("/.well-known/",)
    ) -> None:
        """Wraps an app. Paths that begin with one of ``open_paths`` need no token here."""
        self._app = app
        inner = getattr(guard, "guard", guard)
        if not isinstance(inner, Asker):
            raise TypeError("`guard` must be a guard of this package")
        self._guard: Asker = inner
        self._open = open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if self._needs_token(scope):
            reason = Reason("credential_missing", "The request has no access token.", "step_up")
            challenge = Denial(reason).challenge(self._guard.settings.resource_metadata)
            await _answer(challenge or Challenge(401, "Bearer"), send)
            return
        held = _Held(send)
        # The very same scope goes on: what is inside sees what its framework puts there.
        scope[CHALLENGES] = held
        await self._app(scope, receive, held)

    def _needs_token(self, scope: Scope) -> bool:
        if self._guard.settings.principal is not bearer or scope.get("method") == "OPTIONS":
            return False
        if str(scope.get("path", "")).startswith(self._open):
            return False
        return not any(name.lower() == b"authorization" for name, _ in scope.get("headers", ()))


class _Held:
    """Holds back the head of an answer until it is known whether the request is denied.

    INVARIANT: once something was permitted, the answer is what the server makes of it. A tool that
    ran, and was denied another one, must not look as if nothing had happened.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._head: Message | None = None
        self._challenge: Challenge | None = None
        self._is_settled = False
        self._lock = anyio.Lock()

    def deny(self, challenge: Challenge) -> None:
        """Takes the challenge of the first denial, if nothing was permitted before."""
        if not self._is_settled and self._challenge is None:
            self._challenge = challenge

    async def permit(self) -> None:
        """Lets the head go, which long calls would keep waiting."""
        async with self._lock:
            self._is_settled = True
            await self._let_go()

    async def __call__(self, message: Message) -> None:
        async with self._lock:
            if message["type"] == "http.response.start" and not self._is_settled:
                self._head = message
                return
            await self._let_go()
            self._is_settled = True
            await self._send(message)

    async def _let_go(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            await self._send(self._challenged(head))

    def _challenged(self, head: Message) -> Message:
        if self._challenge is None or head["status"] >= 400:
            return head
        headers = [pair for pair in head.get("headers", ()) if pair[0] != b"www-authenticate"]
        headers.append((b"www-authenticate", self._challenge.header.encode("latin-1")))
        return {**head, "status": self._challenge.status, "headers": headers}


async def _answer(challenge: Challenge, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
        (b"cache-control", b"no-store"),
        (b"www-authenticate", challenge.header.encode("latin-1")),
    ]
    await _send_all(send, challenge.status, headers)


async def _send_all(send: Send, status: int, headers: list[tuple[bytes, bytes]]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": _BODY})
