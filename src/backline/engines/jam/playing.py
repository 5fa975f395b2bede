"""The music of one jam, bar by bar: from the engine over loudness to chunks. All of it runs on threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from backline.engines.jam.base import Controls, JamEngine
from backline.engines.jam.check import check_weight_count
from backline.engines.jam.chunks import MadeChunk, Pcm
from backline.engines.jam.glide import Glide, wanted_shares
from backline.engines.jam.loops import Loop
from backline.engines.jam.orders import ChunkFormat, ChunkMetadata, JamChange, JamOptions
from backline.engines.jam.source import BarSource
from backline.errors import Conflict
from backline.media.audio import Samples, from_pcm16, to_pcm16
from backline.media.encode.opus_part import PREROLL_SECONDS
from backline.media.groove.bars import BarGrid
from backline.media.loudness import Leveller

RECALLED_SECONDS = 16.0


@dataclass(frozen=True, slots=True)
class Splice:
    """loop: None: what was last played."""

    loop: Loop | None
    anchor_bars: float


class Playing:
    """One player, its loudness, and the chunk that is being filled.

    Everything happens bar by bar, so bars_per_chunk changes nothing but where the sound is cut. Methods may be called
    from any thread; a change is read when the next bar begins, a splice when the next chunk does.
    """

    def __init__(self, engine: JamEngine, loop: Loop, options: JamOptions, seed: int, first_index: int) -> None:
        """Hears the loop. options: checked."""
        self.grid = BarGrid.of(options.bpm, options.beats_per_bar, options.target_sample_rate or loop.rate_hz)
        self.wanted = options
        self.made_bars = 0
        self._splice: Splice | None = None
        self._seed = seed
        self._index = first_index
        self._loop_seconds = loop.seconds
        self._glide = Glide(_shares(options))
        self._source = BarSource(engine, loop, self.grid, seed)
        target = loop.at(self.grid.rate_hz)
        self._leveller = Leveller(target, self.grid.rate_hz, options.loudness_mode, options.loudness_headroom_db)
        self._bars: list[Pcm] = []
        self._before: Pcm = np.zeros((0, 2), np.int16)
        self._recent: deque[Pcm] = deque()
        self._door, self._one_at_a_time = threading.Lock(), threading.Lock()

    @property
    def made_seconds(self) -> float:
        return self.made_bars * self.grid.seconds_per_bar

    @property
    def between_chunks(self) -> bool:
        return not self._bars

    def change(self, change: JamChange) -> None:
        """From the next bar on that is not made yet. Raises Invalid for weights without styles."""
        self.wanted = changed(self.wanted, change)

    def play_bar(self, chunk_format: ChunkFormat) -> MadeChunk | None:
        """One more; the chunk, when it was its last."""
        with self._turn():
            if not self._bars:
                self._do_splice()
            pcm = to_pcm16(self._leveller.bar(self._source.bar(self.made_bars, self._controls())))
            self.made_bars += 1
            self._bars.append(pcm)
            self._recall(pcm)
            whole = len(self._bars) == self.wanted.bars_per_chunk
            return self._cut(chunk_format) if whole else None

    def finish(self, chunk_format: ChunkFormat) -> MadeChunk:
        """What has been made of the last chunk: one bar at least."""
        with self._turn():
            return self._cut(chunk_format)

    def reseed(self, loop: Loop | None) -> None:
        """Raises Conflict `nothing_to_reseed_from`."""
        with self._turn():
            self._source.reseed(self._heard(loop))
            self._follow(loop)

    def splice(self, splice: Splice) -> None:
        """With the next chunk; of several the newest is meant. Raises Conflict `nothing_to_reseed_from`."""
        with self._turn():
            if splice.loop is None and not self.made_bars:
                raise _nothing_heard()
            self._splice = splice

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Who waits at the door is the next: a lock alone may let the maker of bars in again and again."""
        with self._door:
            self._one_at_a_time.acquire()
        try:
            yield
        finally:
            self._one_at_a_time.release()

    def _do_splice(self) -> None:
        splice, self._splice = self._splice, None
        if splice is not None:
            self._source.splice(self._heard(splice.loop), splice.anchor_bars)
            self._follow(splice.loop)

    def _follow(self, loop: Loop | None) -> None:
        """Another loop is another loudness; the session's own output is not."""
        if loop is not None:
            self._loop_seconds = loop.seconds
            self._leveller.retarget(loop.at(self.grid.rate_hz))

    def _controls(self) -> Controls:
        wanted = self.wanted
        middle_seconds = (self.made_bars + 0.5) * self.grid.seconds_per_bar
        self._glide.turn_to(_shares(wanted), self.made_seconds)
        styles, loop_share = self._glide.at(middle_seconds)
        return Controls(styles, loop_share, wanted.loop_weight, wanted.guidance_weight, wanted.temperature, wanted.topk)

    def _recall(self, pcm: Pcm) -> None:
        """The newest whole bars of 16 s; at least one, however long."""
        self._recent.append(pcm)
        most = int(RECALLED_SECONDS / self.grid.seconds_per_bar)
        while len(self._recent) > max(1, most):
            self._recent.popleft()

    def _heard(self, loop: Loop | None) -> Loop:
        if loop is not None:
            return loop
        if not self._recent:
            raise _nothing_heard()
        samples: Samples = from_pcm16(np.concatenate(self._recent).tobytes(), 2)
        return Loop(samples, self.grid.rate_hz)

    def _cut(self, chunk_format: ChunkFormat) -> MadeChunk:
        pcm = np.concatenate(self._bars)
        chunk = MadeChunk.of(self._index, self._metadata(len(pcm), chunk_format), self._before, pcm)
        preroll_frames = round(PREROLL_SECONDS * self.grid.rate_hz)
        self._before = np.concatenate([self._before, pcm[-preroll_frames:]])[-preroll_frames:]
        chunk.encode(chunk_format)
        self._bars = []
        self._index += 1
        return chunk

    def _metadata(self, length_frames: int, chunk_format: ChunkFormat) -> ChunkMetadata:
        first_bar = self.made_bars - len(self._bars)
        return ChunkMetadata(
            bpm=self.wanted.bpm,
            bars=len(self._bars),
            beats_per_bar=self.grid.beats_per_bar,
            sample_rate=self.grid.rate_hz,
            channels=2,
            total_samples=length_frames,
            seconds_per_bar=self.grid.seconds_per_bar,
            loop_duration_seconds=self._loop_seconds,
            guidance_weight=self.wanted.guidance_weight,
            temperature=self.wanted.temperature,
            topk=self.wanted.topk,
            format=chunk_format,
            first_bar=first_bar,
            start_sample=self.grid.start(first_bar),
            seed=self._seed,
            last=False,
        )


def changed(options: JamOptions, change: JamChange) -> JamOptions:
    """What was not named is as it was. Raises Invalid `out_of_range` for more weights than there are styles."""
    knobs = {
        name: value
        for name in ("loop_weight", "guidance_weight", "temperature", "topk")
        if (value := getattr(change, name)) is not None
    }
    styles, weights = options.styles, options.style_weights
    if change.clear_styles:
        styles, weights = (), ()
    if change.styles:
        styles, weights = change.styles, change.style_weights
    elif change.style_weights:
        check_weight_count(styles, change.style_weights)
        weights = change.style_weights + weights[len(change.style_weights) :]
    return replace(options, **knobs, styles=styles, style_weights=weights)


def _shares(options: JamOptions) -> dict[str | None, float]:
    return dict(wanted_shares(options.styles, options.style_weights, options.loop_weight))


def _nothing_heard() -> Conflict:
    detail = "Nothing has been played yet that could be gone on from. Send a loop, or wait for the first chunk."
    return Conflict(detail, code="nothing_to_reseed_from", retryable=True)
