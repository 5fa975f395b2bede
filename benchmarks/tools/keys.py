"""An API key of a gateway on loopback, as a developer gets one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen


def key_of(port: int) -> str:
    token = _post(port, "/auth/mock-login", {"test_user_id": "bench"}, {})["token"]
    return str(_post(port, "/keys", {"name": "bench"}, {"Authorization": f"Bearer {token}"})["key"])


def _post(port: int, path: str, body: Mapping[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    request = Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), headers)
    request.add_header("Content-Type", "application/json")
    with urlopen(request) as answer:
        reply: dict[str, Any] = json.load(answer)
    return reply
