"""The examples of the README run as they stand there."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from conftest import HERE, Service, serve
from test_tokens import post

README = (HERE.parents[1] / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
ADDRESS = "http://127.0.0.1:8181"


def test_the_server_in_ten_lines(service: Service) -> None:
    code = BLOCKS[0]
    assert len([line for line in code.splitlines() if line]) <= 10 and ADDRESS in code
    names: dict[str, Any] = {}
    exec(code.replace(ADDRESS, service.url), names)
    with serve(names["app"]) as url:
        mcp = f"{url}/mcp"
        token = service.token("ana", scope="desk.refund")
        call = {"name": "refund", "arguments": {"order": "o-17", "amount": 20}}
        assert post(mcp, "tools/call", call, token).json()["result"]["structuredContent"] == {
            "result": "20.0 for o-17"
        }
        call["arguments"]["amount"] = 2490  # type: ignore[index]
        said = post(mcp, "tools/call", call, token).json()["result"]
        assert said["isError"] and said["structuredContent"]["code"] == "refund_over_cap"
        tools = post(mcp, "tools/list", {}, token).json()["result"]
        assert [tool["name"] for tool in tools["tools"]] == ["refund"]
        assert tools["cacheScope"] == "private"
        assert post(mcp, "tools/list", {}, service.token("eve")).json()["result"]["tools"] == []
        assert httpx.get(mcp, trust_env=False).status_code == 401


def test_a_hook() -> None:
    from behest_authzen import Call

    code = next(block for block in BLOCKS if "def principal" in block)
    names: dict[str, Any] = {"verified": lambda token: {"sub": "ana", "act": {"sub": "scribe"}}}
    exec(code, names)
    said = names["principal"](Call("tools/call"))
    assert said.subject.properties["act"] == {"sub": "scribe"}
    svid = names["principal"](Call("tools/call", headers={"x-spiffe-jwt": ("t",)}))
    assert (svid.type, svid.value) == ("jwt_svid", "t")


def test_the_client_alone(service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    code = next(block for block in BLOCKS if "with AuthZenClient" in block)
    exec(code.replace(ADDRESS, service.url), {})
    assert "unknown_action" in capsys.readouterr().out
