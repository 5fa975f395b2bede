"""A server that others can reach, on each database, with an issuer of tokens and an operator at its side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest
from sqlalchemy import select

from backline.accounts.keys import Keys, NewKey
from backline.accounts.models import api_keys
from backline.accounts.principal import USER_SCOPES
from backline.accounts.service import OPERATOR_ISSUER, Accounts
from backline.clock import utc_now
from backline.db.base import metadata
from backline.db.database import open_synchronous
from backline.gateway.services import open_administration
from backline.settings import Settings
from tests.accounts.issuer import FakeIssuer, running_issuer
from tests.conftest import Running, RunServer

T = TypeVar("T")


@dataclass
class Operator:
    """What `backline users` and `backline keys` do, on the database of a server."""

    settings: Settings

    def do(self, work: Callable[[Mapping[type[Any], Any]], Awaitable[T]]) -> T:
        async def working() -> T:
            async with open_administration(self.settings) as parts:
                return await work(parts)

        return asyncio.run(working())

    def user(self, name: str) -> str:
        user_id: str = self.do(lambda parts: parts[Accounts].find_or_create(OPERATOR_ISSUER, name)).id
        return user_id

    def key(self, user_id: str, **wanted: Any) -> tuple[str, str]:
        """Its id, and the key."""
        wish = NewKey(**{"name": "test", "scopes": sorted(USER_SCOPES), **wanted})
        key, text = self.do(lambda parts: parts[Keys].create_for(user_id, wish))
        return key.id, text

    def revoke(self, key_id: str) -> None:
        self.do(lambda parts: parts[Keys].revoke(None, key_id))

    def expire(self, key_id: str) -> None:
        """Its end came a second ago."""
        engine = open_synchronous(self.settings.database_address)
        with engine.begin() as connection:
            ended = api_keys.update().where(api_keys.c.id == key_id)
            connection.execute(ended.values(expires_at=utc_now() - timedelta(seconds=1)))
        engine.dispose()

    def delete(self, user_id: str) -> None:
        self.do(lambda parts: parts[Accounts].delete(user_id))

    def rows(self) -> dict[str, list[Any]]:
        """Everything that the database holds."""
        engine = open_synchronous(self.settings.database_address)
        with engine.connect() as connection:
            rows = {
                name: sorted(map(repr, connection.execute(select(table)))) for name, table in metadata.tables.items()
            }
        engine.dispose()
        return rows


@dataclass
class Public:
    """server: bound to every address, so that nobody comes in without a credential."""

    server: Running
    issuer: FakeIssuer
    operator: Operator

    def client(self, credential: str | None = None) -> httpx.Client:
        headers = {} if credential is None else {"Authorization": f"Bearer {credential}"}
        return self.server.client(headers=headers)


NO_LIMIT = {"address_requests_per_minute": 1_000_000, "key_requests_per_minute": 1_000_000}


@pytest.fixture
def issuer() -> Iterator[FakeIssuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def operator(tmp_path: Path, database_url: str) -> Operator:
    server = {"data_dir": tmp_path / "data"}
    return Operator(Settings(_env_file=None, server=server, database={"url": database_url}))


@pytest.fixture
def public(run_server: RunServer, issuer: FakeIssuer, operator: Operator, database_url: str) -> Public:
    server = run_server(
        (),
        server={"host": "0.0.0.0"},
        database={"url": database_url},
        accounts={"issuers": [issuer.settings]},
        limits=NO_LIMIT,
    )
    return Public(server, issuer, operator)


@pytest.fixture
def here(run_server: RunServer, database_url: str) -> Running:
    """A server that only this machine can reach."""
    return run_server((), database={"url": database_url}, limits=NO_LIMIT)
