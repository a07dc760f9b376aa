"""Decides what an MCP server does: one question for a request, one batch for a list.

Servers differ in where a guard hangs, and share what is asked and what an answer means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .ask import Asker, Settings, call_of, in_context, require, traceparent_of
from .client import AsyncAuthZenClient
from .denial import Denial, Denied
from .methods import (
    LISTS,
    PASSED,
    context_of,
    entry_resource,
    listened,
    name_of,
    normal_uri,
    resource_of,
)
from .model import Action, Decision, Evaluation
from .principal import Call
from .wire import fault_of

__all__ = ["Guard", "Settings"]

_SERVER = re.compile(r"[^\s/]+")


class Guard(Asker):
    """What every guard of an MCP server shares."""

    def __init__(
        self,
        server: str,
        pdp: AsyncAuthZenClient | str,
        settings: Settings | None = None,
        **more: Any,
    ) -> None:
        """Makes a guard for the server that policies call ``server``.

        Its tools are ``<server>/<name>``. ``pdp`` is a client, or where the PDP is. ``more`` are
        the settings of ``Settings``, by name.
        """
        if not isinstance(server, str) or not _SERVER.fullmatch(server):
            raise ValueError("`server` must be a name without spaces and slashes")
        super().__init__(pdp, settings, **more)
        self.server = server
        for method in self.settings.methods:
            if method == "tools/call" or method in LISTS or self.passes(method):
                raise ValueError(
                    f"`methods` must not map `{method}`: the guard decides it by itself"
                )

    def passes(self, method: str) -> bool:
        """Returns whether a method is passed on unasked."""
        handshake = method in ("initialize", "server/discover")
        return method in PASSED or (handshake and self.settings.handshake == "pass")

    async def check(self, call: Call, params: Mapping[str, Any]) -> None:
        """Asks whether a request may go on. Raises ``Denied`` if not, and for any fault."""
        if not self.passes(call.method):
            await self.enforce(call, lambda: self._check(call, params))

    async def _check(self, call: Call, params: Mapping[str, Any]) -> None:
        own = self.settings.methods.get(call.method)
        resource = own(params) if own else resource_of(self.server, call.method, params)
        more = listened(params) if call.method == "subscriptions/listen" else []
        principal = await self.principal(call)
        action = Action(call.method)
        context = in_context(principal, context_of(call.method, params))
        traceparent = traceparent_of(call)
        if not more:
            require(
                await self.pdp.evaluation(
                    principal.subject,
                    action,
                    resource,
                    context,
                    reason=True,
                    traceparent=traceparent,
                )
            )
            return
        answers = await self.pdp.evaluations(
            [Evaluation(action=action, resource=resource), *more],
            defaults=Evaluation(subject=principal.subject, context=context),
            reason=True,
            traceparent=traceparent,
        )
        for answer in answers:
            require(answer)

    async def narrow(self, call: Call, names: Sequence[str]) -> set[str]:
        """Returns which of a list's entries the caller may see; one batch asks about all.

        Raises ``Denied`` if the list as a whole is denied, or if there is no answer for an entry:
        a list that failed must not look empty.
        """
        found: set[str] = await self.enforce(
            call, lambda: self._narrow(call, list(dict.fromkeys(names)))
        )
        return found

    async def _narrow(self, call: Call, names: list[str]) -> set[str]:
        _, _, action = LISTS[call.method]
        principal = await self.principal(call)
        defaults = Evaluation(subject=principal.subject, context=in_context(principal))
        items = [
            Evaluation(
                action=Action(call.method), resource=resource_of(self.server, call.method, {})
            )
        ]
        for name in names:
            resource = entry_resource(self.server, call.method, name)
            items.append(Evaluation(action=Action(action), resource=resource))
        unknown = ["arguments"] if call.method == "tools/list" else []
        answers: list[Decision] = []
        for part in _parts(items, self.settings.batch):
            found = await self.pdp.evaluations(
                part,
                defaults=defaults,
                reason=True,
                unknown=unknown,
                traceparent=traceparent_of(call),
            )
            if found.failure is not None:
                raise Denied(Denial.of(found[0]))
            answers.extend(found)
        for answer in answers:
            if fault := fault_of(answer):
                raise RuntimeError(f"the PDP has no answer for an entry of a list: {fault}")
        first, *rest = answers
        if not first.permit:
            raise Denied(Denial.of(first))
        return {name for name, answer in zip(names, rest, strict=True) if answer.permit}

    def normal(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Returns a request's parameters with its URIs as they were asked about."""
        changed = dict(params)
        if isinstance(changed.get("uri"), str) and method.startswith("resources/"):
            changed["uri"] = normal_uri(changed["uri"])
        ref = changed.get("ref")
        if method == "completion/complete" and isinstance(ref, Mapping) and "uri" in ref:
            changed["ref"] = {**ref, "uri": normal_uri(str(ref["uri"]))}
        wanted = changed.get("notifications")
        if method == "subscriptions/listen" and isinstance(wanted, Mapping):
            uris = wanted.get("resourceSubscriptions")
            if isinstance(uris, list):
                uris = [normal_uri(str(uri)) for uri in uris]
                changed["notifications"] = {**wanted, "resourceSubscriptions": uris}
        return changed

    def call(self, method: str, params: Mapping[str, Any], request: Any) -> Call:
        """Returns what the hook sees of a request that came with an HTTP request, or with none."""
        return call_of(method, name_of(method, params), request, self.settings.url)


def _parts(items: list[Evaluation], size: int) -> Iterable[list[Evaluation]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
