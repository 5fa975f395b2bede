"""What of a long speech is made already: segments of sound in storage, and the checkpoint that names them.

A segment is whole sentences, joined, as 16-bit PCM at the engine's rate; beside it is a file with its sentences and
with what the engine needs for the next one. Names hold the attempt: one that has lost its job overwrites nothing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from backline.jobs.leftovers import work_prefix
from backline.speech.chapters import SpokenSentence
from backline.storage.base import Storage
from backline.storage.streams import blocks

_FRAME_BYTES = 2
_BLOCK_FRAMES = 96_000


@dataclass(frozen=True, slots=True)
class Segment:
    """sound: 16-bit PCM, mono. sentences: those that are heard in it, from its beginning on. memory: of the engine.

    read: how many sentences of the text are behind it, those with nothing to say too. characters: of the text, up to
    its end. heard: whether anything in it is not silence.
    """

    sound: bytes
    sentences: list[SpokenSentence]
    memory: Mapping[str, Any]
    read: int
    characters: int
    heard: bool


@dataclass(frozen=True, slots=True)
class Made:
    """A checkpoint. It is small however long the text is: some 11 bytes a segment.

    recipe: what would have to be the same for an attempt to go on from it. segments: the attempt that made each, and
    its frames. read, characters, heard: as of the last segment. spent: for the record of the request.
    """

    recipe: str
    rate_hz: int
    overlap_frames: int
    segments: tuple[tuple[int, int], ...] = ()
    read: int = 0
    characters: int = 0
    heard: bool = False
    complete: bool = False
    spent: Mapping[str, Any] = field(default_factory=dict)

    @property
    def frames(self) -> int:
        """Of the whole so far: each segment fades into the one before."""
        first, *others = [frames for _, frames in self.segments] or [0]
        return first + sum(max(0, frames - self.overlap_frames) for frames in others)

    @property
    def seconds(self) -> float:
        return self.frames / self.rate_hz

    @property
    def microseconds(self) -> int:
        return self.frames * 1_000_000 // self.rate_hz

    @property
    def names(self) -> list[str]:
        return [f"{attempt}-{number:05d}" for number, (attempt, _) in enumerate(self.segments)]

    def and_then(self, segment: Segment, attempt: int, spent: Mapping[str, Any]) -> Made:
        return replace(
            self,
            segments=(*self.segments, (attempt, len(segment.sound) // _FRAME_BYTES)),
            read=segment.read,
            characters=segment.characters,
            heard=self.heard or segment.heard,
            spent=spent,
        )

    def completed(self) -> Made:
        return replace(self, complete=True)

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Self:
        return cls(**{**data, "segments": tuple((attempt, frames) for attempt, frames in data["segments"])})


class WorkFolder:
    """Of one job."""

    def __init__(self, storage: Storage, owner: str, job_id: str) -> None:
        self.prefix = work_prefix(owner, job_id)
        self._storage = storage

    async def put(self, name: str, segment: Segment) -> None:
        beside = {"sentences": [asdict(sentence) for sentence in segment.sentences], "memory": segment.memory}
        said = json.dumps(beside, ensure_ascii=False).encode()
        await self._storage.put(f"{self.prefix}/{name}.pcm", segment.sound, content_type="audio/pcm")
        await self._storage.put(f"{self.prefix}/{name}.json", said, content_type="application/json")

    async def holds(self, made: Made) -> bool:
        """Whether every segment is there, and whole."""
        sizes: dict[str, int] = {}
        after: str | None = None
        while True:
            page = await self._storage.list(self.prefix, after=after)
            sizes |= {one.key.removeprefix(f"{self.prefix}/"): one.size_bytes for one in page.objects}
            if (after := page.after) is None:
                break
        wanted = zip(made.names, made.segments, strict=True)
        return all(f"{name}.json" in sizes and sizes.get(f"{name}.pcm") == 2 * frames for name, (_, frames) in wanted)

    async def sentences(self, name: str) -> list[SpokenSentence]:
        return [SpokenSentence(**one) for one in (await self._beside(name))["sentences"]]

    async def memory(self, name: str) -> Mapping[str, Any]:
        memory: Mapping[str, Any] = (await self._beside(name))["memory"]
        return memory

    async def sound(self, name: str) -> AsyncGenerator[bytes, None]:
        """In blocks of whole frames."""
        reading = await self._storage.get(f"{self.prefix}/{name}.pcm")
        async for block in blocks(reading.stream, _BLOCK_FRAMES * _FRAME_BYTES):
            yield block

    async def _beside(self, name: str) -> dict[str, Any]:
        reading = await self._storage.get(f"{self.prefix}/{name}.json")
        data: dict[str, Any] = json.loads(b"".join([chunk async for chunk in reading.stream]))
        return data
