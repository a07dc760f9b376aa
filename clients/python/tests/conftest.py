"""What the tests share: the real service, tokens of an issuer, and servers on loopback."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

HERE = Path(__file__).resolve()
REPOSITORY = HERE.parents[3]
TESTDATA = REPOSITORY / "clients" / "testdata"
BINARY = Path(os.environ.get("BEHEST_BINARY") or REPOSITORY / "target" / "debug" / "behest")
ISSUER = "https://login.example"
AUDIENCE = "https://desk.example"

CASES: dict[str, Any] = json.loads((TESTDATA / "table.json").read_text())


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def free_port() -> int:
    """Returns a port that nobody listens on, among those of `TEST_PORTS` if it is set."""
    first, _, last = os.environ.get("TEST_PORTS", "0-0").partition("-")
    for port in range(int(first), int(last) + 1):
        with socket.socket() as listener, contextlib.suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            found: int = listener.getsockname()[1]
            return found
    raise RuntimeError("no port is free")


def wait_for(url: str, running: Any) -> None:
    for _ in range(300):
        if not running():
            raise RuntimeError(f"what should answer at {url} has ended")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, trust_env=False).status_code < 500:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing answers at {url}")


class Issuer:
    """Signs access tokens that the service trusts."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> str:
        numbers = self._key.public_key().public_numbers()
        x, y = (_b64(n.to_bytes(32, "big")) for n in (numbers.x, numbers.y))
        key = {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "k", "alg": "ES256"}
        return json.dumps({"keys": [{**key, "use": "sig"}]})

    def token(self, sub: str, client: str = "web", **claims: Any) -> str:
        """Returns a token; its client is the user's own hand unless another is named."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

        now = int(time.time())
        body = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": sub,
            "client_id": client,
            "iat": now,
            "exp": now + 600,
            "jti": os.urandom(8).hex(),
            **claims,
        }
        head = {"alg": "ES256", "typ": "at+jwt", "kid": "k"}
        signed = f"{_b64(json.dumps(head).encode())}.{_b64(json.dumps(body).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Service:
    """A running behest: where it is, and the issuer that it trusts."""

    def __init__(self, url: str, socket_path: str, issuer: Issuer) -> None:
        self.url = url
        self.socket_path = socket_path
        self.issuer = issuer
        self.token = issuer.token


@contextlib.contextmanager
def behest(*flags: str, work: Path) -> Iterator[str]:
    """Runs the service; yields its address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [str(BINARY), "serve", "--bundle", str(TESTDATA / "bundle"), *flags]
    if not any(flag == "--listen" for flag in flags):
        command += ["--listen", f"127.0.0.1:{port}"]
    with (work / "log").open("w") as log:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BEHEST_")}
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=work, env=environment)
        try:
            if "--listen" not in flags:
                wait_for(f"{url}/readyz", lambda: process.poll() is None)
            yield url
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    work = tmp_path_factory.mktemp("behest")
    issuer = Issuer()
    (work / "jwks.json").write_text(issuer.jwks())
    (work / "behest.toml").write_text(f"""
[[issuers]]
issuer = "{ISSUER}"
preset = "standard"
algorithms = ["ES256"]
audiences = ["{AUDIENCE}"]
own_clients = ["web"]
keys = "file:{work}/jwks.json"
ids = {{ user = "{{sub}}", agent = "{{sub}}" }}
""")
    flags = ("--config", str(work / "behest.toml"), "--anonymous", "decide,search,explain")
    with behest(*flags, work=work) as url:
        yield Service(url, "", issuer)


