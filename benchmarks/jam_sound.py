"""What a jam costs, and how it sounds: joins, gain, loudness, tempo, harmony, the bar lock; and two hours of one,
played as fast as it goes, for its memory and its drift.

References in the same run: the metronome, which only copies; hard cuts at the same bar lines; one gain for each chunk;
a source that keeps time.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from statistics import median

import numpy as np
from tests.loops import LoopKind, loop

from backline.compute.jam_in_process import jam_engine
from backline.engines.jam.base import Controls, JamEngine, StyleShare
from backline.engines.jam.host import HostRules, JamHost
from backline.engines.jam.loops import Loop
from backline.engines.jam.orders import JamOptions
from backline.engines.jam.playing import Playing
from backline.ids import new_id
from backline.media.audio import Samples
from backline.media.groove.barlock import BarLock
from backline.media.groove.bars import BarGrid
from backline.media.loudness import Leveller, integrated_lufs
from backline.media.truepeak import true_peak_db
from benchmarks.tools import music
from benchmarks.tools.jams import PATIENCE_SECONDS, samples_of, wav_of
from benchmarks.tools.servers import machine, resident_mb

RATE_HZ, SEED, BARS = 48_000, 7, 32
CUT_FROM = 0.37
"""Hard cuts take what follows a bar line from so many bars further on."""
AUDIBLE = 1e-4
HOURS, SPEED = 2.0, 400.0
LONG = ((93.7, 3), (174.02, 7))
GLANCES = 8
DRIFT, WANDER, LOCK_BPM, LOCK_BARS = 1.02, 0.012, 112.0, 48


@dataclass(frozen=True)
class Case:
    kind: LoopKind
    bpm: float
    beats_per_bar: int
    styles: tuple[str, ...]

    @property
    def grid(self) -> BarGrid:
        return BarGrid.of(self.bpm, self.beats_per_bar, RATE_HZ)

    @property
    def source(self) -> Samples:
        return _loop(self.kind, self.bpm, self.beats_per_bar)

    def __str__(self) -> str:
        return ", ".join((self.kind, f"{self.bpm:g} bpm", f"{self.beats_per_bar} beats", *self.styles))


CASES = (
    Case("mix", 120, 4, ("acid house",)),
    Case("swing", 93.7, 3, ("jazz waltz",)),
    Case("drums", 174.02, 4, ("drum and bass", "dark")),
)


@cache
def _loop(kind: LoopKind, bpm: float, beats_per_bar: int) -> Samples:
    return loop(kind, bpm, beats_per_bar, 4, RATE_HZ)


HELD = Case("chords", 112, 4, ())


def main() -> None:
    print(f"{machine()}; 48 kHz, {BARS} bars each")
    engine: JamEngine = jam_engine(None).load()
    copier: JamEngine = jam_engine("metronome").load()
    for case in CASES:
        print(f"\n{case}")
        _costs(case, engine, copier)
        _same(case, engine)
        _gains(case, engine)
        _music(case, engine)
    print()
    _joins(engine)
    _bar_lock()
    for bpm, beats_per_bar in LONG:
        asyncio.run(_hours(bpm, beats_per_bar))


def _played(case: Case, engine: JamEngine, bars_per_chunk: int = 1, headroom_db: float = 1.0) -> Samples:
    options = JamOptions(
        case.bpm,
        bars_per_chunk=bars_per_chunk,
        beats_per_bar=case.beats_per_bar,
        styles=case.styles,
        loudness_headroom_db=headroom_db,
    )
    playing = Playing(engine, Loop(case.source, RATE_HZ), options, SEED, 0)
    chunks = [chunk for _ in range(BARS) if (chunk := playing.play_bar("wav")) is not None]
    return np.concatenate([samples_of(chunk.as_sent("wav")) for chunk in chunks])


def _raw(case: Case, engine: JamEngine) -> Iterator[Samples]:
    """Bars as the engine gives them, before their loudness is matched."""
    share = 1 / (1 + len(case.styles))
    controls = Controls(tuple(StyleShare(words, share) for words in case.styles), share)
    player = engine.begin(case.source, case.grid, SEED)
    for bar in range(BARS):
        yield player.play(case.grid.length(bar), controls)


def _costs(case: Case, engine: JamEngine, copier: JamEngine) -> None:
    seconds = BARS * case.grid.seconds_per_bar
    _played(case, engine)  # sounds are made once, for all sessions
    began = time.process_time()
    Playing(engine, Loop(case.source, RATE_HZ), JamOptions(case.bpm, beats_per_bar=case.beats_per_bar), SEED, 0)
    listening_s = time.process_time() - began
    faster = {}
    for name, one in (("this", engine), ("metronome", copier)):
        began = time.process_time()
        _played(case, one)
        faster[name] = seconds / (time.process_time() - began)
    print(
        f"  made in 1/{faster['this']:.0f} of its length on one core, with {1000 * listening_s:.0f} ms of listening; "
        f"metronome 1/{faster['metronome']:.0f}   (bar: <= 1/50)"
    )


def _same(case: Case, engine: JamEngine) -> None:
    """However the music is cut into chunks, it is the same: what joins two is then what joins two bars."""
    same = np.array_equal(_played(case, engine, 1), _played(case, engine, 8))
    print(f"  one bar a chunk and eight: {'the same samples' if same else 'DIFFERENT'}")


def _joins(engine: JamEngine) -> None:
    """Clicks at bar lines where a chunk begins, at the same ones inside a longer chunk, in the loop, and at hard cuts.

    Of held chords without drums: a drum on the first beat would be the click.
    """
    one, eight, looped = _played(HELD, engine, 1), _played(HELD, engine, 8), np.tile(HELD.source, (BARS // 4, 1))
    places = [HELD.grid.start(bar) for bar in range(1, BARS) if bar % 8]
    joins, whole, loops, cuts = (
        [music.click_db(sound, RATE_HZ, place) for place in places]
        for sound in (one, eight, looped, _cut(one, HELD.grid))
    )
    apart = max(abs(a - b) for a, b in zip(joins, whole, strict=True))
    print(
        f"clicks, {HELD}: where chunks join {median(joins):.1f} dB, there inside a chunk {median(whole):.1f} dB, apart "
        f"by {apart:.2f} at most (bar: <= 1); in the loop {median(loops):.1f} dB; hard cuts {median(cuts):.1f} dB"
    )


def _cut(sound: Samples, grid: BarGrid) -> Samples:
    """Each bar from somewhere else in the music, not on a beat, joined without a fade."""
    away = round(CUT_FROM * float(grid.frames_per_bar))
    bars = music.bars_of(np.roll(sound, -away, axis=0), grid)
    order = np.random.default_rng(SEED).permutation(len(bars))
    cut = np.zeros_like(sound)
    for bar, other in enumerate(order):
        length = min(grid.length(bar), len(bars[other]))
        cut[grid.start(bar) : grid.start(bar) + length] = bars[other][:length]
    return cut


def _gains(case: Case, engine: JamEngine) -> None:
    """Gain before and after each bar line, as the leveller moves it; and as one gain for each chunk would."""
    leveller = Leveller(case.source, RATE_HZ, "lufs", 0.0)
    bars = list(_raw(case, engine))
    out = [leveller.bar(bar) for bar in bars]
    edge = RATE_HZ // 200
    steps = [
        abs(_gain_db(after[:edge], after_out[:edge]) - _gain_db(before[-edge:], before_out[-edge:]))
        for (before, after), (before_out, after_out) in zip(pairwise(bars), pairwise(out), strict=True)
        if min(np.abs(before[-edge:]).max(), np.abs(after[:edge]).max()) > AUDIBLE
    ]
    chunks = [np.concatenate(bars[first : first + 4]) for first in range(0, BARS, 4)]
    loudness = [integrated_lufs(chunk, RATE_HZ) or 0.0 for chunk in chunks]
    apart = [abs(one - other) for one, other in pairwise(loudness)]
    print(
        f"  gain steps at bar lines: {max(steps):.3f} dB at most   (bar: <= 0.05); one gain for each chunk of four "
        f"bars: {median(apart):.2f} dB, {max(apart):.2f} at most"
    )


def _gain_db(given: Samples, taken: Samples) -> float:
    a, b = given.astype(np.float64).ravel(), taken.astype(np.float64).ravel()
    return float(20 * np.log10(max(float(a @ b), 1e-20) / max(float(a @ a), 1e-20)))


def _music(case: Case, engine: JamEngine) -> None:
    source, sound = case.source, _played(case, engine)
    peaks = {headroom: true_peak_db(_played(case, engine, headroom_db=headroom)) for headroom in (1.0, 6.0)}
    loudness = [integrated_lufs(samples, RATE_HZ) or 0.0 for samples in (source, sound)]
    off = music.tempo_bpm(sound, RATE_HZ, case.bpm) / case.bpm - 1
    tiled = np.tile(source, (BARS // 4, 1))
    loop_off = music.tempo_bpm(tiled, RATE_HZ, case.bpm) / case.bpm - 1
    alike = float(music.chroma(source, RATE_HZ) @ music.chroma(sound, RATE_HZ))
    new = music.new_share(music.bars_of(sound, case.grid), music.bars_of(source, case.grid))
    told = ", ".join(f"{peak:.2f} dB under {-headroom:g}" for headroom, peak in peaks.items())
    print(
        f"  loudness {loudness[1]:.2f} LUFS, the loop {loudness[0]:.2f}: {loudness[1] - loudness[0]:+.2f} LU   "
        f"(bar: within 1); true peaks {told}"
    )
    print(
        f"  tempo {100 * off:+.2f} % (the loop, over and over, {100 * loop_off:+.2f} %)   (bar: within 0.5 %); notes "
        f"alike {alike:.3f} (bar: 0.95); {100 * new:.0f} % of bars are new (bar: 90 %)"
    )


def _bar_lock() -> None:
    grid = BarGrid.of(LOCK_BPM, 4, RATE_HZ)
    perfect, drifting = _hits(grid, 1.0, 0.0), _hits(grid, DRIFT, WANDER)
    at = 0

    def read(frames: int) -> Samples:
        nonlocal at
        at += frames
        return drifting[at - frames : at]

    lock = BarLock(read, grid)
    began = time.process_time()
    locked = np.concatenate([lock.read_bar(bar) for bar in range(LOCK_BARS)])
    faster = LOCK_BARS * grid.seconds_per_bar / (time.process_time() - began)
    floor, before, after = (_off_grid_ms(sound, grid) for sound in (perfect, drifting, locked))
    print(
        f"bar lock, a source {100 * (DRIFT - 1):.0f} % too fast that wanders by {100 * WANDER:.1f} %: off the grid by "
        f"{before:.1f} ms before, {after:.1f} ms after, {floor:.1f} ms when it keeps time   (bar: 5 ms more); "
        f"{faster:.0f} times real time (bar: 20)"
    )


def _hits(grid: BarGrid, speed: float, wander: float) -> Samples:
    """A drum on every eighth of bars that go at another speed, which itself goes up and down."""
    chance = np.random.default_rng(SEED)
    eighth_s = 30 / float(grid.beats_per_minute)
    sound = np.zeros((grid.start(LOCK_BARS + 24), 2), dtype=np.float32)
    at_s, number = 0.0, 0
    while (start := round(at_s * RATE_HZ)) < len(sound):
        length = min(RATE_HZ // 8, len(sound) - start)
        fall = np.exp(-np.arange(length) / (RATE_HZ * (0.05 if number % 2 == 0 else 0.01)))
        hit = chance.standard_normal(length) * fall * (0.5, 0.15, 0.35, 0.15)[number % 4]
        sound[start : start + length] += hit[:, None].astype(np.float32)
        at_s += eighth_s / (speed * (1 + wander * np.sin(2 * np.pi * at_s / 20)))
        number += 1
    return sound


def _off_grid_ms(sound: Samples, grid: BarGrid) -> float:
    """How far the beginning of each hit lies from the eighth next to it; the mean. The first four bars are left out."""
    flat = np.abs(sound.mean(axis=1).astype(np.float64))
    step = RATE_HZ // 1000
    loudness = np.log(1e-4 + flat[: len(flat) // step * step].reshape(-1, step).mean(axis=1))
    rise = loudness[5:] - loudness[:-5]
    eighth_ms = 30_000 / float(grid.beats_per_minute)
    offs = []
    for number in range(4 * 8, LOCK_BARS * 8 - 8):
        place = number * eighth_ms
        first = round(place - eighth_ms / 2)
        near = rise[first : round(place + eighth_ms / 2)]
        offs.append(abs(first + int(near.argmax()) + 5 - place))
    return float(np.mean(offs))


async def _hours(bpm: float, beats_per_bar: int) -> None:
    """A session of the host, whose clock runs faster, so that nobody has to wait; each chunk is taken and consumed."""
    rules = HostRules(idle_seconds=1e9, warmup_limit_seconds=1e9)
    host = JamHost(jam_engine(None), rules=rules, clock=lambda: SPEED * time.perf_counter())
    source = wav_of(loop("mix", bpm, beats_per_bar, 4, RATE_HZ), RATE_HZ)
    options = JamOptions(bpm, beats_per_bar=beats_per_bar, styles=("dub techno",), seed=SEED)
    session_id = new_id("jam")
    await host.warm_up(session_id)
    await host.start(session_id, source, options)
    frames = bars = 0
    memory: list[float] = []
    while frames < HOURS * 3600 * RATE_HZ:
        chunk = await host.next(session_id, PATIENCE_SECONDS)
        if chunk is None:
            continue
        assert chunk.metadata.start_sample == frames
        frames += chunk.metadata.total_samples
        bars += chunk.metadata.bars
        await host.consume(session_id, chunk.index)
        if frames >= len(memory) * HOURS * 3600 * RATE_HZ / GLANCES:
            gc.collect()
            memory.append(resident_mb(os.getpid()))
    await host.aclose()
    drift = frames - round(bars * beats_per_bar * 60 * RATE_HZ / Fraction(str(bpm)))
    print(
        f"{frames / RATE_HZ / 3600:.2f} h at {bpm:g} bpm, {beats_per_bar} beats a bar, {bars} bars: drift {drift} "
        f"samples (bar: 0); memory {', '.join(f'{one:.0f}' for one in memory)} MB   (bar: flat)"
    )


if __name__ == "__main__":
    main()
