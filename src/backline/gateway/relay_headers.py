"""What a header still means one server further: those of one connection stay here, and who asked is told anew."""

from __future__ import annotations

from collections.abc import Iterable

from multidict import CIMultiDict
from starlette.types import Scope

from backline.web.addresses import values

RawHeaders = list[tuple[bytes, bytes]]

_OF_A_CONNECTION = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade".split()
)
"""Hop by hop (RFC 9110 7.6.1); those that Connection itself names come to them."""

_TOLD_ANEW = frozenset(
    b"host expect forwarded via x-request-id x-forwarded-for x-forwarded-host x-forwarded-port "
    b"x-forwarded-proto".split()
)
_OF_A_HANDSHAKE = frozenset(
    b"sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol".split()
)
_SAID_HERE = frozenset((b"date", b"server", b"x-request-id"))
"""Of an answer: this server says them itself."""

_NAME = "backline"
"""In Via (RFC 9110 7.6.3): a request that comes back to where it was is not sent round and round."""


def onward(scope: Scope) -> CIMultiDict[str]:
    """The headers with which the request of a scope goes on. The address is the one this server believes."""
    headers: CIMultiDict[str] = CIMultiDict()
    left_out = _TOLD_ANEW | _OF_A_HANDSHAKE | _hop_by_hop(scope["headers"])
    for name, value in scope["headers"]:
        if name not in left_out:
            headers.add(name.decode("latin-1"), value.decode("utf-8", "replace"))
    headers["X-Request-ID"] = scope["request_id"]
    if scope.get("client"):
        headers["X-Forwarded-For"] = scope["client"][0]
    headers["X-Forwarded-Proto"] = "https" if scope["scheme"] in ("https", "wss") else "http"
    for host in values(scope, b"host")[:1]:
        headers["X-Forwarded-Host"] = host
    headers["Via"] = ", ".join([*values(scope, b"via"), f"{scope.get('http_version', '1.1')} {_NAME}"])
    return headers


def has_passed_here(scope: Scope) -> bool:
    hops = ",".join(values(scope, b"via")).split(",")
    return any(hop.split()[1:2] == [_NAME] for hop in hops)


def back(raw_headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """The headers with which an answer goes back, each as often as it came."""
    lowered = [(name.lower(), value) for name, value in raw_headers]
    left_out = _SAID_HERE | _hop_by_hop(lowered)
    return [(name, value) for name, value in lowered if name not in left_out]


def _hop_by_hop(headers: RawHeaders) -> frozenset[bytes]:
    named = [value for name, value in headers if name == b"connection"]
    return _OF_A_CONNECTION.union(one.strip().lower() for value in named for one in value.split(b","))
