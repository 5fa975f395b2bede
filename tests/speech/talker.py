"""A client of the speech WebSocket, as somebody would write one from the manual."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from backline.media.audio import Samples
from backline.media.decode import decode, decode_raw
from tests.conftest import Running

Event = dict[str, Any]


@dataclass
class Spoken:
    """One utterance as a client heard it: from `audio.start` to `audio.done`."""

    start: Event
    done: Event = field(default_factory=dict)
    frames: list[bytes] = field(default_factory=list)
    words: list[Event] = field(default_factory=list)
    peaks: list[Event] = field(default_factory=list)

    @property
    def said(self) -> list[tuple[str, int, int]]:
        return [(word["text"], word["source_start"], word["source_end"]) for word in self.words]

    def decoded(self) -> tuple[Samples, int]:
        data = b"".join(self.frames)
        if self.start["format"] in ("pcm", "mulaw"):
            return decode_raw(data, self.start["format"], self.start["sample_rate"])
        return decode(data)


class Talker:
    """received: every event since the last answer was awaited, sound frames as bytes."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, kind: str, **fields: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **fields}))

    async def configure(self, **fields: Any) -> Event:
        await self.send("session.config", **fields)
        return await self.expect("session.ready")

    async def say(self, *pieces: str) -> None:
        for piece in pieces:
            await self.send("input.text", text=piece)

    async def receive(self) -> Event | bytes:
        message = await asyncio.wait_for(self.connection.recv(), 30)
        if isinstance(message, bytes):
            return message
        event: Event = json.loads(message)
        return event

    async def expect(self, kind: str, **fields: Any) -> Event:
        """The next event, which must be of this kind."""
        event = await self.receive()
        assert isinstance(event, dict), f"sound came where {kind} was expected"
        assert event["type"] == kind, event
        assert fields.items() <= event.items(), event
        return event

    async def refused(self) -> Event:
        """The next event, which must be an error that says everything it has to."""
        event = await self.expect("error")
        assert set(event) == {"type", "code", "message", "retryable"}
        assert isinstance(event["retryable"], bool)
        assert event["message"].endswith(".") or event["message"]
        return event

    async def first_sound(self) -> Spoken:
        """Up to the first sound of an utterance."""
        spoken = Spoken(await self.expect("audio.start"))
        while not spoken.frames:
            await self._hear_one(spoken)
        return spoken

    async def hear(self, spoken: Spoken | None = None) -> Spoken:
        """One utterance to its `audio.done`; other kinds of event in between fail the test."""
        spoken = spoken or Spoken(await self.expect("audio.start"))
        while not spoken.done:
            await self._hear_one(spoken)
        return spoken

    async def _hear_one(self, spoken: Spoken) -> None:
        event = await self.receive()
        if isinstance(event, bytes):
            assert event, "an empty frame says nothing"
            spoken.frames.append(event)
        elif event["type"] == "word":
            spoken.words.append(event)
        elif event["type"] == "peaks":
            spoken.peaks.append(event)
        else:
            assert event["type"] == "audio.done", event
            spoken.done = event

    async def closed(self) -> int:
        """The code with which the server closes; nothing may come before it."""
        await asyncio.wait_for(self.connection.wait_closed(), 30)
        assert self.connection.close_code is not None
        return self.connection.close_code

    async def end(self) -> None:
        """After `input.done` and the last `audio.done`: the session ends as it should."""
        await self.expect("session.done")
        assert await self.closed() == 1000


@asynccontextmanager
async def talking(server: Running, **config: Any) -> AsyncIterator[Talker]:
    """A session that is ready; with `config`, configured."""
    async with connect(server.socket_address, max_size=None) as connection:
        talker = Talker(connection)
        await talker.expect("session.ready")
        if config:
            await talker.configure(**config)
        yield talker
