"""What a caller shows: an API key, a bearer token, a ticket, or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

from starlette.types import Scope

from backline.accounts.key_format import PREFIX
from backline.errors import Unauthenticated

NOTHING = "none"
"""What clients send that cannot leave the header out (OpenAI's insist on a key): it means that there is no key."""

_LASTING = frozenset({"token", "access_token", "api_key", "apikey", "x-api-key", "authorization", "jwt"})


@dataclass(frozen=True, slots=True)
class Credential:
    kind: Literal["key", "token", "ticket"]
    secret: str

    def __repr__(self) -> str:
        return f"Credential({self.kind})"


def shown(scope: Scope) -> Credential | None:
    """scope: of a request or a WebSocket. Raises Unauthenticated for what cannot be meant: several at once, another
    scheme than bearer, a lasting secret in the address."""
    found: set[str] = set()
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, secret = value.decode("latin-1").partition(" ")
            if scheme.lower() != "bearer":
                raise _unknown()
            found.add(secret.strip())
        elif name == b"x-api-key":
            found.add(value.decode("latin-1").strip())
    found.discard(NOTHING)
    if scope["query_string"]:
        ticket = _in_address(scope)
        if ticket is not None:
            found.add(ticket)
            if len(found) == 1:
                return Credential("ticket", ticket)
    if not found:
        return None
    if len(found) > 1:
        raise Unauthenticated("Send one credential, not several that differ.", code="several_credentials")
    (secret,) = found
    if secret.startswith(PREFIX):
        return Credential("key", secret)
    if secret.count(".") == 2:
        return Credential("token", secret)
    raise _unknown()


def _in_address(scope: Scope) -> str | None:
    """The ticket of a WebSocket. Addresses are kept in histories and logs, so nothing that lasts may be in one."""
    ticket = None
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name.lower() in _LASTING or value.startswith((PREFIX, "eyJ")):  # a key; the head of a JWT
            raise Unauthenticated(
                "Keys and tokens are sent in a header, never in an address. For a socket: POST /auth/ticket, then "
                "?ticket=. Replace this one, it may have been written down on its way.",
                code="secret_in_url",
            )
        if name == "ticket" and scope["type"] == "websocket":
            ticket = value
    return ticket


def _unknown() -> Unauthenticated:
    return Unauthenticated("Send an API key as X-API-Key, or a key or token as a bearer token.", code="bad_credential")
