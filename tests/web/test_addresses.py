"""Who really asks, when proxies stand between."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from backline.web.addresses import ForwardedMiddleware, TrustedProxies, address_window, parse_address
from tests.web.asgi import Connection

PROXIES = TrustedProxies(["10.0.0.0/8", "fd00::/8"])

addresses = st.ip_addresses().map(str)
outsiders = addresses.filter(lambda text: not PROXIES.trusts(parse_address(text) or IPv4Address(0)))
insiders = st.one_of(st.ip_addresses(network="10.0.0.0/8"), st.ip_addresses(network="fd00::/8")).map(str)


@given(peer=outsiders, forwarded=st.lists(st.text()))
def test_a_stranger_is_believed_nothing(peer: str, forwarded: list[str]) -> None:
    assert PROXIES.client_of(peer, forwarded) == str(parse_address(peer))


@given(
    peer=insiders,
    made_up=st.lists(st.text(st.characters(max_codepoint=255))),
    client=outsiders,
    hops=st.lists(insiders),
)
def test_what_a_client_makes_up_itself_stands_too_far_left(
    peer: str, made_up: list[str], client: str, hops: list[str]
) -> None:
    header = ", ".join([*made_up, client, *hops])
    assert PROXIES.client_of(peer, [header]) == str(parse_address(client))


@given(peer=insiders, values=st.lists(st.text(st.characters(max_codepoint=255))))
def test_nonsense_from_a_proxy_is_survived(peer: str, values: list[str]) -> None:
    found = PROXIES.client_of(peer, values)
    assert parse_address(found) is not None


@given(peer=insiders, parts=st.lists(insiders, min_size=1), cut=st.integers(0, 9))
def test_one_header_or_several_are_the_same(peer: str, parts: list[str], cut: int) -> None:
    several = [value for value in (",".join(parts[:cut]), ",".join(parts[cut:])) if value]
    assert PROXIES.client_of(peer, several) == PROXIES.client_of(peer, [",".join(parts)])


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ([], "10.0.0.1"),
        ([""], "10.0.0.1"),
        (["192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7:5000"], "192.0.2.7"),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["2001:DB8::1%eth0"], "2001:db8::1"),
        (["::ffff:192.0.2.7"], "192.0.2.7"),
        (["127.0.0.1, 192.0.2.7, 10.9.9.9"], "192.0.2.7"),
        (["192.0.2.9", "192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7, unknown"], "10.0.0.1"),
        (["192.0.2.7, unknown, 10.2.2.2"], "10.2.2.2"),
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        (["192.0.2.7:99999999"], "10.0.0.1"),
        (["010.0.0.1"], "10.0.0.1"),
    ],
)
def test_the_first_from_the_right_that_is_no_proxy_of_ours(forwarded: list[str], client: str) -> None:
    assert PROXIES.client_of("10.0.0.1", forwarded) == client


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    address = parse_address(text)
    assert address is None or parse_address(str(address)) == address


@given(st.integers(2**64, 2**128 - 1).map(IPv6Address), st.integers(0, 2**64 - 1))
def test_a_customer_of_ipv6_is_one_window(address: IPv6Address, host: int) -> None:
    neighbour = IPv6Address(int(address) >> 64 << 64 | host)
    assert address_window(str(address)) == address_window(str(neighbour))
    beyond = IPv6Address((int(address) + 2**64) % 2**128)
    assert address_window(str(address)) != address_window(str(beyond))


def test_an_address_of_ipv4_is_one_window_however_it_is_written() -> None:
    assert address_window("192.0.2.7") == address_window("::ffff:192.0.2.7") == "192.0.2.7"


async def seen(headers: list[tuple[bytes, bytes]], *, peer: str = "10.0.0.1", scheme: str = "http") -> tuple[str, str]:
    scopes: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)

    await Connection().call(ForwardedMiddleware(app, PROXIES), headers=headers, client=(peer, 1234), scheme=scheme)
    return scopes[0]["client"][0], scopes[0]["scheme"]


async def test_the_application_sees_the_client_and_its_scheme() -> None:
    told = [(b"x-forwarded-for", b"192.0.2.7"), (b"x-forwarded-proto", b"https")]
    assert await seen(told) == ("192.0.2.7", "https")
    assert await seen(told, scheme="ws") == ("192.0.2.7", "wss")
    assert await seen(told, peer="192.0.2.1") == ("192.0.2.1", "http")
    assert await seen([]) == ("10.0.0.1", "http")


@pytest.mark.parametrize(
    ("value", "scheme"), [("http", "http"), ("http, https", "https"), ("gopher", "http"), ("", "http")]
)
async def test_only_a_scheme_is_one(value: str, scheme: str) -> None:
    assert await seen([(b"x-forwarded-proto", value.encode())]) == ("10.0.0.1", scheme)
