"""An agent that calls a tool for a person: `python agent.py PERSON TOOL NAME=VALUE…`.

It logs the person in as `web` would, exchanges her token for one of its own (RFC 8693), and calls
the tool with that. With `--request` before the rest it calls nothing, and prints what the MCP
server would ask behest, for `behest explain -`. A denial ends it with 3.
"""

import asyncio
import json
import os
import ssl
import sys
from typing import Any

import httpx
from fastmcp import Client
from mcp.shared.exceptions import MCPError

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def token(client: str, issuer: str = "", **form: str) -> str:
    """Asks Keycloak for a token, as a client. The secret is in a variable of the client's name."""
    address = f"{issuer or os.environ['ISSUER']}/protocol/openid-connect/token"
    trust = ssl.create_default_context(cafile=os.environ["CA"])
    secret = os.environ[f"{client.upper()}_SECRET"]
    answer = httpx.post(address, data=form, auth=(client, secret), verify=trust, timeout=30)
    if answer.is_error:
        raise SystemExit(f"Keycloak gives {client} no token: {answer.text}")
    return str(answer.json()["access_token"])


def log_in(person: str, issuer: str = "") -> str:
    """Returns a person's token, as her login at `web` gives it."""
    password = f"{person}-development"
    return token("web", issuer, grant_type="password", username=person, password=password)


def exchange(person_token: str, issuer: str = "") -> str:
    """Returns copilot's token for the person whose token it was handed."""
    return token(
        "copilot",
        issuer,
        grant_type=EXCHANGE,
        subject_token=person_token,
        subject_token_type=ACCESS_TOKEN,
        audience="desk",
    )


def request(bearer: str, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns what the MCP server asks behest about a call."""
    return {
        "subject": {"type": "credential", "id": "0"},
        "action": {"name": "tools/call"},
        "resource": {"type": "tool", "id": f"desk/{tool}"},
        "context": {
            "arguments": arguments,
            "credentials": [{"type": "access_token", "value": bearer}],
        },
    }


async def call(bearer: str, tool: str, arguments: dict[str, Any]) -> tuple[str, str]:
    """Calls a tool. Returns `permit` and what came of it, or the denial's code and message."""
    try:
        async with Client(os.environ["DESK_URL"], auth=bearer) as client:
            result = await client.call_tool(tool, arguments, raise_on_error=False)
    except MCPError as error:  # whoever may not even connect
        return error.data["code"], error.message
    text = getattr(result.content[0], "text", "")
    if not result.is_error:
        return "permit", text
    return (result.structured_content or {}).get("code", "failed"), text


def read(words: list[str]) -> dict[str, Any]:
    """Reads arguments: a number where it is one, and a text otherwise."""
    arguments: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        try:
            arguments[name] = float(value)
        except ValueError:
            arguments[name] = value
    return arguments


def main(words: list[str]) -> None:
    """Logs in, exchanges, calls, and says what came of it."""
    asked = words[:1] == ["--request"]
    if len(words) < 2 + asked:
        raise SystemExit(__doc__)
    person, tool, *rest = words[1:] if asked else words
    bearer = exchange(log_in(person))
    if asked:
        print(json.dumps(request(bearer, tool, read(rest))))
        return
    code, text = asyncio.run(call(bearer, tool, read(rest)))
    print(f"permit: {text}" if code == "permit" else text)
    sys.exit(0 if code == "permit" else 3)


if __name__ == "__main__":
    main(sys.argv[1:])
