"""API keys for a server that is to be started, or runs, on the same database."""

from __future__ import annotations

import asyncio
from typing import Any

from backline.accounts.keys import Keys, NewKey
from backline.accounts.service import Accounts
from backline.gateway.services import open_administration
from backline.settings import Settings

PEPPER = {"key_pepper": "p" * 32}
"""The group `accounts` of the settings with which these keys are good."""


def make_key(
    server: dict[str, Any] | None = None,
    database: dict[str, Any] | None = None,
    *,
    requests_per_minute: int | None = None,
    max_streams: int | None = None,
) -> str:
    """server, database: groups of the server's settings."""

    async def make() -> str:
        settings = Settings(_env_file=None, server=server or {}, database=database or {}, accounts=PEPPER)
        async with open_administration(settings) as parts:
            accounts: Accounts = parts[Accounts]
            keys: Keys = parts[Keys]
            user = await accounts.find_or_create("test", "somebody")
            _, key = await keys.create_for(user.id, NewKey("test", ("speech",), requests_per_minute, max_streams))
            return key

    return asyncio.run(make())
