from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from backline.media.audio import Samples, silence
from backline.media.groove.barlock import BarLock
from backline.media.groove.bars import BarGrid
from backline.media.groove.pulse import first_beat
from backline.media.groove.stretch import Stretcher, Tape
from tests.loops import LoopKind, loop
from tests.media.signals import murmur, sine

RATE_HZ = 24_000
Curve = npt.NDArray[np.float64]


class _Source:
    """A sound over and over; counts what was read."""

    def __init__(self, sound: Samples) -> None:
        self._sound = sound
        self.read_frames = 0

    def __call__(self, length_frames: int) -> Samples:
        places = np.arange(self.read_frames, self.read_frames + length_frames) % len(self._sound)
        self.read_frames += length_frames
        part: Samples = self._sound[places]
        return part


def _out_of_time(sound: Samples, faster: float, wander: float) -> Samples:
    """Played at a speed that is off, and sways within eleven seconds."""
    seconds = np.arange(len(sound)) / RATE_HZ
    places = np.cumsum(1 + faster + wander * np.sin(2 * np.pi * seconds / 11))
    places = places[places < len(sound) - 1]
    whole = places.astype(int)
    part = (places - whole)[:, None]
    swaying: Samples = (sound[whole] * (1 - part) + sound[whole + 1] * part).astype(np.float32)
    return swaying


def _bars(lock: BarLock, bars: int) -> Samples:
    return np.concatenate([lock.read_bar(bar) for bar in range(bars)])


def _late_ms(made: Samples, perfect: Samples, bpm: float) -> Curve:
    """How late each beat comes, by where its attacks resemble those of the perfect one most; within 60 ms."""
    hop = RATE_HZ // 1000
    beat, search = round(60_000 / bpm), 60
    one, other = _attacks(made, hop), _attacks(perfect, hop)
    offsets = []
    for begin in range(search, min(len(one), len(other)) - beat - search, beat):
        likeness = np.correlate(one[begin - search : begin + beat + search], other[begin : begin + beat], mode="valid")
        offsets.append(float(np.argmax(likeness)) - search)
    return np.array(offsets)


def _attacks(samples: Samples, hop: int) -> Curve:
    steps = len(samples) // hop
    bright = np.diff(samples, n=2, axis=0, prepend=samples[:2])  # strikes, not chords
    power = np.square(bright[: steps * hop], dtype=np.float64).reshape(steps, -1).sum(axis=1)
    loud = np.log(power + 1e-4 * power.max())
    return np.convolve(np.maximum(0, np.diff(loud, prepend=loud[0])), np.hanning(9)[1:-1], mode="same")


@pytest.mark.slow
@pytest.mark.parametrize(("faster", "wander"), [(0.02, 0.0), (-0.02, 0.01), (0.02, 0.012)])
@pytest.mark.parametrize(("kind", "bpm", "beats"), [("drums", 112, 4), ("mix", 93.7, 4), ("swing", 130, 3)])
def test_a_source_that_is_off_is_brought_onto_the_grid(
    kind: LoopKind, bpm: float, beats: int, faster: float, wander: float
) -> None:
    perfect = np.tile(loop(kind, bpm, beats, bars=4, rate_hz=RATE_HZ), (4, 1))
    source = _out_of_time(perfect, faster, wander)
    made = _bars(BarLock(_Source(source), BarGrid.of(bpm, beats, RATE_HZ)), 12)
    after = _late_ms(made, perfect, bpm)[beats:]
    before = _late_ms(source, perfect, bpm)[beats:]
    assert np.abs(before).mean() > 20
    assert np.abs(after).mean() <= 5
    assert np.abs(after).max() <= 25


@pytest.mark.parametrize("kind", ["drums", "mix"])
def test_what_keeps_time_is_left_where_it_is(kind: LoopKind) -> None:
    perfect = loop(kind, 120, bars=8, rate_hz=RATE_HZ)
    made = _bars(BarLock(_Source(perfect), BarGrid.of(120, 4, RATE_HZ)), 8)
    assert np.abs(_late_ms(made, perfect, 120)).max() <= 4


def _drone() -> Samples:
    parts = [sine(hz, 20 * RATE_HZ, RATE_HZ) for hz in (110, 165, 220.5)]
    return np.repeat(np.sum(parts, axis=0), 2, axis=1)


@pytest.mark.parametrize("bpm", [60, 120, 174.02])
@pytest.mark.parametrize(
    "sound", [silence(20 * RATE_HZ, 2), _drone(), murmur(20 * RATE_HZ, 2)], ids=["", "drone", "noise"]
)
def test_what_has_no_pulse_passes_sample_by_sample(sound: Samples, bpm: float) -> None:
    made = _bars(BarLock(_Source(sound), BarGrid.of(bpm, 4, RATE_HZ)), 4)
    np.testing.assert_array_equal(made, sound[: len(made)])


@pytest.mark.parametrize(("bpm", "beats"), [(93.7, 4), (174.02, 3), (174.02, 7), (300, 1), (20, 5)])
def test_bars_have_the_grids_lengths(bpm: float, beats: int) -> None:
    grid = BarGrid.of(bpm, beats, 8_000)
    lock = BarLock(_Source(loop("drums", 100, rate_hz=8_000)), grid)
    assert [len(lock.read_bar(bar)) for bar in range(5)] == [grid.length(bar) for bar in range(5)]


