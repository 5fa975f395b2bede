"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass

from backline.errors import Denied

SCOPES = ("speech", "jam", "music", "exports", "admin")
"""What a key may be good for. A user who signed in has all but `admin`."""

USER_SCOPES = frozenset(SCOPES) - {"admin"}


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was let in.

    id: the user; what their rows and records carry. scopes: what they may do. key_id: the API key they came with, if
    any: limits count by it. billed: whether what they use is charged. requests_per_minute, max_streams: the key's own
    limits, where it has some.
    """

    id: str
    scopes: frozenset[str] = USER_SCOPES
    key_id: str | None = None
    billed: bool = True
    requests_per_minute: int | None = None
    max_streams: int | None = None

    def require(self, scope: str) -> None:
        """Raises Denied for a caller without this scope."""
        if scope not in self.scopes:
            raise Denied(f"This key lacks the scope {scope}.", code="missing_scope")


LOCAL = Principal(id="local", scopes=frozenset(SCOPES), billed=False)
"""Whoever uses this machine without an account, while the server is open on loopback. Nothing is charged."""
