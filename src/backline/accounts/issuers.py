"""Identity tokens of OIDC issuers: who may vouch for a user, and whether a token really comes from them.

Checked as OpenID Connect Core 1.0 (section 3.1.3.7) and RFC 8725 ask: the issuer and the audience are those that were
configured, the algorithm is one of a fixed list (never `none`, never one with a shared secret), and the key is one that
the issuer publishes for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import jwt

from backline.accounts.jwks import KeySet, Publisher
from backline.accounts.own_tokens import bad_token
from backline.accounts.service import Profile
from backline.errors import Unauthenticated
from backline.settings import Issuer

APPLE = "https://appleid.apple.com"


@dataclass(frozen=True, slots=True)
class Identity:
    """expires: seconds since 1970."""

    issuer: str
    subject: str
    profile: Profile
    expires: float


class IdentityTokens:
    """publisher: fetches what issuers publish. Issuers with the same name differ by their audience."""

    def __init__(self, issuers: Sequence[Issuer], publisher: Publisher, leeway_seconds: float) -> None:
        self._issuers = [(issuer, KeySet(issuer, publisher)) for issuer in issuers]
        self._leeway_seconds = leeway_seconds

    def knows(self, issuer: str) -> bool:
        return any(known.issuer == issuer for known, _ in self._issuers)

    async def read(self, token: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Identity:
        """header, claims: what the token says of itself. Raises Unauthenticated for a token that is not valid,
        Unavailable when it cannot be told because the issuer's keys cannot be fetched."""
        issuer, keys = self._vouching(claims)
        algorithm = header.get("alg")
        if algorithm not in issuer.algorithms:
            raise bad_token()
        key = await keys.find(header.get("kid"), algorithm)
        if key is None:
            raise bad_token()
        return _identity(self._verified(token, key, algorithm, issuer))

    def _vouching(self, claims: Mapping[str, Any]) -> tuple[Issuer, KeySet]:
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        named = [(issuer, keys) for issuer, keys in self._issuers if issuer.issuer == claims.get("iss")]
        for issuer, keys in named:
            if issuer.audience in audiences:
                return issuer, keys
        raise bad_token()

    def _verified(self, token: str, key: jwt.PyJWK, algorithm: str, issuer: Issuer) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                [algorithm],
                issuer=issuer.issuer,
                audience=issuer.audience,
                leeway=self._leeway_seconds,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired; sign in again.", code="token_expired") from None
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError):
            raise bad_token() from None
        return claims


def _identity(claims: Mapping[str, Any]) -> Identity:
    subject = claims["sub"]
    if not 1 <= len(subject) <= 255 or not subject.isprintable():  # such as a NUL, which no database keeps
        raise bad_token()
    verified = claims.get("email_verified") in (True, "true")  # Apple writes it as a string
    profile = Profile(
        email=_text(claims.get("email"), 320) if verified else None,
        display_name=_text(claims.get("name"), 100),
        avatar_url=_https(claims.get("picture")),
    )
    return Identity(claims["iss"], subject, profile, float(claims["exp"]))


def _text(value: object, most: int) -> str | None:
    usable = isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= most
    return str(value).strip() if usable else None


def _https(value: object) -> str | None:
    text = _text(value, 2000)
    try:
        return text if text is not None and urlsplit(text).scheme == "https" and urlsplit(text).hostname else None
    except ValueError:
        return None
