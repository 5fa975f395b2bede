"""What tests of the accompaniment share: a loop that was listened to, and bars played to it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, together
from backline.media.groove.accompany import Accompanist
from backline.media.groove.bars import BarGrid
from backline.media.groove.heard import Chord, Heard
from backline.media.groove.listen import listen
from tests.loops import LoopKind, loop

RATE_HZ = 24000
Styles = Sequence[tuple[str, float]]


def heard_loop(
    kind: LoopKind = "mix", bpm: float = 120.0, beats_per_bar: int = 4, bars: int = 2, rate_hz: int = RATE_HZ
) -> Heard:
    return listen(loop(kind, bpm, beats_per_bar, bars, rate_hz), BarGrid.of(bpm, beats_per_bar, rate_hz))


def chords_of(heard: Heard, bar: int) -> tuple[Chord, ...]:
    """Those of the loop, going round."""
    each = int(heard.grid.beats_per_bar / heard.chord_beats)
    return tuple(heard.chords[(bar * each + place) % len(heard.chords)] for place in range(each))


def play(heard: Heard, styles: Styles, bars: int = 4, seed: int = 1) -> Samples:
    """So many bars from the first on."""
    band = Accompanist(heard.grid, seed)
    return together([band.bar(bar, heard, chords_of(heard, bar), styles) for bar in range(bars)])


def power_above(samples: Samples, low_hz: float, high_hz: float = 1e9, rate_hz: int = RATE_HZ) -> float:
    """Part of the energy that lies between two frequencies."""
    power = np.abs(np.fft.rfft(samples.mean(axis=1))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    return float(power[(hz >= low_hz) & (hz < high_hz)].sum() / power.sum())


def pitch_classes(
    flat: npt.NDArray[np.float32], rate_hz: int = RATE_HZ, low_hz: float = 60.0
) -> npt.NDArray[np.float64]:
    """How much of each note from C on sounds below 2 kHz, together 1; by peaks of the spectrum."""
    magnitude = np.abs(np.fft.rfft(flat * np.hanning(len(flat))))
    hz = np.fft.rfftfreq(len(flat), 1 / rate_hz)
    peak = np.zeros(len(hz), dtype=bool)
    peak[1:-1] = (magnitude[1:-1] > magnitude[:-2]) & (magnitude[1:-1] >= magnitude[2:])
    peak &= (hz > low_hz) & (hz < 2000)
    notes = np.round(12 * np.log2(hz[peak] / 440.0)).astype(int) + 9
    chroma = np.bincount(notes % 12, magnitude[peak] ** 2, 12)
    return np.asarray(chroma / chroma.sum())
