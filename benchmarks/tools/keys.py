"""API keys, as a developer on loopback gets one and as an operator gives one to a customer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

from backline.accounts.keys import Keys, NewKey
from backline.accounts.service import Accounts
from backline.gateway.services import open_administration
from backline.settings import Settings


async def new_customer(settings: Settings) -> str:
    """A key of somebody new, good on every server with these settings."""
    async with open_administration(settings) as parts:
        accounts: Accounts = parts[Accounts]
        keys: Keys = parts[Keys]
        user = await accounts.find_or_create("bench", "customer")
        return (await keys.create_for(user.id, NewKey("bench", ("speech",))))[1]


def key_of(port: int) -> str:
    """Good on servers on loopback."""
    token = _post(port, "/auth/mock-login", {"test_user_id": "bench"}, {})["token"]
    return str(_post(port, "/keys", {"name": "bench"}, {"Authorization": f"Bearer {token}"})["key"])


def _post(port: int, path: str, body: Mapping[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    request = Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    request.add_header("Content-Type", "application/json")
    with urlopen(request) as answer:
        reply: dict[str, Any] = json.load(answer)
    return reply
