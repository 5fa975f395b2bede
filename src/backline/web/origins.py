"""Which pages of the web may use this server from a browser, and under which names it is asked."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.types import Scope

from backline.errors import Denied
from backline.web.addresses import values

EXPOSED_HEADERS = (
    "Content-Disposition",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Audio-Seconds",
    "X-Credits-Consumed",
    "X-Input-Tokens",
    "X-Model-Version",
    "X-Output-Tokens",
    "X-RTF",
    "X-Remaining-Credits",
    "X-Request-ID",
    "X-Sample-Rate",
    "X-Should-Retry",
    "X-Super-Resolution",
    "X-TTFB-ms",
)
"""Headers of answers that scripts of other origins may read."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def add_cors(app: FastAPI, origins: Sequence[str]) -> None:
    """Answer browsers that ask for pages of these origins; nothing changes where there are none.

    Callers prove who they are by headers that a script sets itself, so no cookies are asked for. Any header may be
    sent: the clients of OpenAI alone send a dozen of their own.
    """
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
            max_age=3600,
        )


class DoorPlate:
    """hosts: names under which this server may be asked; empty takes any. origins: pages that may open sockets."""

    def __init__(self, hosts: Collection[str], origins: Collection[str]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origins)

    def check(self, scope: Scope) -> None:
        """Raises Denied: `foreign_host`; for a socket, which browsers open without asking first, `foreign_origin`."""
        if self._hosts:
            hosts = values(scope, b"host")
            if len(hosts) != 1 or host_name(hosts[0]) not in self._hosts:
                raise Denied("This server is not asked under this name.", code="foreign_host")
        if scope["type"] == "websocket":
            self._check_origin(scope)

    def _check_origin(self, scope: Scope) -> None:
        own = {f"{scheme}://{host}".lower() for host in values(scope, b"host") for scheme in ("http", "https")}
        for origin in values(scope, b"origin"):
            if origin.lower() not in own | self._origins:
                raise Denied("A page from another origin may not use this server.", code="foreign_origin")


_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+?)\.?(:\d{1,5})?")


def host_name(host: str) -> str | None:
    """The name in a Host header, without its port, in lower case; None for what is none."""
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else None
