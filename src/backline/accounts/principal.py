"""Who is asking."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller that was let in. id: what their rows and records carry."""

    id: str


LOCAL = Principal(id="local")
"""Whoever uses this machine, while the server is open on loopback."""
