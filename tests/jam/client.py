"""A musician's app, from outside."""

from __future__ import annotations

import base64
import io
from typing import Any

import httpx
import numpy as np

from backline.media.audio import Samples, to_pcm16
from backline.media.decode import decode
from backline.media.wav import wav_header


def wav_of(samples: Samples, rate_hz: int) -> bytes:
    data = to_pcm16(samples).tobytes()
    return wav_header(rate_hz, samples.shape[1], len(data)) + data


class Musician:
    """name: of the user; None: whoever uses this machine."""

    def __init__(self, address: str, name: str | None = "ada") -> None:
        self.http = httpx.Client(base_url=address, timeout=60)
        if name is not None:
            login = self.http.post("/auth/mock-login", json={"test_user_id": name}).json()
            self.http.headers["Authorization"] = f"Bearer {login['token']}"

    def warm(self) -> str:
        answer = self.http.post("/jam/warmup")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["ok"], told["warmed"], told["billing_state"]) == (True, True, "active")
        return str(told["session_id"])

    def start(self, session_id: str, loop: bytes, **fields: Any) -> httpx.Response:
        files = {"loop_audio": ("loop.wav", io.BytesIO(loop), "audio/wav")}
        return self.http.post("/jam/start", data={"session_id": session_id, **fields}, files=files)

    def playing(self, loop: bytes, **fields: Any) -> str:
        """A session whose music has begun."""
        session_id = self.warm()
        answer = self.start(session_id, loop, **fields)
        assert answer.status_code == 200, answer.text
        assert answer.json() == {"ok": True, "session_id": session_id, "status": "started"}
        return session_id

    def next(self, session_id: str, **query: Any) -> dict[str, Any]:
        answer = self.http.get("/jam/next", params={"session_id": session_id, **query})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def chunk(self, session_id: str, **query: Any) -> tuple[Samples, dict[str, Any]]:
        """Its sound and the rest of it."""
        chunk = self.next(session_id, **query)["chunk"]
        assert chunk is not None
        samples, rate_hz = decode(base64.b64decode(chunk["audio_base64"]))
        assert rate_hz == chunk["metadata"]["sample_rate"]
        assert samples.shape == (chunk["metadata"]["total_samples"], chunk["metadata"]["channels"])
        return samples, {"index": chunk["index"], **chunk["metadata"]}

    def music(self, session_id: str, chunks: int) -> Samples:
        parts = []
        for _ in range(chunks):
            samples, told = self.chunk(session_id)
            parts.append(samples)
            self.post("consume", session_id, chunk_index=told["index"])
        return np.concatenate(parts)

    def post(self, route: str, session_id: str, **fields: Any) -> dict[str, Any]:
        answer = self.ask(route, session_id, **fields)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        assert told["ok"] is True
        return told

    def ask(self, route: str, session_id: str, **fields: Any) -> httpx.Response:
        return self.http.post(f"/jam/{route}", data={"session_id": session_id, **fields})

    def status(self, session_id: str) -> dict[str, Any]:
        answer = self.http.get("/jam/status", params={"session_id": session_id})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    @property
    def balance(self) -> float:
        return float(self.http.get("/credits/balance").json()["balance_seconds"])