def test_the_same_source_gives_the_same_bars() -> None:
    source = _out_of_time(loop("mix", 110, bars=8, rate_hz=RATE_HZ), 0.02, 0.01)
    grid = BarGrid.of(110, 4, RATE_HZ)
    np.testing.assert_array_equal(_bars(BarLock(_Source(source), grid), 5), _bars(BarLock(_Source(source), grid), 5))


def test_a_break_is_played_at_the_tempo_that_was_found() -> None:
    drums = _out_of_time(np.tile(loop("drums", 120, rate_hz=RATE_HZ), (4, 1)), 0.02, 0.0)
    pause = murmur(round(16 * RATE_HZ / 1.02), 2) * np.float32(0.2)
    again = np.concatenate([drums[: round(16 * RATE_HZ / 1.02)], pause, drums])
    made = _bars(BarLock(_Source(again), BarGrid.of(120, 4, RATE_HZ)), 20)
    late = _late_ms(made[32 * RATE_HZ :], np.tile(loop("drums", 120, rate_hz=RATE_HZ), (2, 1)), 120)
    assert np.abs(late).mean() <= 12


@pytest.mark.slow
def test_it_reads_a_few_seconds_ahead_and_keeps_no_more() -> None:
    grid = BarGrid.of(140, 4, 8_000)
    source = _Source(loop("drums", 138, rate_hz=8_000))
    lock = BarLock(source, grid)
    sizes = []
    tracemalloc.start()
    try:
        for bar in range(120):
            lock.read_bar(bar)
            if bar % 30 == 29:
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max(sizes) - min(sizes) < 60_000
    assert source.read_frames - grid.start(120) < grid.start(120) * 0.05 + 5 * 8_000


def _stretched(sound: Samples, speed: float, length_frames: int) -> Samples:
    where: Callable[[int], float] = lambda frame: frame * speed  # noqa: E731
    stretcher = Stretcher(Tape(_Source(sound)), RATE_HZ)
    return np.concatenate([stretcher.read(part, where) for part in (1, 999, length_frames - 1000)])


@pytest.mark.parametrize("speed", [0.955, 1.03, 1.1])
def test_stretching_keeps_the_pitch_and_the_level(speed: float) -> None:
    tone = np.repeat(sine(440, 4 * RATE_HZ, RATE_HZ), 2, axis=1)
    made = _stretched(tone, speed, 3 * RATE_HZ)
    spectrum = np.abs(np.fft.rfft(made[:, 0] * np.hanning(len(made))))
    assert spectrum.argmax() / 3 == pytest.approx(440, abs=1)
    assert np.sqrt(np.square(made).mean()) == pytest.approx(np.sqrt(np.square(tone).mean()), rel=0.03)
    assert np.abs(np.diff(made[:, 0])).max() < 1.2 * np.abs(np.diff(tone[:, 0])).max()


@pytest.mark.parametrize("speed", [0.96, 1.04])
def test_stretching_keeps_every_attack_once(speed: float) -> None:
    clicks = murmur(4 * RATE_HZ, 2) * np.float32(0.01)
    clicks[RATE_HZ // 4 :: RATE_HZ // 4] = 0.9
    made = _stretched(clicks, speed, 3 * RATE_HZ)
    heard = np.flatnonzero(made[:, 0] > 0.6)
    expected = np.arange(1, int(12 * speed) + 1) * (RATE_HZ // 4) / speed
    assert len(heard) == len(expected[expected < 3 * RATE_HZ])
    assert np.abs(heard - expected[: len(heard)]).max() <= 0.008 * RATE_HZ


@pytest.mark.parametrize("begun_beats", [0.0, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("kind", ["drums", "mix", "bass"])
def test_the_first_beat_of_a_sound_is_found_wherever_it_begins(kind: LoopKind, begun_beats: float) -> None:
    beat = 60 * RATE_HZ / 118
    sound = loop(kind, 118, rate_hz=RATE_HZ)[round((1 + begun_beats) * beat) :][: 5 * RATE_HZ]
    found = first_beat(sound, BarGrid.of(120, 4, RATE_HZ))
    assert found is not None
    first, length = found
    assert length == pytest.approx(beat, rel=0.003)
    assert abs((first / beat + begun_beats + 0.5) % 1 - 0.5) * 60 / 118 < 0.008


@pytest.mark.parametrize("sound", [_drone(), murmur(20 * RATE_HZ, 2), silence(9, 2)], ids=["drone", "noise", "none"])
def test_no_beat_is_found_where_there_is_none(sound: Samples) -> None:
    assert first_beat(sound, BarGrid.of(120, 4, RATE_HZ)) is None


def test_a_source_that_gives_too_little_is_an_error() -> None:
    with pytest.raises(ValueError, match="gave 10 frames"):
        BarLock(lambda length_frames: silence(10, 2), BarGrid.of(120, 4, RATE_HZ)).read_bar(0)
