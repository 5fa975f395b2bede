"""An engine that takes its time, so that signals meet running work."""

from __future__ import annotations

from collections.abc import Iterator

from backline.engines.speech.base import Cancel, SpeechBlock, SpeechParams, SpeechState
from tests.fakes.engines import BLOCK_FRAMES, RATE_HZ, FakeEngine


class PacedEngine(FakeEngine):
    """As fast as it is heard: one block of 20 ms for every letter, every 20 ms."""

    name = "paced"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        yield from self.blocks(len(text), cancel, pause_seconds=BLOCK_FRAMES / RATE_HZ)
