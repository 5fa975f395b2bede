"""Exports from outside, as a client has them: a film goes up in pieces, an order, its end, and the film that came."""

from __future__ import annotations

import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import httpx

EXPORTS = "/api/exports"
UPLOADS = "/api/uploads"
WELCOME = 600
"""Seconds of credit that a new user has."""

_CHUNK_BYTES = 64 * 1024


class ExportsClient:
    """name: of the user. It can be told to go on at another address, as after a restart."""

    def __init__(self, address: str, name: str = "ada") -> None:
        login = httpx.post(f"{address}/auth/mock-login", json={"test_user_id": name}, timeout=60)
        self.headers = {"Authorization": f"Bearer {login.json()['token']}"}
        self.http = httpx.Client(base_url=address, headers=self.headers, timeout=60)

    def go_on_at(self, address: str) -> None:
        self.http.base_url = httpx.URL(address)

    def socket_address(self, job_id: str) -> str:
        return f"{self.http.base_url}".replace("http://", "ws://").rstrip("/") + f"/ws/export/{job_id}"

    def upload(self, film: Path | bytes, name: str = "film.mp4", content_type: str = "video/mp4") -> str:
        """Its input key."""
        data = film if isinstance(film, bytes) else film.read_bytes()
        told = f"filename {b64encode(name.encode()).decode()},filetype {b64encode(content_type.encode()).decode()}"
        begun = self.http.post(UPLOADS, headers={"Upload-Length": str(len(data)), "Upload-Metadata": told})
        assert begun.status_code == 201, begun.text
        place = begun.headers["location"]
        for offset in range(0, len(data), _CHUNK_BYTES):
            headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            sent = self.http.patch(place, headers=headers, content=data[offset : offset + _CHUNK_BYTES])
            assert sent.status_code == 204, sent.text
        return f"files/{place.rpartition('/')[2]}"

    def ask(self, config: dict[str, Any], kind: str = "framing", project: int = 1, **more: Any) -> httpx.Response:
        """Whatever comes of it."""
        return self.http.post(EXPORTS, json={"project_id": project, "type": kind, "config": config}, **more)

    def order(self, config: dict[str, Any], kind: str = "framing", project: int = 1, **more: Any) -> str:
        """The new export's id."""
        answer = self.ask(config, kind, project, **more)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["job_id"])

    def item(self, job_id: str) -> dict[str, Any]:
        answer = self.http.get(f"{EXPORTS}/{job_id}")
        assert answer.status_code == 200, answer.text
        item: dict[str, Any] = answer.json()
        assert (item["status"] == "complete") == (item["output_url"] is not None), item
        return item

    def ended(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        """Wait for the end; progress may only grow meanwhile."""
        end, reached = time.monotonic() + seconds, 0.0
        while (item := self.item(job_id))["completed_at"] is None:
            assert time.monotonic() < end, item
            assert item["progress"] >= reached, item
            reached = item["progress"]
            time.sleep(0.05)
        return item

    def complete(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        item = self.ended(job_id, seconds)
        assert (item["status"], item["error"]) == ("complete", None), item
        return item

    def cancel(self, job_id: str) -> httpx.Response:
        return self.http.delete(f"{EXPORTS}/{job_id}")

    def fetched(self, item: dict[str, Any]) -> bytes:
        """The film; without our credentials, as a player gets it."""
        answer = httpx.get(self.http.base_url.join(item["output_url"]), timeout=60)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4"), answer.text
        return answer.content

    def get(self, path: str) -> Any:
        answer = self.http.get(path)
        assert answer.is_success, answer.text
        return answer.json()

    def assert_has(self, seconds: float, held: float = 0) -> None:
        """So much credit, of which so much is held."""
        told = self.get("/credits/balance")
        assert (float(told["balance_seconds"]), float(told["held_seconds"])) == (seconds, held)
