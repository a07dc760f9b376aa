"""Which question each MCP method is (AuthZEN's MCP binding, for both revisions of the protocol).

The action is the method. What the binding leaves out, and a server nevertheless serves, has the
question that its neighbours have: ``server/discover``, ``resources/templates/list``,
``subscriptions/listen``, ``tasks/update``. A method that is not here is denied unasked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .model import Action, Evaluation, Reason, Resource
from .principal import Unasked

PASSED = frozenset({"ping"})
"""Methods that are passed on unasked, beside all notifications."""

NOTIFICATIONS = "notifications/"
"""What the method of a notification begins with."""

SERVER_WIDE = frozenset(
    {
        "initialize",
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "logging/setLevel",
        "tasks/list",
        "subscriptions/listen",
    }
)
TASKS = frozenset({"tasks/get", "tasks/result", "tasks/cancel", "tasks/update"})
RESOURCES = frozenset({"resources/read", "resources/subscribe", "resources/unsubscribe"})
LISTS = {
    "tools/list": ("tools", "name", "tools/call"),
    "prompts/list": ("prompts", "name", "prompts/get"),
    "resources/list": ("resources", "uri", "resources/read"),
}
"""For each list that is narrowed: its entries, what names one, and what is asked about each."""

CACHEABLE = frozenset(
    {
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
    }
)
"""Methods whose results say how long they may be kept, from 2026-07-28 on."""

MAX_LISTENED = 200
"""How many resources one `subscriptions/listen` may name."""

_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_IN_PATHS = _UNRESERVED | frozenset("!$&'()*+,;=:@")
"""Characters that mean the same in a path whether they are spelled out or not."""


def malformed(message: str) -> Unasked:
    """Returns the denial of a request that no question can be made of."""
    return Unasked(Reason("request_malformed", message, "retry"))


def text(params: Mapping[str, Any], name: str, method: str) -> str:
    """Returns a member that must be a text."""
    value = params.get(name)
    if not isinstance(value, str) or not value:
        raise malformed(f"`{method}` must have a text `{name}`.")
    return value


def normal_uri(uri: str) -> str:
    """Returns the one spelling of a URI that policies see.

    Servers decode a path before they use it, so ``desk://s%61laries`` is ``desk://salaries`` and
    must be asked about by that name. What is no ASCII is encoded. Raises ``Unasked`` for an
    encoded slash and for ``.`` and ``..`` in a path: what they come to is up to each server.
    """
    try:
        encoded = quote(uri, safe="".join(map(chr, range(0x21, 0x7F))))
    except UnicodeEncodeError:
        raise malformed("The URI of a resource must be text.") from None
    path, mark, query = encoded.partition("?")
    path = _ENCODED.sub(lambda found: _decoded(found.group(), _IN_PATHS), path)
    if "%2F" in path or "%5C" in path:
        raise malformed("The URI of a resource must have no encoded slash.")
    if any(step in (".", "..") for step in re.split(r"[/\\]", path)[1:]):
        raise malformed("The URI of a resource must have no `.` or `..` as a step of its path.")
    return path + mark + _ENCODED.sub(lambda found: _decoded(found.group(), _UNRESERVED), query)


def _decoded(encoded: str, plain: frozenset[str]) -> str:
    character = chr(int(encoded[1:], 16))
    return character if character in plain else encoded.upper()


def name_of(method: str, params: Mapping[str, Any]) -> str | None:
    """Returns what a request names: a tool, a prompt, a resource or a task."""
    for member in ("name", "uri", "taskId"):
        value = params.get(member)
        if isinstance(value, str):
            return value
    return None


def resource_of(server: str, method: str, params: Mapping[str, Any]) -> Resource:
    """Returns the resource that a request is about. Raises ``Unasked`` if there is none."""
    if method in SERVER_WIDE:
        return Resource("mcp_server", server)
    if method == "tools/call":
        return Resource("tool", f"{server}/{text(params, 'name', method)}")
    if method == "prompts/get":
        return Resource("prompt", f"{server}/{text(params, 'name', method)}")
    if method in RESOURCES:
        return Resource("resource", normal_uri(text(params, "uri", method)))
    if method in TASKS:
        return Resource("task", f"{server}/{text(params, 'taskId', method)}")
    if method == "completion/complete":
        return _reference(server, params)
    message = f"The method `{method}` is not one that this server's guard knows."
    raise Unasked(Reason("method_unknown", message, "none"))


def _reference(server: str, params: Mapping[str, Any]) -> Resource:
    ref = params.get("ref")
    if not isinstance(ref, Mapping):
        raise malformed("`completion/complete` must have an object `ref`.")
    if ref.get("type") == "ref/prompt":
        return Resource("prompt", f"{server}/{text(ref, 'name', 'ref')}")
    if ref.get("type") == "ref/resource":
        return Resource("resource", normal_uri(text(ref, "uri", "ref")))
    raise malformed("`ref.type` must be `ref/prompt` or `ref/resource`.")


def context_of(method: str, params: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what the context of a question says besides who asks."""
    if method == "tools/call":
        arguments = params.get("arguments")
        if arguments is None:
            arguments = {}
        if not isinstance(arguments, Mapping):
            raise malformed("The `arguments` of a tool must be an object.")
        return {"arguments": dict(arguments)}
    if method == "initialize" and isinstance(params.get("protocolVersion"), str):
        return {"protocol_version": params["protocolVersion"]}
    if method == "logging/setLevel" and isinstance(params.get("level"), str):
        return {"level": params["level"]}
    return {}


def listened(params: Mapping[str, Any]) -> list[Evaluation]:
    """Returns a question for each resource that `subscriptions/listen` names."""
    wanted = params.get("notifications")
    uris = wanted.get("resourceSubscriptions") if isinstance(wanted, Mapping) else None
    if uris is None:
        return []
    if not isinstance(uris, list) or len(uris) > MAX_LISTENED:
        raise malformed(f"`resourceSubscriptions` must be a list of at most {MAX_LISTENED} URIs.")
    if not all(isinstance(uri, str) and uri for uri in uris):
        raise malformed("`resourceSubscriptions` must hold URIs.")
    action = Action("resources/subscribe")
    return [
        Evaluation(action=action, resource=Resource("resource", normal_uri(uri))) for uri in uris
    ]


def entry_resource(server: str, method: str, name: str) -> Resource:
    """Returns the resource that an entry of a list is."""
    if method == "resources/list":
        return Resource("resource", normal_uri(name))
    return Resource("tool" if method == "tools/list" else "prompt", f"{server}/{name}")
