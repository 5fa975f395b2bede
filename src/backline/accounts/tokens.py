"""Whose bearer token it is: one of ours, or one of a configured issuer."""

from __future__ import annotations

import hashlib
from typing import Any

import jwt

from backline.accounts.issuers import IdentityTokens
from backline.accounts.own_tokens import OWN_ISSUER, OwnTokens, bad_token
from backline.accounts.principal import Principal
from backline.accounts.repository import User
from backline.accounts.service import LOCAL_ISSUER, MOCK_ISSUER, Accounts
from backline.accounts.verified import Verdict, VerifiedCallers
from backline.clock import Clock, utc_now

MAX_CHARACTERS = 8192
"""Of a token."""

_CLOCKS_DIFFER_SECONDS = 30.0
"""How far the clocks of two servers may be apart."""


class Tokens:
    """loopback: whether users that this machine made up (mock) may come in: never on a server for others."""

    def __init__(
        self,
        accounts: Accounts,
        own: OwnTokens,
        identities: IdentityTokens,
        callers: VerifiedCallers,
        *,
        loopback: bool,
        clock: Clock = utc_now,
    ) -> None:
        self._accounts = accounts
        self._own = own
        self._identities = identities
        self._callers = callers
        self._loopback = loopback
        self._clock = clock

    async def principal_of(self, token: str) -> Principal | None:
        """None for a token whose user is gone. Raises Unauthenticated for one that is not valid, Unavailable when its
        issuer cannot be asked for its keys. A token seen in the last 30 s costs neither a query nor a signature."""
        digest = hashlib.sha256(token.encode()).digest()
        return await self._callers.caller(digest, lambda: self._check(token))

    async def user_of_identity(self, token: str, issuer: str) -> User:
        """Who signed in at one issuer: found, or made at the first visit. Raises as `principal_of`."""
        header, claims = unverified(token)
        if claims.get("iss") != issuer:
            raise bad_token()
        identity = await self._identities.read(token, header, claims)
        return await self._accounts.find_or_create(identity.issuer, identity.subject, profile=identity.profile)

    async def _check(self, token: str) -> Verdict:
        header, claims = unverified(token)
        now = self._clock().timestamp()
        if claims.get("iss") != OWN_ISSUER:
            identity = await self._identities.read(token, header, claims)
            user = await self._accounts.find_or_create(identity.issuer, identity.subject, profile=identity.profile)
            return Verdict(Principal(user.id), identity.expires - now)
        own = self._own.read(token)
        known = await self._accounts.find(own.user_id)
        if known is None or own.issued < known.created_at.timestamp() - _CLOCKS_DIFFER_SECONDS:
            return Verdict(None)  # deleted; who has come back since does not answer for tokens from before
        if known.issuer in (LOCAL_ISSUER, MOCK_ISSUER) and not self._loopback:
            return Verdict(None)
        return Verdict(Principal(known.id), own.expires - now)


def unverified(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a token says of itself, header and claims, to find out who would have to vouch for it. Nothing of it is
    true yet. Raises Unauthenticated for what is no token at all."""
    if len(token) > MAX_CHARACTERS:
        raise bad_token()
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise bad_token() from None
    return parts["header"], parts["payload"]
