"""Which pages may call this server from a browser, and under which names it may be asked.

A credential is no cookie: no browser sends it by itself. Still a page from elsewhere that got hold of one is refused
unless the operator named its origin, and a server on loopback answers to no name that was rebound to it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from backline.accounts.loopback import hostname, is_loopback_name
from backline.errors import Denied


class SiteRule:
    """cors_origins: origins besides our own. allowed_hosts: the names under which a server may be asked; empty takes
    any. A server that is bound to loopback may be asked under those of loopback too, and without others only so: the
    others are those of a proxy that runs beside it."""

    def __init__(
        self, *, bound_to_loopback: bool, cors_origins: Collection[str] = (), allowed_hosts: Collection[str] = ()
    ) -> None:
        self._bound_to_loopback = bound_to_loopback
        self._origins = frozenset(origin.lower().rstrip("/") for origin in cors_origins)
        self._hosts = frozenset(host.lower() for host in allowed_hosts)

    def check(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """headers: as in an ASGI scope. Raises Denied."""
        hosts: list[str] = []
        origins: list[str] = []
        for name, value in headers:
            if name == b"host":
                hosts.append(value.decode("latin-1").lower())
            elif name == b"origin":
                origins.append(value.decode("latin-1").lower())
        if len(hosts) != 1 or not self._may_be_asked_as(hostname(hosts[0])):
            raise Denied("This server is not to be asked under this name.", code="foreign_host")
        own = {f"{scheme}://{hosts[0]}" for scheme in ("http", "https")}
        if any(origin not in own and origin not in self._origins for origin in origins):
            raise Denied("A page from this origin may not use this server.", code="foreign_origin")

    def _may_be_asked_as(self, name: str | None) -> bool:
        if self._bound_to_loopback and is_loopback_name(name):
            return True
        return name in self._hosts if self._hosts or self._bound_to_loopback else True
