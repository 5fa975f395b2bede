"""Bearer tokens that this installation makes, for users who signed in at `/auth`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import jwt

from backline.accounts.pepper import Pepper
from backline.accounts.repository import User
from backline.clock import Clock, utc_now
from backline.errors import Unauthenticated

OWN_ISSUER = "backline"
"""Both `iss` and `aud` of own tokens."""

_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True)
class OwnClaims:
    """issued, expires: seconds since 1970."""

    user_id: str
    issued: float
    expires: float


class OwnTokens:
    """lasts: how long a token is good."""

    def __init__(self, pepper: Pepper, lasts: timedelta, clock: Clock = utc_now) -> None:
        self._key = pepper.key_for("tokens")
        self._lasts = lasts
        self._clock = clock

    def issue(self, user: User) -> str:
        now = self._clock()
        claims = {"iss": OWN_ISSUER, "aud": OWN_ISSUER, "sub": user.id, "iat": now, "exp": now + self._lasts}
        return jwt.encode(claims, self._key, _ALGORITHM)

    def read(self, token: str) -> OwnClaims:
        """Raises Unauthenticated for a token that is not ours, or no longer good."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                [_ALGORITHM],
                issuer=OWN_ISSUER,
                audience=OWN_ISSUER,
                options={"require": ["exp", "iat", "sub"]},
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The token has expired; sign in again.", code="token_expired") from None
        except jwt.PyJWTError:
            raise bad_token() from None
        return OwnClaims(claims["sub"], float(claims["iat"]), float(claims["exp"]))


def bad_token() -> Unauthenticated:
    return Unauthenticated("The token is not valid.", code="bad_token")
