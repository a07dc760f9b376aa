"""Serves the support desk of `desk.py` for a client in another environment: KIND PDP PORT."""

from __future__ import annotations

import sys

import uvicorn
from desk import SERVERS, app_of, who

from behest_authzen import Call, Principal


def by_header(call: Call) -> Principal:
    """Says who asks by a header, which only a test may."""
    return who(call.header("x-as") or "zoe")


if __name__ == "__main__":
    kind, pdp, port = sys.argv[1:]
    app = app_of(SERVERS[kind](pdp, principal=by_header))
    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error")
