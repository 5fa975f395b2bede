"""Where the beats of a stream lie: its onsets, and the comb that fits them best."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid

_Curve = npt.NDArray[np.float64]

STEPS_PER_SECOND = 400
_WINDOW_SECONDS = 0.021
_LAG_STEPS = 2
_FLOOR = 1e-3
_SMOOTHING_SECONDS = 0.006
WIDEST_TEMPO = 0.045
WIDEST_PHASE_BEATS = 0.125
DOUBTFUL_CLARITY, SURE_CLARITY = 1.5, 1.8
"""Noise and drones stay under the first, drums and basses above the second."""
_TEMPO_STEP = 0.0025
_PHASE_STEPS = 41
_COMB = np.array([1.0, 0.35, 0.6, 0.35])


@dataclass(frozen=True, slots=True)
class Pulse:
    """ratio: frames per beat against the nominal ones. phase_frames: how far after the place asked about its beat lies.
    clarity: the comb's height against its mean over a sixteenth; about 1 in noise. strength: its height."""

    ratio: float
    phase_frames: float
    clarity: float
    strength: float


class Onsets:
    """How strongly something begins, 400 times a second, over the frames of a stream."""

    def __init__(self, rate_hz: int) -> None:
        self.step_frames = max(1, round(rate_hz / STEPS_PER_SECOND))
        self._size = 1 << round(math.log2(rate_hz * _WINDOW_SECONDS))
        self._window = np.hanning(self._size + 1)[:-1].astype(np.float32)
        edges = np.unique(np.concatenate([[1], 2 ** np.arange(1, math.floor(math.log2(self._size // 2)))]))
        self._edges = edges.astype(np.intp)
        self._smooth = _bell(_SMOOTHING_SECONDS * rate_hz / self.step_frames)

    @property
    def reach_frames(self) -> int:
        return self._size

    def curve(self, samples: Samples) -> _Curve:
        """One value a step, the first for the frame at half a window; never negative."""
        mono = np.ascontiguousarray(samples[:, 0] + samples[:, 1])
        frames = np.lib.stride_tricks.sliding_window_view(mono, self._size)[:: self.step_frames]
        power = np.square(np.abs(np.fft.rfft(frames * self._window, axis=1)))
        bands = np.add.reduceat(power, self._edges, axis=1).astype(np.float64)
        loud = np.log1p(bands / (_FLOOR * bands.max() + 1e-9))
        rise = np.zeros(len(loud))
        rise[_LAG_STEPS:] = np.maximum(0.0, loud[_LAG_STEPS:] - loud[:-_LAG_STEPS]).sum(axis=1)
        return np.convolve(rise, self._smooth, mode="same")


def fit(curve: _Curve, at: float, beat: float, first: int, last: int, ratio: float) -> Pulse:
    """The comb of sixteenths that catches most of a curve of onsets.

    at: where a beat should lie, and beat: how long one is, in steps of the curve. first, last: beats from there that
    are looked at. ratio: what the tempo was; of two that fit alike the nearer one wins.
    """
    ratios = np.arange(1 - WIDEST_TEMPO, 1 + WIDEST_TEMPO + 1e-9, _TEMPO_STEP)
    phases = np.linspace(-WIDEST_PHASE_BEATS, WIDEST_PHASE_BEATS, _PHASE_STEPS) * beat
    scores = _scores(curve, at, beat, first, last, ratios, phases)
    likely = -0.5 * ((ratios - ratio) / 0.03)[:, None] ** 2 - 0.5 * (phases / (0.12 * beat))[None, :] ** 2
    row, column = np.unravel_index(int(np.argmax(scores * np.exp(0.5 * likely))), scores.shape)
    clarity = float(scores[row, column] / (scores[row].mean() + 1e-9))
    near_ratios = ratios[row] + np.linspace(-1, 1, 9) * _TEMPO_STEP
    near_phases = phases[column] + np.linspace(-1, 1, 9) * (phases[1] - phases[0])
    near = _scores(curve, at, beat, first, last, near_ratios, near_phases)
    row, column = np.unravel_index(int(np.argmax(near)), near.shape)
    return Pulse(float(near_ratios[row]), float(near_phases[column]), clarity, float(near[row, column]))


def first_beat(samples: Samples, grid: BarGrid) -> tuple[float, float] | None:
    """The frame of a beat near the beginning of a sound that begins anywhere in one, and the frames of its beats; its
    tempo is the grid's, to 4.5 %. None: no pulse is to be heard, or it is shorter than five beats."""
    onsets = Onsets(grid.rate_hz)
    beat = float(grid.frames_per_beat) / onsets.step_frames
    lead = onsets.reach_frames / 2 / onsets.step_frames
    last = int((len(samples) - onsets.reach_frames) / (float(grid.frames_per_beat) * (1 + WIDEST_TEMPO))) - 2
    if last < 2:
        return None
    curve = onsets.curve(samples)
    quarters = [(fit(curve, (quarter / 4 + 0.125) * beat - lead, beat, 1, last, 1.0), quarter) for quarter in range(4)]
    found, quarter = max(quarters, key=lambda pair: pair[0].strength)
    if found.clarity < DOUBTFUL_CLARITY:
        return None
    steps = (quarter / 4 + 0.125) * beat + found.phase_frames
    return steps * onsets.step_frames, found.ratio * beat * onsets.step_frames


def _scores(curve: _Curve, at: float, beat: float, first: int, last: int, ratios: _Curve, phases: _Curve) -> _Curve:
    """[ratios, phases]: the mean of the curve under each comb."""
    ticks = np.arange(first * 4, last * 4 + 1)
    newness = np.minimum(1.0, 1 - ticks / (4 * first)) if first < 0 else np.ones(len(ticks))
    weights = _COMB[ticks % 4] * newness  # what lies further back says less about what comes
    places = at + ratios[:, None, None] * (ticks * beat / 4)[None, None, :] + phases[None, :, None]
    caught = np.interp(places, np.arange(len(curve)), curve, left=0.0, right=0.0)
    found: _Curve = (caught @ weights) / weights.sum()
    return found


def _bell(width: float) -> _Curve:
    reach = max(1, math.ceil(3 * width))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    found: _Curve = bell / bell.sum()
    return found
