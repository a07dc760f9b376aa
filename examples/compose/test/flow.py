"""Starts compose.yaml without containers, calls, attacks, and ends: `python flow.py WORK`.

KEYCLOAK is the folder of Keycloak's distribution, BEHEST the program. Surprises end with 1.
"""

import asyncio
import json
import os
import shlex
import signal
import ssl
import sys
from pathlib import Path
from typing import Any

import httpx
from fastmcp import Client
from stack import Stack

FOLDER = Path(__file__).resolve().parent.parent
SECONDS = 400
"""After this many seconds the run ends, whatever it waits for."""

sys.path.insert(0, str(FOLDER))
import agent  # noqa: E402

surprises = 0


def said(what: str, outcome: str, expected: str, more: str = "") -> None:
    """Prints a step and what came of it, and counts it where that is not as expected."""
    global surprises
    fits = expected in outcome if expected else not outcome
    surprises += not fits
    print(f"{'  ' if fits else '!!'} {what:58} {outcome:22.500} {more}")


def calls(stack: Stack) -> None:
    """The calls of the README, word for word."""
    lines, made = (FOLDER / "README.md").read_text().splitlines(), 0
    for at, line in enumerate(lines):
        if not line.startswith("    docker compose run --rm agent "):
            continue
        words = shlex.split(line.removeprefix("    docker compose run --rm agent "))
        made += 1
        expected = lines[at + 1].strip()
        end, output = stack.run("agent", *words)
        said(" ".join(words), output, expected)
        said("  it ends with", str(end), "0" if expected.startswith("permit") else "3")
    assert made >= 3, "the README has no calls"


def why(stack: Stack) -> None:
    """Asks why the second call was denied, by the README's command, and expects its answer."""
    words = "--request alice refund order=o-17 amount=250"
    text = (FOLDER / "README.md").read_text()
    run = "docker compose run --rm -T"
    assert f"    {run} agent {words} |\n      {run} operator explain -\n" in text
    lines = [line[4:] for line in text.partition("    deny: ")[2].partition("\n\n")[0].splitlines()]
    issuer = os.environ["ISSUER"]
    lines = [line.replace("https://keycloak:8443/realms/desk", issuer) for line in lines[1:]]
    _, request = stack.run("agent", *words.split())
    explained(stack, "why", json.loads(request), "(refund_over_limit)\n", *lines)


def explained(stack: Stack, what: str, request: dict[str, Any], *expected: str) -> None:
    """Asks why, as the operator does."""
    _, output = stack.run("operator", "explain", "-", given=json.dumps(request))
    missing = [words for words in expected if words not in output]
    said(what, output if missing else "", "", output.partition("\n")[0])