@contextlib.contextmanager
def serve(app: Any) -> Iterator[str]:
    """Runs an ASGI app in a thread; yields its address."""
    import uvicorn

    port = free_port()
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        for _ in range(200):
            if server.started or not thread.is_alive():
                break
            time.sleep(0.05)
        if not server.started:
            raise RuntimeError("the server did not start")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class Hostile:
    """A PDP that sends exactly these bytes, and then does what `after` says."""

    def __init__(self, answer: bytes | None, after: str = "close", drip: float = 0.0) -> None:
        self.answer = answer
        self.after = after
        self.drip = drip
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", free_port()))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._stop = threading.Event()
        self._listener.settimeout(0.1)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError):
                connection, _ = self._listener.accept()
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()
        self._listener.close()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536) or b"\r\n\r\n"
            head, _, body = head.partition(b"\r\n\r\n")
            length = next(
                (
                    int(line.split(b":")[1])
                    for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:")
                ),
                0,
            )
            while len(body) < length:
                body += connection.recv(65536)
            self.requests.append(head + b"\r\n\r\n" + body)
            if self.answer is not None and self.drip:
                for byte in self.answer:
                    if self._stop.is_set():
                        return
                    connection.sendall(bytes([byte]))
                    time.sleep(self.drip)
            elif self.answer is not None:
                connection.sendall(self.answer)
            if self.after == "hang":
                self._stop.wait(10)

    def close(self) -> None:
        self._stop.set()


