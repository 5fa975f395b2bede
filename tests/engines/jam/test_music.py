"""What must not depend on how the music is fetched: its samples, its length, its memory."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from backline.engines.catalog import find
from backline.engines.jam.base import Controls, JamEngine
from backline.engines.jam.loops import read_loop
from backline.engines.jam.metronome import MetronomeEngine, MetronomePlayer
from backline.engines.jam.orders import JamChange, JamOptions
from backline.engines.jam.playing import Playing
from backline.media.audio import Samples, silence
from backline.media.groove.bars import BarGrid
from tests.engines.jam.players import (
    FAST,
    ID,
    Hands,
    Watched,
    exact,
    hosting,
    jamming,
    loop_file,
    sound,
    take,
    until,
)

STYLED = JamOptions(bpm=174.02, beats_per_bar=3, styles=("dub",), seed=5)
HOURS = replace(FAST, idle_seconds=100_000.0, grace_seconds=100_000.0)


class Still(MetronomeEngine):
    """Takes no time."""

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> MetronomePlayer:
        return StillPlayer(loop, grid)


class StillPlayer(MetronomePlayer):
    def play(self, length_frames: int, controls: Controls) -> Samples:
        return silence(length_frames, 2)


@cache
def engine(name: str) -> JamEngine:
    loaded: JamEngine = Watched(44_100) if name == "resampled" else find(name).load()
    return loaded


async def music(name: str, options: JamOptions, chunks: int, lingering: bool = False) -> Samples:
    async with hosting(lambda: engine(name)) as host:
        await host.warm_up(ID)
        await host.start(ID, loop_file(48_000, 174.02, 4), options)
        taken = []
        for _ in range(chunks):
            if lingering:
                await asyncio.sleep(random.uniform(0, 0.02))
            taken += await take(host, 1)
        return np.concatenate([exact(chunk) for chunk in taken])


@pytest.mark.parametrize("name", ["metronome", "resampled", "groove"])
async def test_the_samples_are_the_same_for_any_bars_per_chunk(name: str) -> None:
    whole = await music(name, replace(STYLED, bars_per_chunk=12), 1)
    for bars in (1, 2, 4):
        assert np.array_equal(await music(name, replace(STYLED, bars_per_chunk=bars), 12 // bars), whole)


async def test_the_samples_are_the_same_for_any_timing() -> None:
    options = replace(STYLED, bars_per_chunk=1)
    assert np.array_equal(await music("groove", options, 8), await music("groove", options, 8, lingering=True))


@pytest.mark.parametrize("bpm", [93.7, 174.02])
@pytest.mark.parametrize("beats_per_bar", [3, 7])
async def test_after_an_hour_no_sample_has_drifted(bpm: float, beats_per_bar: int) -> None:
    """Counted where the music is made; an hour through the host would only take longer."""
    options = JamOptions(bpm, 1, beats_per_bar, target_sample_rate=8000, loudness_mode="none")
    playing = Playing(Still(), read_loop(loop_file(8000)), options, 1, 0)
    bars = round(3600 / playing.grid.seconds_per_bar)
    frames = 0
    for _ in range(bars):
        chunk = playing.play_bar("wav")
        assert chunk is not None
        assert chunk.metadata.start_sample == frames
        frames += len(exact(chunk.as_sent("wav")))
    assert frames == BarGrid.of(bpm, beats_per_bar, 8000).start(bars)
    assert abs(frames - bars * beats_per_bar * 60 * 8000 / bpm) <= 0.5


@pytest.mark.slow
@pytest.mark.parametrize("own_hz", [None, 16_000])
async def test_the_memory_of_a_session_is_the_same_after_half_an_hour(own_hz: int | None) -> None:
    """The newest chunks of a client that never consumes are all that is kept."""
    clock = Hands()
    bars = JamOptions(30, 1, 8, target_sample_rate=8000, loudness_mode="none")  # a chunk of 16 s
    async with jamming(bars, lambda: Watched(own_hz), clock=clock, rules=HOURS) as host:

        def settled() -> bool:
            status = host.peeked(ID)
            return status.last_made_index == (status.last_delivered_index or 0) + 2

        async def after(chunks: int) -> int:
            for _ in range(chunks):
                clock.now += 16
                assert await host.next(ID, 20) is not None
            await until(settled)
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        tracemalloc.start()
        early = await after(8)
        late = await after(110)
        tracemalloc.stop()
        one_chunk = 16 * 8000 * 4
        assert abs(late - early) < one_chunk


async def test_a_change_is_heard_at_the_same_bar_whatever_the_chunks() -> None:
    """A change made between two bars of the music, once in the middle of a chunk and once at its end."""

    def play(bars_per_chunk: int) -> Samples:
        options = replace(STYLED, bars_per_chunk=bars_per_chunk)
        playing = Playing(engine("groove"), read_loop(loop_file(48_000, 174.02, 4)), options, 5, 0)
        made = []
        for bar in range(6):
            if bar == 3:
                playing.change(JamChange(styles=("funk",), temperature=2.0, loop_weight=0.2))
            chunk = playing.play_bar("wav")
            made += [exact(chunk.as_sent("wav"))] if chunk else []
        return np.concatenate(made)

    assert np.array_equal(play(2), play(3))


async def test_what_is_stopped_is_the_beginning_of_what_would_have_been() -> None:
    whole = await music("metronome", replace(STYLED, bars_per_chunk=1), 8)
    async with hosting() as host:
        await host.warm_up(ID)
        await host.start(ID, loop_file(48_000, 174.02, 4), replace(STYLED, bars_per_chunk=4))
        chunks = await take(host, 1)
        await host.stop(ID)
        while (chunk := await host.next(ID, 20)) is not None:
            chunks.append(chunk)
        stopped = sound(*chunks)
    length = min(len(stopped), len(whole))
    assert np.array_equal(stopped[:length], whole[:length])
