"""The flow and the attacks: `python flow.py FOLDER SERVER PDP [down]`. Surprises end with 1.

With `down`, what a server does while its PDP is gone.
"""

import asyncio
import logging
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
from behest_authzen import Action, AsyncAuthZenClient, Credential, Resource, by_credentials
from fastmcp import Client
from mcp.shared.exceptions import MCPError

from issuer import make, token

FOLDER, SERVER, PDP = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
REVISIONS = {"2025-11-25": "legacy", "2026-07-28": "2026-07-28"}
surprises = 0


def said(what: str, outcome: str, expected: str, clause: str = "") -> None:
    """Prints a step with its decision, and the clause that decided."""
    global surprises
    surprises += outcome != expected
    mark = "  " if outcome == expected else "!!"
    print(f"{mark} {what:58} {outcome:20} {clause}")


async def clause(bearer: str, tool: str, arguments: dict[str, Any]) -> str:
    """Asks the PDP which clause decided, as a policy author would."""
    who = by_credentials(Credential(bearer))
    context = {**who.wire_context(), "arguments": arguments}
    async with AsyncAuthZenClient(PDP) as pdp:
        decision = await pdp.evaluation(
            who.subject,
            Action("tools/call"),
            Resource("tool", f"shop/{tool}"),
            context,
            explain=True,
        )
    if decision.explanation is None:
        return ""
    for leg in decision.explanation["legs"]:
        if (leg["outcome"] == "permit") == decision.permit or leg["outcome"] == "deny":
            for policy in leg["determining"] or leg["near_misses"]:
                policy = policy.get("policy", policy)
                principal = f"{leg['principal']['type']}:{leg['principal']['id']}"
                return f"{policy['id']} ({policy['file']}:{policy['line']}) for {principal}"
    return decision.reason.message if decision.reason else ""


async def call(
    what: str, expected: str, bearer: str, tool: str, arguments: dict[str, Any], mode: str
) -> None:
    """Calls a tool and prints what came of it."""
    try:
        async with Client(SERVER, auth=bearer, mode=mode) as client:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            denied = result.is_error and (result.structured_content or {}).get("code")
    except MCPError as error:  # whoever may not even connect
        denied = error.data["code"]
    said(what, denied or "permit", expected, await clause(bearer, tool, arguments))


def post(method: str, params: dict[str, Any], **headers: str) -> httpx.Response:
    """Sends a request by hand, as an attacker does."""
    revision = "2026-07-28"
    params = {
        **params,
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": revision,
            "io.modelcontextprotocol/clientCapabilities": {},
            **params.get("_meta", {}),
        },
    }
    sent = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": revision,
        "Mcp-Method": method,
        "Mcp-Name": str(params.get("name", "")),
        **headers,
    }
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return httpx.post(SERVER, json=body, headers=sent, timeout=20, trust_env=False)


async def flow(mode: str) -> None:
    """What ought to work, and what ought not."""
    small, large = {"order": "o-17", "amount": 90}, {"order": "o-17", "amount": 2490}
    ana, ben = token(FOLDER, "ana", "copilot"), token(FOLDER, "ben", "copilot")
    for name, bearer, expected in (
        ("ana's copilot sees", ana, "lookup refund"),
        ("eve, who is not on the staff, sees", token(FOLDER, "eve"), "lookup"),
    ):
        async with Client(SERVER, auth=bearer, mode=mode) as client:
            found = " ".join(sorted(tool.name for tool in await client.list_tools()))
        said(name, found, expected)
    await call("ana's copilot refunds 90", "permit", ana, "refund", small, mode)
    await call("ana's copilot refunds 2490", "refund_over_cap", ana, "refund", large, mode)
    await call("ben, a lead, lets it refund 2490", "permit", ben, "refund", large, mode)


async def attacks(mode: str) -> None:
    """Ways around the rules, each denied."""
    small = {"order": "o-17", "amount": 90}
    rogue = token(FOLDER, "ana", "rogue")
    await call(
        "an agent that nobody let act",
        "delegation_missing",
        rogue,
        "lookup",
        {"order": "o-17"},
        mode,
    )
    ana = token(FOLDER, "ana", "copilot")
    await call(
        "the amount as a text",
        "refund_over_cap",
        ana,
        "refund",
        {"order": "o-17", "amount": "2490"},
        mode,
    )
    await call(
        "a token without the scope",
        "scope_missing",
        token(FOLDER, "ana", "copilot", scope=""),
        "refund",
        small,
        mode,
    )


def attacks_by_hand() -> None:
    """What no client of an SDK sends."""
    call = {"name": "refund", "arguments": {"order": "o-17", "amount": 90}}
    with tempfile.TemporaryDirectory() as other:
        make(Path(other))
        forged = token(Path(other), "ben")
    for what, headers, expected in (
        ("no token", {}, 401),
        ("a header that says who asks", {"X-User": "ben", "X-Forwarded-User": "ben"}, 401),
        ("a token that another key signed", {"Authorization": f"Bearer {forged}"}, 401),
        (
            "a token for another service",
            {"Authorization": f"Bearer {token(FOLDER, 'ben', aud='https://bank.example')}"},
            401,
        ),
        (
            "a token that has expired",
            {"Authorization": f"Bearer {token(FOLDER, 'ben', exp=1)}"},
            401,
        ),
        (
            "the header names another tool than the body",
            {"Authorization": f"Bearer {token(FOLDER, 'ana')}", "Mcp-Name": "lookup"},
            400,
        ),
    ):
        answer = post("tools/call", call, **headers)
        challenge = answer.headers.get("WWW-Authenticate", "").partition(", error_description")[0]
        said(what, str(answer.status_code), str(expected), challenge[:50])
    eve = {"Authorization": f"Bearer {token(FOLDER, 'eve')}"}
    said_by = {"_meta": {"sub": "ben", "context": {"agent": "copilot"}}}
    answer = post("tools/call", {**call, **said_by}, **eve).json()["result"]
    said("_meta that says who asks", answer["structuredContent"]["code"], "not_staff")


def down() -> None:
    """What is denied while there is nobody to decide."""
    ana = {"Authorization": f"Bearer {token(FOLDER, 'ana')}"}
    call = {"name": "lookup", "arguments": {"order": "o-17"}}
    answer = post("tools/call", call, **ana).json()["result"]
    said("a call while the PDP is gone", answer["structuredContent"]["code"], "pdp_unavailable")
    listed = post("tools/list", {}, **ana).json()
    said("a list, which must not look empty", str(listed["error"]["code"]), "-32001")


async def main() -> None:
    """Runs all of it, by clients of both revisions of the protocol."""
    logging.disable(logging.WARNING)
    if sys.argv[4:] == ["down"]:
        down()
    else:
        for revision, mode in REVISIONS.items():
            print(f"\n{revision}")
            await flow(mode)
            await attacks(mode)
        print("\nby hand")
        attacks_by_hand()
    print("\nnothing surprised" if not surprises else f"\n{surprises} surprises")
    sys.exit(1 if surprises else 0)


if __name__ == "__main__":
    asyncio.run(main())