def answer(
    body: bytes, status: str = "200 OK", content_type: str = "application/json", more: str = ""
) -> bytes:
    """Returns an answer of HTTP with this body."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return f"{head}{more}\r\n".encode() + body


DEFAULT_HOSTS: dict[str, tuple[bytes | None, str, float]] = {
    "not JSON": (answer(b"permit"), "close", 0),
    "a text": (answer(b'{"decision": "true"}'), "close", 0),
    "a number": (answer(b'{"decision": 1}'), "close", 0),
    "null": (answer(b'{"decision": null}'), "close", 0),
    "an array": (answer(b'[{"decision": true}]'), "close", 0),
    "just true": (answer(b"true"), "close", 0),
    "no decision": (answer(b'{"context": {}}'), "close", 0),
    "an empty object": (answer(b"{}"), "close", 0),
    "an empty body": (answer(b""), "close", 0),
    "two decisions": (answer(b'{"decision": false, "decision": true}'), "close", 0),
    "an escaped second decision": (
        answer(b'{"decision": true, "d\\u0065cision": true}'),
        "close",
        0,
    ),
    "a fault beside a permit": (
        answer(b'{"decision": true, "context": {"error": {"status": 500}}}'),
        "close",
        0,
    ),
    "a fault without words beside a permit": (
        answer(b'{"decision": true, "context": {"error": {}}}'),
        "close",
        0,
    ),
    "a context that is no object": (answer(b'{"decision": true, "context": 7}'), "close", 0),
    "NaN": (answer(b'{"decision": true, "context": {"x": NaN}}'), "close", 0),
    "not UTF-8": (answer(b'{"decision": true, "context": {"x": "\xff"}}'), "close", 0),
    "UTF-16": (answer('{"decision": true}'.encode("utf-16")), "close", 0),
    "nested too deep": (
        answer(b'{"decision": true, "x": ' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        "close",
        0,
    ),
    "two values": (answer(b'{"decision": true}{"decision": false}'), "close", 0),
    "HTML": (answer(b"<html>decision: true</html>", content_type="text/html"), "close", 0),
    "JSON that is called HTML": (
        answer(b'{"decision": true}', content_type="text/html"),
        "close",
        0,
    ),
    "201": (answer(b'{"decision": true}', "201 Created"), "close", 0),
    "204": (b"HTTP/1.1 204 No Content\r\n\r\n", "close", 0),
    "a redirect": (
        answer(
            b'{"decision": true}',
            "307 Temporary Redirect",
            more="Location: http://127.0.0.1:1/\r\n",
        ),
        "close",
        0,
    ),
    "401": (answer(b'{"decision": true}', "401 Unauthorized"), "close", 0),
    "403": (answer(b'{"decision": true}', "403 Forbidden"), "close", 0),
    "429": (
        answer(b'{"error": {"code": "too_many"}}', "429 Too Many", more="Retry-After: 7\r\n"),
        "close",
        0,
    ),
    "500": (answer(b'{"decision": true}', "500 Internal Server Error"), "close", 0),
    "503 with another error": (answer(b'{"error": [1]}', "503 Service Unavailable"), "close", 0),
    "half of a body": (answer(b'{"decision": true}')[:-4], "close", 0),
    "a body that never ends": (answer(b'{"decision": true}')[:-4], "hang", 0),
    "half of a head": (b"HTTP/1.1 200 OK\r\nContent-Ty", "hang", 0),
    "nothing": (None, "hang", 0),
    "a closed connection": (None, "close", 0),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "close", 0),
    "a byte now and then": (answer(b'{"decision": true}'), "close", 0.2),
    "a huge body": (answer(b'{"decision": true, "x": "' + b"x" * 5_000_000 + b'"}'), "close", 0),
    "a huge body without a length": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
        + b'{"decision": true, "x": "'
        + b"x" * 5_000_000
        + b'"}',
        "close",
        0,
    ),
    "a compressed body": (
        answer(b'{"decision": true}', more="Content-Encoding: gzip\r\n"),
        "close",
        0,
    ),
    "the answer to another request": (
        answer(b'{"decision": true}', more="X-Request-ID: another\r\n"),
        "close",
        0,
    ),
}
"""What a PDP may send that is no decision."""

BATCHES = {
    "too few": b'{"evaluations": [{"decision": true}]}',
    "too many": b'{"evaluations": [' + b",".join([b'{"decision": true}'] * 40) + b"]}",
    "none": b'{"evaluations": []}',
    "no array": b'{"evaluations": {"0": {"decision": true}}}',
    "one decision": b'{"decision": true}',
    "a text among them": b'{"evaluations": [{"decision": true}, {"decision": "true"}]}',
    "nothing among them": b'{"evaluations": [{"decision": true}, {}]}',
    "true among them": b'{"evaluations": [{"decision": true}, true]}',
}
"""What a PDP may answer to a batch that is no answer to it."""


@pytest.fixture
def hostile() -> Iterator[Any]:
    made: list[Hostile] = []

    def make(answer: bytes | None, after: str = "close", drip: float = 0.0) -> Hostile:
        made.append(Hostile(answer, after, drip))
        return made[-1]

    yield make
    for one in made:
        one.close()


class Stub:
    """A PDP that permits everything but what a test forbids, and remembers what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.denied: set[tuple[str, str]] = set()
        self.more: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.reason: dict[str, Any] = {}

    def reset(self, *denied: tuple[str, str]) -> None:
        self.denied, self.asked, self.more = set(denied), [], {}
        self.reason = {"code": "forbidden", "message": "No.", "next_action": "none"}

    def questions(self) -> list[tuple[str, str]]:
        """Returns what was asked: actions and ids of resources, in order, batches included."""
        return [(q["action"]["name"], q["resource"]["id"]) for q in self.asked]

    def _decide(self, question: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(question)
        permit = (question["action"]["name"], question["resource"]["id"]) not in self.denied
        context = dict(self.more)
        if not permit:
            context["reason"] = self.reason
        return {"decision": permit, "context": context}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from starlette.requests import Request
        from starlette.responses import JSONResponse

        if scope["type"] != "http":
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            return
        body = await Request(scope, receive).json()
        items = body.pop("evaluations", None)
        body.pop("options", None)
        if items is None:
            found = self._decide(body)
        else:
            found = {"evaluations": [self._decide({**body, **item}) for item in items]}
        await JSONResponse(found)(scope, receive, send)


@pytest.fixture(scope="session")
def stub_server() -> Iterator[Stub]:
    stub = Stub()
    with serve(stub) as stub.url:
        yield stub


@pytest.fixture
def stub(stub_server: Stub) -> Stub:
    stub_server.reset()
    return stub_server


def _version_of_mcp() -> int:
    from importlib.metadata import version

    return int(version("mcp").partition(".")[0])


# One environment has version 1 of `mcp`, the other version 2 and all else.
collect_ignore_glob = ["mcp1/*"] if _version_of_mcp() > 1 else ["test_*.py"]
