"""Asks an AuthZEN PDP before something is done, and guards servers with the answers.

``AuthZenClient`` and ``AsyncAuthZenClient`` work with any AuthZEN PDP. The guards are modules of
their own, since each needs its framework: ``behest_authzen.fastmcp``, ``.mcp``, ``.mcp1``,
``.fastapi`` and ``.a2a``.
"""

from .client import AsyncAuthZenClient, AuthZenClient
from .denial import Denial, Denied
from .errors import AuthZenError, Nonsense, Refused, Unreachable, Unsupported
from .model import (
    Action,
    Decision,
    Decisions,
    Evaluation,
    Metadata,
    Page,
    Reason,
    Resource,
    Subject,
)
from .principal import Call, Credential, Principal, Unasked, bearer, by_credentials, chain

__version__ = "0.1.0"

__all__ = [
    "Action",
    "AsyncAuthZenClient",
    "AuthZenClient",
    "AuthZenError",
    "Call",
    "Credential",
    "Decision",
    "Decisions",
    "Denial",
    "Denied",
    "Evaluation",
    "Metadata",
    "Nonsense",
    "Page",
    "Principal",
    "Reason",
    "Refused",
    "Resource",
    "Subject",
    "Unasked",
    "Unreachable",
    "Unsupported",
    "bearer",
    "by_credentials",
    "chain",
]