def post(bearer: str = "", **headers: str) -> httpx.Response:
    """Calls a tool by hand, as an attacker does."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    sent = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "lookup",
        **({"Authorization": f"Bearer {bearer}"} if bearer else {}),
        **headers,
    }
    params = {"name": "lookup", "arguments": {"order": "o-17"}, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return httpx.post(os.environ["DESK_URL"], json=body, headers=sent, timeout=20, trust_env=False)


def other_realm(admin: dict[str, str], trust: ssl.SSLContext) -> str:
    """Makes a realm with the same people, clients and keys of clients. Returns its issuer."""
    base = os.environ["ISSUER"].removesuffix("/realms/desk")
    form = {
        "grant_type": "password",
        "client_id": "admin-cli",
        "username": admin["KC_BOOTSTRAP_ADMIN_USERNAME"],
        "password": admin["KC_BOOTSTRAP_ADMIN_PASSWORD"],
    }
    master = f"{base}/realms/master/protocol/openid-connect/token"
    key = httpx.post(master, data=form, verify=trust, timeout=30).raise_for_status().json()
    text = (FOLDER / "realm.json").read_text().replace("default-roles-desk", "default-roles-other")
    realm = {**json.loads(text), "realm": "other"}
    head = {"Authorization": f"Bearer {key['access_token']}"}
    made = httpx.post(f"{base}/admin/realms", json=realm, headers=head, verify=trust, timeout=60)
    made.raise_for_status()
    return f"{base}/realms/other"


def attacks(stack: Stack) -> None:
    """Ways around the rules, each denied, and why."""
    order = {"order": "o-17"}
    trust = ssl.create_default_context(cafile=os.environ["CA"])
    foreign = other_realm(stack.environment("keycloak"), trust)
    alice = agent.log_in("alice")
    own = agent.token("copilot", grant_type="client_credentials")
    for what, bearer, status, why in (
        ("no token", "", 401, ""),
        (
            "alice's token of another realm, exchanged there",
            agent.exchange(agent.log_in("alice", foreign), foreign),
            401,
            "/realms/other` is not configured (credential_invalid)",
        ),
        (
            "alice's token for copilot, and not for desk",
            alice,
            401,
            "the token is for another audience, `copilot`",
        ),
        ("the agent by itself, for nobody", own, 200, "not_autonomous"),
        (
            "bob's, who let no agent act",
            agent.exchange(agent.log_in("bob")),
            200,
            "delegation_missing",
        ),
    ):
        answer = post(bearer, **{"X-User": "alice"})
        challenge = answer.headers.get("WWW-Authenticate", "")
        said(what, str(answer.status_code), str(status), challenge.partition(",")[0])
        if answer.status_code == 200:
            code = answer.json()["result"]["structuredContent"]["code"]
            said("  the denial", code, why)
        if why:
            explained(stack, "  why", agent.request(bearer, "lookup", order), "deny: ", why)
    pdp, keys = stack.environment("desk"), {"Authorization": f"Bearer {alice}"}
    ask = f"{pdp['PDP_URL']}/access/v1/evaluation"
    question = agent.request(alice, "lookup", order)
    answer = httpx.post(ask, json=question, headers=keys, verify=trust)
    said("behest asked with a person's token for a key", str(answer.status_code), "401")
    why = {**question, "options": {"explain": True}}
    keys = {"Authorization": f"Bearer {pdp['PDP_KEY']}"}
    answer = httpx.post(ask, json=why, headers=keys, verify=trust)
    said("the server's key does not explain", str(answer.status_code), "403")


async def session(stack: Stack) -> None:
    """An agent is stopped in the middle of a session, and goes on in it afterwards."""
    bearer = agent.exchange(agent.log_in("alice"))

    async def one(client: Any, what: str, expected: str) -> None:
        result = await client.call_tool("lookup", {"order": "o-17"}, raise_on_error=False)
        denied = result.is_error and (result.structured_content or {}).get("code", "failed")
        said(what, denied or "permit", expected)

    async with Client(os.environ["DESK_URL"], auth=bearer) as client:
        tools = " ".join(sorted(tool.name for tool in await client.list_tools()))
        said("alice's copilot sees", tools, "lookup refund")
        await one(client, "it looks up", "permit")
        end, output = await asyncio.to_thread(stack.run, "operator", "suspend", "agent:copilot")
        said("it is suspended", str(end), "0", output.splitlines()[0])
        await one(client, "it looks up in the same session", "suspended")
        end, output = await asyncio.to_thread(stack.run, "operator", "resume", "agent:copilot")
        said("it is resumed", str(end), "0", output.splitlines()[0])
        await one(client, "it looks up again", "permit")
        await asyncio.to_thread(stack.stop, "behest")
        await one(client, "it looks up while behest is gone", "pdp_unavailable")


def main(work: Path) -> None:
    """Runs all of it."""
    programs = {
        "/usr/bin/behest": Path(os.environ["BEHEST"]),
        "/opt/keycloak": Path(os.environ["KEYCLOAK"]),
    }
    stack = Stack(FOLDER / "compose.yaml", work, programs)
    stack.check()
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"the run took more than {SECONDS} s"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("the run was ended"))
    signal.alarm(SECONDS)
    try:
        stack.up()
        os.environ.update(stack.environment("agent"))
        print("\nthe calls of the README")
        calls(stack)
        why(stack)
        print("\nattacks")
        attacks(stack)
        print("\nin the middle of a session")
        asyncio.run(session(stack))
    finally:
        stack.down()
    print("\nnothing surprised" if not surprises else f"\n{surprises} surprises")
    sys.exit(1 if surprises else 0)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
