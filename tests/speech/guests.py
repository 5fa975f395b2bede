"""Callers with accounts, and what is kept of them."""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy import text

from backline.db.database import open_synchronous
from tests.conftest import Running


def signed_in(server: Running, name: str = "guest") -> dict[str, str]:
    """The headers of a user of that name."""
    answer = httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": name})
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query finds in a database."""
    engine = open_synchronous(url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found
