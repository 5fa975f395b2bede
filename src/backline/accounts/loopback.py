"""The rule under which a caller without a credential is let in: the caller is this machine, and says so plainly.

A server that is bound to loopback is still reachable from every web page its owner opens (by a foreign Origin, or by a
DNS name that was rebound to 127.0.0.1) and through any proxy that runs beside it. So all of these must hold: bound to
loopback, the Host a loopback name, the Origin absent or our own, no Forwarded or X-Forwarded-* header.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import urlsplit

from backline.accounts.principal import LOCAL, Principal
from backline.errors import Denied, Unauthenticated


class LoopbackGate:
    """bound_to_loopback: whether the server's own address is one of 127.0.0.0/8, ::1 or localhost."""

    def __init__(self, *, bound_to_loopback: bool) -> None:
        self._bound_to_loopback = bound_to_loopback

    def admit(self, headers: Iterable[tuple[str, str]]) -> Principal:
        """headers: names in lower case. Raises Unauthenticated or Denied; which header was wrong is said plainly."""
        if not self._bound_to_loopback:
            raise Unauthenticated(
                "Send an API key as X-API-Key, or a key or token as a bearer token. Without one, only a server that is "
                "started with --host 127.0.0.1 serves, and only its own machine."
            )
        hosts: list[str] = []
        origins: list[str] = []
        for name, value in headers:
            if name == "host":
                hosts.append(value)
            elif name == "origin":
                origins.append(value)
            elif name == "forwarded" or name.startswith("x-forwarded-"):
                raise Denied("A proxied request needs a key or a token.", code="proxied_request")
        if len(hosts) != 1 or not is_loopback_name(hostname(hosts[0])):
            raise Denied("Ask for this server as 127.0.0.1 or localhost.", code="foreign_host")
        own = {f"{scheme}://{hosts[0]}".lower() for scheme in ("http", "https")}
        if any(origin.lower() not in own for origin in origins):
            raise Denied("A page from another origin may not use this server.", code="foreign_origin")
        return LOCAL


def is_loopback_name(name: str | None) -> bool:
    if name is None:
        return False
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def hostname(host: str) -> str | None:
    """The name in a Host header, without the port. None when there is none, or it is anything else than a name and a
    port: a path, or a user before the name."""
    if any(mark in host for mark in "/?#@\\"):
        return None
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None
