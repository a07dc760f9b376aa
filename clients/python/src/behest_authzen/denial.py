"""What a denial looks like: to a model, to a client of HTTP, and to an identity provider.

A model gets a sentence and an object that it can act on. A client whose token is missing, wrong
or too narrow gets the challenge that its OAuth library understands, with all scopes that it lacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .model import Decision, Reason

ENVELOPE = "io.modelcontextprotocol/authorization"
"""Where SEP-2643 keeps its envelope in ``_meta``."""

_HELP = {
    "request": "Asking for access can help.",
    "step_up": "Signing in again, or another token, can help.",
    "retry": "Trying again, with other arguments or later, can help.",
    "none": "Trying again does not help.",
}

UNAUTHENTICATED = frozenset(
    {
        "credential_missing",
        "credential_invalid",
        "credential_expired",
        "credential_mismatch",
        "proof_invalid",
        "token_missing",
    }
)
"""Reasons for which another token is needed: 401."""

UNAVAILABLE = frozenset({"pdp_unavailable", "credential_unavailable", "guard_failed"})
"""Reasons that lie with the services behind: 503 where HTTP is all that there is."""

_PRINTABLE = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


@dataclass(frozen=True)
class Denial:
    """Why something was not done."""

    reason: Reason
    decision: str | None = None

    @classmethod
    def of(cls, answer: Decision) -> Denial:
        """Returns the denial that an answer is."""
        reason = answer.reason or Reason("not_permitted", "This is not permitted.")
        return cls(reason, answer.id)

    @property
    def code(self) -> str:
        """The reason's code."""
        return self.reason.code

    def text(self) -> str:
        """Returns the denial in sentences."""
        reason = self.reason
        end = "" if reason.message.endswith((".", "!", "?")) else "."
        parts = [f"Denied ({reason.code}): {reason.message}{end}"]
        if reason.principal and {"type", "id"} <= reason.principal.keys():
            parts.append(f"Denied to {reason.principal['type']}:{reason.principal['id']}.")
        if reason.missing_scopes:
            parts.append(f"Scopes that are missing: {' '.join(reason.missing_scopes)}.")
        parts.append(reason.doc if reason.doc else _HELP[reason.next_action])
        return " ".join(parts)

    def structured(self) -> dict[str, Any]:
        """Returns the denial as an object: ``code``, ``message``, ``next_action`` and more."""
        reason = self.reason
        said: dict[str, Any] = {
            "code": reason.code,
            "message": reason.message,
            "next_action": reason.next_action,
        }
        if reason.principal:
            said["principal"] = dict(reason.principal)
        if reason.missing_scopes:
            said["missing_scopes"] = list(reason.missing_scopes)
        if reason.doc:
            said["doc"] = reason.doc
        if reason.retry_after is not None:
            said["retry_after"] = reason.retry_after
        if self.decision:
            said["decision"] = self.decision
        return said

    def envelope(self) -> dict[str, Any]:
        """Returns SEP-2643's envelope: the operation was not performed, and what may remedy it."""
        details = self.reason.more.get("authorization_details")
        said: dict[str, Any] = {"reason": "insufficient_authorization"}
        if isinstance(details, list) and details and self.reason.next_action == "step_up":
            said["remediation"] = "available"
            said["remediationHints"] = [
                {"type": "authorization_remediation", "authorization_details": details}
            ]
        elif self.reason.next_action == "none":
            said["remediation"] = "unavailable"
        else:
            said["remediation"] = "undisclosed"
        return said

    def tool_result(self, structured_denials: bool = False) -> dict[str, Any]:
        """Returns the result of a tool call that was denied, as MCP sends it."""
        result: dict[str, Any] = {
            "content": [{"type": "text", "text": self.text()}],
            "structuredContent": self.structured(),
            "isError": True,
        }
        if structured_denials:
            result["_meta"] = {ENVELOPE: self.envelope()}
        return result

    def challenge(self, resource_metadata: str | None = None) -> Challenge | None:
        """Returns the status and header of a denial that another token could lift."""
        code = self.reason.code
        said: dict[str, str] = {}
        if self.reason.missing_scopes:
            status, said["error"] = 403, "insufficient_scope"
        elif code in UNAUTHENTICATED:
            status = 401
            if code == "proof_invalid":
                said["error"] = "invalid_dpop_proof"
            elif code != "credential_missing":
                said["error"] = "invalid_token"
        else:
            return None
        if "error" in said:
            said["error_description"] = self.reason.message
        scopes = [scope for scope in self.reason.missing_scopes if _SCOPE.fullmatch(scope)]
        if scopes:
            said["scope"] = " ".join(scopes)
        if resource_metadata:
            said["resource_metadata"] = resource_metadata
        scheme = "DPoP" if code == "proof_invalid" else "Bearer"
        pairs = ", ".join(f'{name}="{_PRINTABLE.sub(" ", value)}"' for name, value in said.items())
        return Challenge(status, f"{scheme} {pairs}".rstrip())

    def status(self) -> int:
        """Returns the HTTP status where HTTP is all that there is: 401, 403, 429 or 503."""
        if challenge := self.challenge():
            return challenge.status
        return 503 if self.reason.code in UNAVAILABLE else 403

    def headers(self, resource_metadata: str | None = None) -> Mapping[str, str]:
        """Returns the headers that go with :meth:`status`."""
        found = {"Cache-Control": "no-store"}
        if challenge := self.challenge(resource_metadata):
            found["WWW-Authenticate"] = challenge.header
        if self.reason.retry_after is not None:
            found["Retry-After"] = str(self.reason.retry_after)
        return found


@dataclass(frozen=True)
class Challenge:
    """A status, and the ``WWW-Authenticate`` header that goes with it."""

    status: int
    header: str


class Denied(Exception):
    """Raised where a denial has no other way to the caller."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.text())
        self.denial = denial
