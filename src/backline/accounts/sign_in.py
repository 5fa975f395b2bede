"""Two ways to get a token of ours: being on this machine, and being vouched for by Apple."""

from __future__ import annotations

from datetime import timedelta

from backline.accounts.issuers import APPLE, IdentityTokens
from backline.accounts.own_tokens import OwnTokens
from backline.accounts.repository import User
from backline.accounts.service import MOCK_ISSUER, Accounts, Profile
from backline.accounts.tokens import Tokens
from backline.errors import Unavailable


class SignIn:
    def __init__(
        self, accounts: Accounts, own: OwnTokens, tokens: Tokens, identities: IdentityTokens, lasts: timedelta
    ) -> None:
        self._accounts = accounts
        self._own = own
        self._tokens = tokens
        self._identities = identities
        self.token_seconds = int(lasts.total_seconds())

    async def as_mock(self, test_user_id: str) -> User:
        """Whoever asks has passed the loopback rule."""
        return await self._accounts.find_or_create(
            MOCK_ISSUER, test_user_id, profile=Profile(display_name=test_user_id)
        )

    async def with_apple(self, identity_token: str) -> User:
        """Raises Unavailable while nobody has said which app's tokens are meant."""
        if not self._identities.knows(APPLE):
            raise Unavailable(
                "Signing in with Apple is off; BACKLINE_ACCOUNTS__APPLE_AUDIENCE turns it on.",
                code="apple_login_off",
                retryable=False,
            )
        return await self._tokens.user_of_identity(identity_token, APPLE)

    def token_for(self, user: User) -> str:
        return self._own.issue(user)
