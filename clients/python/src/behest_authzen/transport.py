"""Sends one request and reads its whole answer: in time, within a size, and once.

A request is bounded as a whole, from waiting for a connection to the last byte of the answer, so
that a PDP that sends a byte now and then cannot hold a call. What may have been decided is never
sent twice: only a connection that could not be made is tried once more.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import anyio.lowlevel
import httpcore
import httpx

from .errors import AuthZenError, Nonsense, Unreachable

CONNECTIONS = 100
"""How many connections one client keeps at most: more questions wait, within their time."""

KEEP_ALIVE_SECONDS = 30.0
"""How long a connection without questions is kept."""


@dataclass(frozen=True)
class Sent:
    """One request, as it goes over the wire."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


@dataclass(frozen=True)
class Answer:
    """One answer: its status, its headers by their names in lower case, and its whole body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Connection:
    """How the PDP is reached."""

    timeout: float
    max_answer: int
    uds: str | None
    ssl_context: ssl.SSLContext


def _check_head(status: int, headers: Mapping[str, str], sent: Sent) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Nonsense("the PDP sent an encoded body, which was not asked for")
    echoed = headers.get("x-request-id")
    if echoed is not None and echoed != sent.headers["X-Request-ID"]:
        raise Nonsense("the PDP answered another request: its `X-Request-ID` differs")


def _lower(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in pairs}


def _too_long(limit: int) -> Nonsense:
    return Nonsense(f"the PDP answered with more than {limit} bytes")


def _unreachable(error: BaseException) -> Unreachable:
    return Unreachable(f"the PDP could not be asked: {type(error).__name__}: {error}")


class _Requests:
    """Makes requests; where they go is parsed once."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[httpcore.URL, bytes]] = {}

    def make(self, sent: Sent, timeout: float) -> httpcore.Request:
        url, host = self._place(sent.url)
        headers = [(b"Host", host)]
        headers += [(k.encode("ascii"), v.encode("latin-1")) for k, v in sent.headers.items()]
        if sent.body is not None:
            headers.append((b"Content-Length", str(len(sent.body)).encode("ascii")))
        return httpcore.Request(
            sent.method,
            url,
            headers=headers,
            content=sent.body,
            extensions={"timeout": {"pool": timeout}},
        )

    def _place(self, url: str) -> tuple[httpcore.URL, bytes]:
        if url not in self._known:
            self._known[url] = (httpcore.URL(url), httpx.URL(url).netloc)
        return self._known[url]


class AsyncTransport:
    """Sends requests on one event loop; on another it opens connections of its own."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests = _Requests()
        self._loop: Any = None
        self._open: httpcore.AsyncConnectionPool | None = None

    def _pool(self) -> httpcore.AsyncConnectionPool:
        loop = anyio.lowlevel.current_token()
        if self._open is None or self._loop != loop:
            self._loop = loop
            self._open = httpcore.AsyncConnectionPool(
                ssl_context=self._connection.ssl_context,
                max_connections=CONNECTIONS,
                max_keepalive_connections=CONNECTIONS,
                keepalive_expiry=KEEP_ALIVE_SECONDS,
                retries=1,
                uds=self._connection.uds,
            )
        return self._open

    async def send(self, sent: Sent) -> Answer:
        """Sends a request. Raises an ``AuthZenError`` if there is no whole answer in time."""
        try:
            with anyio.fail_after(self._connection.timeout):
                return await self._send(sent)
        except AuthZenError:
            raise
        except TimeoutError as error:
            seconds = self._connection.timeout
            raise Unreachable(f"the PDP did not answer within {seconds:g} s") from error
        except Exception as error:
            raise _unreachable(error) from error

    async def _send(self, sent: Sent) -> Answer:
        request = self._requests.make(sent, self._connection.timeout)
        response = await self._pool().handle_async_request(request)
        try:
            headers = _lower(response.headers)
            _check_head(response.status, headers, sent)
            body = bytearray()
            async for chunk in response.aiter_stream():
                body += chunk
                if len(body) > self._connection.max_answer:
                    raise _too_long(self._connection.max_answer)
            return Answer(response.status, headers, bytes(body))
        finally:
            await response.aclose()

    async def close(self) -> None:
        """Closes the connections."""
        if self._open is not None and self._loop == anyio.lowlevel.current_token():
            await self._open.aclose()
        self._open = None


class _Deadline(threading.local):
    at: float = 0.0

    def left(self, timeout: float | None, error: type[Exception]) -> float:
        left = self.at - time.monotonic()
        if left <= 0:
            raise error("the time for the whole request is over")
        return left if timeout is None else min(left, timeout)


class _BoundedStream(httpcore.NetworkStream):
    """A connection on which every step ends at the deadline of the request in progress."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return _BoundedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _BoundedBackend(httpcore.NetworkBackend):
    def __init__(self, deadline: _Deadline) -> None:
        self._backend = httpcore.SyncBackend()
        self._deadline = deadline

    def _connect(self, connect: Callable[[float], httpcore.NetworkStream]) -> _BoundedStream:
        left = self._deadline.left(None, httpcore.ConnectTimeout)
        return _BoundedStream(connect(left), self._deadline)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        return self._connect(
            lambda left: self._backend.connect_tcp(host, port, left, local_address, socket_options)
        )

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        return self._connect(
            lambda left: self._backend.connect_unix_socket(path, left, socket_options)
        )

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(self._deadline.left(seconds, httpcore.ConnectTimeout))


class SyncTransport:
    """Sends requests from any thread."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._requests = _Requests()
        self._deadline = _Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=connection.ssl_context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
            retries=1,
            uds=connection.uds,
            network_backend=_BoundedBackend(self._deadline),
        )

    def send(self, sent: Sent) -> Answer:
        """Sends a request. Raises an ``AuthZenError`` if there is no whole answer in time."""
        seconds = self._connection.timeout
        self._deadline.at = time.monotonic() + seconds
        try:
            return self._send(sent)
        except AuthZenError:
            raise
        except httpcore.TimeoutException as error:
            raise Unreachable(f"the PDP did not answer within {seconds:g} s") from error
        except Exception as error:
            raise _unreachable(error) from error

    def _send(self, sent: Sent) -> Answer:
        request = self._requests.make(sent, self._connection.timeout)
        response = self._pool.handle_request(request)
        try:
            headers = _lower(response.headers)
            _check_head(response.status, headers, sent)
            body = bytearray()
            for chunk in response.iter_stream():
                body += chunk
                if len(body) > self._connection.max_answer:
                    raise _too_long(self._connection.max_answer)
            return Answer(response.status, headers, bytes(body))
        finally:
            response.close()

    def close(self) -> None:
        """Closes the connections."""
        self._pool.close()
