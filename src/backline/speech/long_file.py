"""The files of a long speech, made of its segments: one encoder over all of them, and nothing held in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from backline.compute.base import Compute
from backline.media.audio import Samples, from_pcm16
from backline.media.encode.formats import AudioFormat
from backline.media.splice import Joiner
from backline.speech.chapters import ChapterWriter
from backline.speech.long_work import Made, WorkFolder
from backline.speech.narrator import AFTER_LISTENERS
from backline.speech.render import Renderer
from backline.speech.stream import Studio
from backline.storage.base import Storage, Stored

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Kept:
    """A file where it stays."""

    key: str
    content_type: str
    stored: Stored

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Kept:
        return cls(data["key"], data["content_type"], Stored(**data["stored"]))


@dataclass(frozen=True, slots=True)
class LongFiles:
    """audio: the sound. chapters: JSON. captions: WebVTT. sentences: how many are in those."""

    audio: Kept
    chapters: Kept
    captions: Kept
    sentences: int

    @property
    def by_name(self) -> dict[str, Kept]:
        """As the job's result calls them."""
        return {
            "audio_file_id": self.audio,
            "chapters_file_id": self.chapters,
            "captions_file_id": self.captions,
        }

    def as_data(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> LongFiles:
        audio, chapters, captions = (Kept.of(data[name]) for name in ("audio", "chapters", "captions"))
        return cls(audio, chapters, captions, data["sentences"])


class Binder:
    """folder: for the files while they are written; they have no names there, so a killed process leaves none."""

    def __init__(self, studio: Studio, storage: Storage, folder: Path) -> None:
        self._studio = studio
        self._storage = storage
        self._folder = folder

    async def bind(
        self, made: Made, work: WorkFolder, key: str, audio_format: AudioFormat, rate_hz: int, facts: Mapping[str, Any]
    ) -> LongFiles:
        """key: what the names of all three begin with. facts: for the JSON."""
        with ExitStack() as stack:
            sound, as_json, as_vtt = (stack.enter_context(TemporaryFile(dir=self._folder)) for _ in range(3))
            chapters = ChapterWriter(as_json, as_vtt, facts)
            pen = _Pen(Renderer(audio_format, made.rate_hz, rate_hz, self._studio.super_resolution), sound, made)
            await self._write(made, work, pen, chapters)
            return LongFiles(
                await self._keep(sound, f"{key}{audio_format.suffix}", audio_format.media_type),
                await self._keep(as_json, f"{key}.json", "application/json"),
                await self._keep(as_vtt, f"{key}.vtt", "text/vtt"),
                chapters.written,
            )

    async def _write(self, made: Made, work: WorkFolder, pen: _Pen, chapters: ChapterWriter) -> None:
        run = partial(self._studio.compute.run, AFTER_LISTENERS)
        for number, name in enumerate(made.names, start=1):
            begin_s = pen.begin(last=number == len(made.names))
            sentences = await work.sentences(name)
            await run(partial(chapters.add_all, sentences, begin_s))
            async with aclosing(work.sound(name)) as blocks:
                async for block in blocks:
                    await run(partial(pen.push, block))
        await run(pen.finish)
        await run(chapters.finish)

    async def _keep(self, file: IO[bytes], key: str, content_type: str) -> Kept:
        file.seek(0)
        source = _read(file, self._studio.compute)
        return Kept(key, content_type, await self._storage.put(key, source, content_type=content_type))


class _Pen:
    """Writes segments into a file, as one sound. Every call but `begin` is work for a thread."""

    def __init__(self, renderer: Renderer, file: IO[bytes], made: Made) -> None:
        self._renderer = renderer
        self._file = file
        self._joiner = Joiner(made.rate_hz, made.overlap_frames / made.rate_hz)

    def begin(self, *, last: bool) -> float:
        """Another segment; where it begins, in seconds."""
        return self._joiner.next_unit(last=last)

    def push(self, block: bytes) -> None:
        self._write(self._joiner.push(from_pcm16(block)))

    def finish(self) -> None:
        self._write(self._joiner.finish())
        self._file.write(self._renderer.finish())
        self._file.seek(0)
        self._file.write(self._renderer.head())

    def _write(self, samples: Samples) -> None:
        self._file.write(self._renderer.push(samples))


async def _read(file: IO[bytes], compute: Compute) -> AsyncGenerator[bytes, None]:
    while data := await compute.run(AFTER_LISTENERS, partial(file.read, _CHUNK_BYTES)):
        yield data
