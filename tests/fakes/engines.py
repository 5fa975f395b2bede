"""Engines that misbehave on purpose, or are slow on purpose. What an engine did is read from a file, since some of
them run in another process: `BACKLINE_TEST_DIARY` names it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from backline.engines.catalog import EngineEntry, EngineKind, Isolation
from backline.engines.speech.base import (
    Cancel,
    Language,
    SpeechBlock,
    SpeechCapabilities,
    SpeechParams,
    SpeechState,
    Voice,
)
from backline.errors import Failed
from backline.media.audio import mono

RATE_HZ = 24_000
BLOCK_FRAMES = 480  # 20 ms


class FakeEngine:
    """A steady sine, a block every 20 ms of sound; subclasses say what goes wrong."""

    name = "fake"

    def capabilities(self) -> SpeechCapabilities:
        return SpeechCapabilities(
            rate_hz=RATE_HZ,
            languages=(Language("en", "English"), Language("hi", "Hindi"), Language("te", "Telugu")),
            voices=(Voice(self.name, self.name, ("en", "hi", "te")),),
            max_characters=1000,
            speed_range=(0.25, 4.0),
            native_stream=True,
            word_timing=False,
            model_version=f"{self.name}-1",
        )

    def open(self, voice: str) -> SpeechState:
        return SpeechState(voice)

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        yield from self.blocks(5 * len(text), cancel)

    def blocks(self, count: int, cancel: Cancel, pause_seconds: float = 0.0) -> Iterator[SpeechBlock]:
        for number in range(count):
            if cancel.is_set():
                note("cancelled")
                return
            times = (np.arange(BLOCK_FRAMES) + number * BLOCK_FRAMES) / RATE_HZ
            yield SpeechBlock(mono(0.3 * np.sin(2 * np.pi * 440 * times)))
            note("block")
            if pause_seconds:
                time.sleep(pause_seconds)
        note("finished")

    def close(self) -> None:
        pass


class SlowEngine(FakeEngine):
    """Twenty seconds of sound, one block every 10 ms."""

    name = "slow"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        yield from self.blocks(1000, cancel, pause_seconds=0.01)


class LateEngine(FakeEngine):
    """Thinks for ten seconds before the first sound, looking at `cancel` as it must."""

    name = "late"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        note("thinking")
        for _ in range(1000):
            if cancel.is_set():
                note("cancelled")
                return
            time.sleep(0.01)
        yield from self.blocks(5, cancel)


class BrokenEngine(FakeEngine):
    """Fails before the first sound."""

    name = "broken"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        if text:
            raise Failed("The model is broken.", code="model_broken")
        yield SpeechBlock(mono([]))


class BreakingEngine(FakeEngine):
    """Fails after half a second of sound, quoting the text as careless libraries do."""

    name = "breaking"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        yield from self.blocks(25, cancel)
        raise ValueError(f"cannot read: {text}")


class AcceleratorError(RuntimeError):
    """PyTorch's, by its name."""


class FaultyEngine(FakeEngine):
    """Its GPU breaks when the text says so, and from then on nothing works in its process."""

    name = "faulty"

    def __init__(self) -> None:
        self._broken = False

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        self._broken = self._broken or text.startswith("break")
        if self._broken:
            raise AcceleratorError("CUDA error: an illegal memory access was encountered\nCompile with ...")
        yield from self.blocks(5, cancel)


class SilentEngine(FakeEngine):
    """Ends without a sound."""

    name = "silent"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        yield from ()


class HangingEngine(FakeEngine):
    """Never answers and never looks at `cancel`; says 'hello' first when the text begins with it."""

    name = "hanging"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        if text.startswith("hang"):
            note("hanging")
            time.sleep(600)
        yield from self.blocks(5, cancel)


class CrashingEngine(FakeEngine):
    """Takes its process down when the text says so."""

    name = "crashing"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        yield from self.blocks(5, cancel)
        if text.startswith("crash"):
            os._exit(3)


class TrivialEngine(FakeEngine):
    """Twenty blocks of 4 kB of 16-bit sound, at once: what is left is the price of everything around it."""

    name = "trivial"

    def __init__(self) -> None:
        self._block = SpeechBlock(mono(0.1 * np.sin(np.arange(2048) / 10)))

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        for _ in range(20):
            yield self._block


def entry(engine: type[FakeEngine], isolation: Isolation = Isolation.THREAD, *, default: bool = False) -> EngineEntry:
    return EngineEntry(
        name=engine.name,
        kind=EngineKind.SPEECH,
        path=f"{engine.__module__}:{engine.__name__}",
        isolation=isolation,
        licence="Apache-2.0",
        about="A fake.",
        source="this package",
        default=default,
    )


def note(event: str) -> None:
    diary = os.environ.get("BACKLINE_TEST_DIARY")
    if diary:
        with Path(diary).open("a") as file:
            file.write(event + "\n")


def diary() -> list[str]:
    path = Path(os.environ["BACKLINE_TEST_DIARY"])
    return path.read_text().split() if path.exists() else []
