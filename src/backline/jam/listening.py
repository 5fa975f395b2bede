"""What a loop sounds like, told before anything is played: its tempo, above all."""

from __future__ import annotations

from functools import partial

from backline.clock import monotonic
from backline.compute.base import Compute
from backline.engines.jam.loops import read_loop
from backline.jam.schemas import HeardReply
from backline.media.groove.bars import BarGrid
from backline.media.groove.listen import listen
from backline.media.groove.tempo import find_tempo

_NOTES = ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B")

_LEAST_CLARITY = 0.1
"""Below, what is told of a key is a guess."""


class Listening:
    def __init__(self, compute: Compute) -> None:
        self._compute = compute

    async def hear(self, loop: bytes) -> HeardReply:
        """Raises Invalid for what is no sound."""
        return await self._compute.run(monotonic(), partial(_hear, loop))


def _hear(data: bytes) -> HeardReply:
    loop = read_loop(data)
    tempo = find_tempo(loop.samples, loop.rate_hz)
    heard = listen(loop.samples, BarGrid.of(tempo.bpm, 4, loop.rate_hz))
    key = heard.key
    return HeardReply(
        bpm=tempo.bpm,
        clarity=tempo.clarity,
        duration_seconds=loop.seconds,
        sample_rate=loop.rate_hz,
        key=f"{_NOTES[key.tonic]} {'minor' if key.minor else 'major'}" if key.clarity >= _LEAST_CLARITY else None,
        lufs=heard.lufs,
    )
