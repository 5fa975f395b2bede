"""Who really asks, when a proxy stands between: X-Forwarded-For and X-Forwarded-Proto, believed from few."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_SECURE = {"http": "https", "ws": "wss"}


class TrustedProxies:
    """networks: addresses or networks whose word counts. Raises ValueError for what is neither."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ip_network(network, strict=False) for network in networks]

    def trusts(self, address: Address) -> bool:
        return any(address in network for network in self._networks)

    def client_of(self, peer: str, forwarded_for: Iterable[str]) -> str:
        """The address that the request came from: going back from the peer, the first that is no trusted proxy.

        peer: who is connected. forwarded_for: values of X-Forwarded-For in their order. A proxy appends the address it
        was asked from, so only what stands to the right of the first untrusted address is known to be true; what is no
        address ends the way there.
        """
        address = parse_address(peer)
        if address is None:
            return peer
        hops = [hop for value in forwarded_for for hop in value.split(",")]
        while self.trusts(address) and hops:
            hop = parse_address(hops.pop())
            if hop is None:
                break
            address = hop
        return str(address)


class ForwardedMiddleware:
    """Puts the client's own address and scheme into the scope, where a trusted proxy tells them."""

    def __init__(self, app: ASGIApp, proxies: TrustedProxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is not None:
            peer = parse_address(client[0])
            if peer is not None and self._proxies.trusts(peer):
                self._believe(scope)
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope) -> None:
        forwarded_for = values(scope, b"x-forwarded-for")
        address = self._proxies.client_of(scope["client"][0], forwarded_for)
        if forwarded_for:
            scope["client"] = (address, 0)  # its port is nobody's to know
        for value in values(scope, b"x-forwarded-proto")[-1:]:
            if value.rpartition(",")[2].strip().lower() in _SECURE.values():
                scope["scheme"] = _SECURE.get(scope["scheme"], scope["scheme"])


def values(scope: Scope, name: bytes) -> list[str]:
    """What a header says, each time it is sent. name: in lower case."""
    return [value.decode("latin-1") for known, value in scope["headers"] if known == name]


def is_forwarded(scope: Scope) -> bool:
    """Whether a proxy says that it passed this request on."""
    return any(name == b"forwarded" or name.startswith(b"x-forwarded-") for name, _ in scope["headers"])


def parse_address(text: str) -> Address | None:
    """An IPv4 or IPv6 address, with or without a port (`1.2.3.4:80`, `[::1]:80`) and zone; None for anything else.

    An IPv4 address that is written as IPv6 (`::ffff:1.2.3.4`) is the IPv4 address.
    """
    text = text.strip()
    if text.startswith("["):
        text, closed, port = text[1:].partition("]")
        if not closed or not (port == "" or _is_port(port)):
            return None
    elif text.count(":") == 1:
        text, _, port = text.partition(":")
        if not _is_port(f":{port}"):
            return None
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def address_window(text: str) -> str:
    """Under which name an address is counted: IPv4 by itself, IPv6 by its /64, which is one customer's."""
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        return f"{IPv6Address(int(address) >> 64 << 64)}/64"
    return text if address is None else str(address)


def _is_port(text: str) -> bool:
    return text[:1] == ":" and text[1:].isascii() and text[1:].isdecimal() and len(text) <= 6
