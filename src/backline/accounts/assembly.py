"""The parts of accounts, put together: for the server and for the commands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from backline.accounts.entrance import Entrance
from backline.accounts.issuers import APPLE, IdentityTokens
from backline.accounts.jwks import open_publisher, require_fetchable
from backline.accounts.key_format import KeyFormat
from backline.accounts.keys import KeyLimits, Keys
from backline.accounts.loopback import LoopbackGate
from backline.accounts.own_tokens import OwnTokens
from backline.accounts.pepper import Pepper, pepper_in
from backline.accounts.service import Accounts, UserHook
from backline.accounts.sign_in import SignIn
from backline.accounts.site import SiteRule
from backline.accounts.tickets import Tickets
from backline.accounts.tokens import Tokens
from backline.accounts.verified import VerifiedCallers
from backline.db.database import Database
from backline.observability.logging import get_logger
from backline.settings import AccountsSettings, Issuer, Settings


@asynccontextmanager
async def open_accounts(
    settings: Settings,
    database: Database,
    on_user_created: Sequence[UserHook] = (),
    on_user_deleted: Sequence[UserHook] = (),
) -> AsyncIterator[Mapping[type[Any], object]]:
    """Every part that a router or a command asks for, by type."""
    server, here = settings.server, settings.server.bound_to_loopback
    pepper, lasts = pepper_of(settings), timedelta(minutes=settings.accounts.token_minutes)
    if settings.accounts.key_pepper is None and database.dialect == "postgresql":
        get_logger().warning("accounts.pepper_of_one_machine")  # a second server would not know the keys of this one
    callers = VerifiedCallers()
    accounts = Accounts(database, callers, on_user_created, on_user_deleted)
    keys = Keys(database, KeyFormat(pepper), callers, _key_limits(settings), loopback=here)
    own, tickets = OwnTokens(pepper, lasts), Tickets(database)
    gate = LoopbackGate(bound_to_loopback=here)
    origins = [*server.cors_origins, *([server.public_url] if server.public_url else [])]
    site = SiteRule(bound_to_loopback=here, cors_origins=origins, allowed_hosts=server.allowed_hosts)
    async with open_publisher() as publisher:
        identities = IdentityTokens(issuers_of(settings.accounts), publisher, settings.accounts.leeway_seconds)
        tokens = Tokens(accounts, own, identities, callers, loopback=here)
        yield {
            Accounts: accounts,
            Entrance: Entrance(gate, site, keys, tokens, tickets),
            Keys: keys,
            LoopbackGate: gate,
            OwnTokens: own,
            SignIn: SignIn(accounts, own, tokens, identities, lasts),
            Tickets: tickets,
            VerifiedCallers: callers,
        }


def check(settings: AccountsSettings) -> None:
    """Before anything starts. Raises Invalid for a pepper that is too short, or an issuer that must not be asked."""
    if settings.key_pepper is not None:
        Pepper(settings.key_pepper.get_secret_value())
    for issuer in issuers_of(settings):
        require_fetchable(issuer)


def pepper_of(settings: Settings) -> Pepper:
    """As it was set, or the one that this machine made for itself."""
    given = settings.accounts.key_pepper
    return pepper_in(settings.server.data_dir) if given is None else Pepper(given.get_secret_value())


def issuers_of(settings: AccountsSettings) -> list[Issuer]:
    """Those that were listed, and Apple when its audience is set and it is not listed."""
    issuers = list(settings.issuers)
    if settings.apple_audience is not None and all(issuer.issuer != APPLE for issuer in issuers):
        issuers.append(Issuer(issuer=APPLE, audience=settings.apple_audience, algorithms=["RS256"]))
    return issuers


def _key_limits(settings: Settings) -> KeyLimits:
    limits = settings.limits
    return KeyLimits(requests_per_minute=limits.key_requests_per_minute, max_streams=limits.key_streams)
