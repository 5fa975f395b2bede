"""The request that is being served, known to everything it calls."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The one id of the request in hand; None outside a request."""
