"""Engines that go wrong in ways only the speech path cares about."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from backline.engines.speech.base import Cancel, SpeechBlock, SpeechParams, SpeechState
from backline.errors import Invalid
from backline.media.audio import mono, silence
from tests.fakes.engines import BLOCK_FRAMES, RATE_HZ, FakeEngine


class MuteEngine(FakeEngine):
    """Sound, all of it silence."""

    name = "mute"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        for _ in range(50):
            yield SpeechBlock(silence(BLOCK_FRAMES))


class MumblingEngine(FakeEngine):
    """A second of a sine that begins at its crest, what a bad splice makes a click of; after half a second of silence
    when the text says `wait`."""

    name = "mumbling"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        if text.startswith("wait"):
            yield SpeechBlock(silence(RATE_HZ // 2))
        yield SpeechBlock(mono(0.5 * np.cos(2 * np.pi * 220 * np.arange(RATE_HZ + 27) / RATE_HZ)))


class SteadyEngine(FakeEngine):
    """Half a second of work for a second of sound."""

    name = "steady"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        yield from self.blocks(50, cancel, pause_seconds=0.01)


class QuotingEngine(FakeEngine):
    """Refuses before the first sound, with a plain exception that quotes the text."""

    name = "quoting"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        if "blunt" in text:
            raise Invalid("The model knows no such letter.", code="unknown_letter")
        if text:
            raise KeyError(text)
        yield SpeechBlock(mono([]))


class UnloadableEngine(FakeEngine):
    """Its library is there and cannot be loaded."""

    name = "unloadable"

    def __init__(self) -> None:
        raise OSError("cannot open shared object file: secret path")
