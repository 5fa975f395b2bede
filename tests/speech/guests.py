"""Callers with accounts."""

from __future__ import annotations

import httpx

from tests.conftest import Running


def signed_in(server: Running, name: str = "guest") -> dict[str, str]:
    """The headers of a user of that name."""
    answer = httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": name})
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['token']}"}
