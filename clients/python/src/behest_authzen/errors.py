"""What can go wrong between a server and its PDP. Every one of these denies."""

from __future__ import annotations


class AuthZenError(Exception):
    """There is no decision. Searches raise it; evaluations deny and carry it as ``failure``."""

    code = "pdp_unavailable"
    """The code that a denial for want of a decision has."""

    retry_after: int | None = None


class Unreachable(AuthZenError):
    """The PDP did not answer in time, or not at all."""


class Nonsense(AuthZenError):
    """The PDP answered something that is no decision."""


class Refused(AuthZenError):
    """The PDP refused the question: its status, and the code and message of its body."""

    def __init__(
        self, status: int, code: str = "", message: str = "", retry_after: int | None = None
    ) -> None:
        said = f": {code or 'no code'}: {message}" if code or message else ""
        super().__init__(f"the PDP refused the question with status {status}{said}")
        self.status = status
        self.pdp_code = code
        self.pdp_message = message
        self.retry_after = retry_after


class Unsupported(AuthZenError):
    """The PDP does not offer what was asked for."""
