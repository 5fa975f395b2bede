"""How loud a sound is to the ear (ITU-R BS.1770-4), and music brought to the loudness of a loop, bar by bar."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import Literal

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, silence
from backline.media.limiter import Limiter

LoudnessMode = Literal["auto", "lufs", "rms", "none"]

BLOCK_SECONDS = 0.4
QUIET_TARGET_LUFS = -23.0
"""What music beside a silent loop is brought to: EBU R 128's programme loudness."""

_HOPS_PER_SECOND = 10
_HOPS_PER_BLOCK = 4
_OFFSET_LU = -0.691
_ABSOLUTE_GATE = -70.0
_RELATIVE_GATE_LU = -10.0
_WINDOW_SECONDS = 8.0
_HIGHEST_GAIN_DB = 36.0
_MOST_MADE_UP_DB = 3.0

_Powers = npt.NDArray[np.float64]


class KWeighting:
    """BS.1770-4's two filters over a stream, for any rate, in blocks of any length.

    The standard tabulates them at 48 kHz; these are the analogue prototypes behind the table, by the bilinear
    transform. They ring for less than 0.1 s (to -180 dB), so each piece is filtered by its spectrum with that much of
    what came before it.
    """

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._memory = silence(math.ceil(rate_hz * 0.1), channels)
        size = 1 << math.ceil(math.log2(4 * len(self._memory)))
        self._step_frames = size - len(self._memory)
        self._size = size
        self._response = _k_response(rate_hz, size)

    def reset(self) -> None:
        """As if nothing had come yet."""
        self._memory = np.zeros_like(self._memory)

    def push(self, samples: Samples) -> Samples:
        """The same frames, weighted."""
        memory_frames = len(self._memory)
        joined = np.concatenate([self._memory, samples])
        weighted = np.empty_like(samples)
        for begin in range(0, len(samples), self._step_frames):
            piece = joined[begin : begin + self._size]
            spectrum = np.fft.rfft(piece.T, self._size) * self._response
            length = len(piece) - memory_frames
            weighted[begin : begin + length] = np.fft.irfft(spectrum, self._size).T[memory_frames : len(piece)]
        self._memory = joined[len(samples) :]
        return weighted


class PowerMeter:
    """Mean squares, summed over the channels, of each 0.1 s of a stream. weighted: as the ear hears it (LUFS), or as it
    is (dB relative to full scale)."""

    def __init__(self, rate_hz: int, channels: int, weighted: bool = True) -> None:
        self._filter = KWeighting(rate_hz, channels) if weighted else None
        self._hop_frames = max(1, round(rate_hz / _HOPS_PER_SECOND))
        self._rest = np.zeros(0)

    def push(self, samples: Samples) -> list[float]:
        """The powers of the hops that are complete now."""
        heard = self._filter.push(samples) if self._filter else samples
        squares = np.concatenate([self._rest, sum(np.square(channel, dtype=np.float64) for channel in heard.T)])
        hops = len(squares) // self._hop_frames
        self._rest = squares[hops * self._hop_frames :]
        whole = squares[: hops * self._hop_frames].reshape(hops, self._hop_frames)
        return [float(power) for power in whole.mean(axis=1)]

    def measure(self, samples: Samples) -> float | None:
        """The loudness of a sound of its own, apart from the stream; what is shorter than 0.4 s is one block."""
        if self._filter:
            self._filter.reset()
        self._rest = np.zeros(0)
        powers = self.push(samples)
        if len(powers) < _HOPS_PER_BLOCK and len(samples):
            total = sum(powers) * self._hop_frames + float(self._rest.sum())
            powers = [total / len(samples)]
        return gated(powers)


def gated(hop_powers: Iterable[float]) -> float | None:
    """Integrated loudness in LUFS of 0.1 s powers: blocks of 0.4 s, absolute gate -70, relative gate -10 LU. Fewer than
    four hops count as one block. None: nothing passes the gates."""
    powers = np.fromiter(hop_powers, dtype=np.float64)
    if not len(powers):
        return None
    span = min(_HOPS_PER_BLOCK, len(powers))
    blocks = np.convolve(powers, np.full(span, 1 / span), mode="valid")
    blocks = blocks[blocks > _power(_ABSOLUTE_GATE)]
    if not len(blocks):
        return None
    return _loudness(blocks[blocks > blocks.mean() * 10 ** (_RELATIVE_GATE_LU / 10)].mean())


def integrated_lufs(samples: Samples, rate_hz: int) -> float | None:
    """Of a whole sound; what is shorter than 0.4 s is one block. None: silent."""
    return PowerMeter(rate_hz, samples.shape[1]).measure(samples)


def rms_db(samples: Samples, rate_hz: int) -> float | None:
    """Its power in dB (a full-scale square wave in both of two channels: 3), gated as loudness is. None: silent."""
    found = PowerMeter(rate_hz, samples.shape[1], weighted=False).measure(samples)
    return None if found is None else found - _OFFSET_LU


def momentary_lufs(samples: Samples, rate_hz: int) -> list[float]:
    """Of the 0.4 s that end at each 0.1 s, from the first whole block on; -inf for silence."""
    powers = PowerMeter(rate_hz, samples.shape[1]).push(samples)
    blocks = [powers[end - _HOPS_PER_BLOCK : end] for end in range(_HOPS_PER_BLOCK, len(powers) + 1)]
    return [_loudness(sum(block) / _HOPS_PER_BLOCK) for block in blocks]


_SAFETY_DB = 0.6
"""How much further down peaks are held than was asked: close below half the rate, what stands between samples is up to
so much higher than any four-fold measure (BS.1770-4, annex 2, attachment 1) can see."""


class Leveller:
    """Brings bars to the loudness of a loop and keeps their true peak under the headroom; adds no delay.

    The gain is constant in no bar: it goes in a straight line (in dB) from where the last bar left it to half way to
    where it should be, so it never steps at a bar line. The first audible bar has its gain at once. What is compared is
    the loudness of the last 8 s of sound, or of the bar where that is longer; a silent bar moves nothing.
    """

    def __init__(self, target: Samples, rate_hz: int, mode: LoudnessMode, headroom_db: float) -> None:
        """target: the loop, float32 [frames, channels]. mode: `auto` is `lufs`, and `rms` for a loop that is shorter
        than 0.4 s; `none` leaves the loudness alone. headroom_db: under 0 dBTP, 0 to 24."""
        self._rate_hz = rate_hz
        self._mode = mode
        self._limiter = Limiter(rate_hz, -headroom_db - _SAFETY_DB, target.shape[1])
        self._gain_db: float | None = None
        self._made_up_db = 0.0
        self._weighted = mode == "lufs" or (mode == "auto" and len(target) >= BLOCK_SECONDS * rate_hz)
        self._before = PowerMeter(rate_hz, target.shape[1], self._weighted)
        self._after = PowerMeter(rate_hz, target.shape[1], self._weighted)
        self._recent: deque[float] = deque()
        self._target_db = QUIET_TARGET_LUFS
        self.retarget(target)

    def retarget(self, target: Samples) -> None:
        """Follow another loop from the next bar on; the gain glides there."""
        found = None if self._mode == "none" else self._after.measure(target)
        self._target_db = QUIET_TARGET_LUFS if found is None else found

    def bar(self, samples: Samples) -> Samples:
        """The next bar, float32 [frames, channels]; the same length comes back."""
        if self._mode == "none" or not len(samples):
            return self._limiter.push(samples)
        powers = self._before.push(samples)
        begin_db, end_db = self._move(powers)
        gains = 10 ** (np.linspace(begin_db, end_db, len(samples)) / 20)
        louder: Samples = samples * gains.astype(np.float32)[:, None]
        limited = self._limiter.push(louder)
        self._make_up(gated(power * 10 ** ((begin_db + end_db) / 20) for power in powers), limited, limited is louder)
        return limited

    def _move(self, powers: list[float]) -> tuple[float, float]:
        """The gain at the first frame and after the last one, for a bar of these powers."""
        before_db = self._gain_db
        measured_db = gated(self._recent) if self._hear(powers) else None
        if measured_db is None:
            return before_db or 0.0, before_db or 0.0
        wanted_db = min(self._target_db - measured_db, _HIGHEST_GAIN_DB) + self._made_up_db
        self._gain_db = wanted_db if before_db is None else before_db + (wanted_db - before_db) / 2
        return (self._gain_db if before_db is None else before_db), self._gain_db

    def _hear(self, powers: list[float]) -> bool:
        """Whether there is anything to be heard in them."""
        if max(powers, default=0.0) <= _power(_ABSOLUTE_GATE):
            return False
        self._recent.extend(powers)
        kept = max(round(_WINDOW_SECONDS * _HOPS_PER_SECOND), len(powers))
        while len(self._recent) > kept:
            self._recent.popleft()
        return True

    def _make_up(self, before_db: float | None, limited: Samples, untouched: bool) -> None:
        """What the limiter takes away from the loudness is given back in the next bars, up to 3 dB."""
        after_db = before_db if untouched else self._after.measure(limited)
        if before_db is not None and after_db is not None:
            self._made_up_db = min(_MOST_MADE_UP_DB, (self._made_up_db + max(0.0, before_db - after_db)) / 2)


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LU) / 10))


def _loudness(power: float) -> float:
    return _OFFSET_LU + 10 * math.log10(power) if power > 0 else -math.inf


def _k_response(rate_hz: int, size: int) -> npt.NDArray[np.complex64]:
    """At the frequencies of a real FFT. The constants are those of the standard's filters at 48 kHz, as analogue ones:
    a shelf of 4 dB above 1682 Hz and a high-pass at 38 Hz (derived by B. De Man, 2014)."""
    shelf = math.tan(math.pi * 1681.974450955533 / rate_hz)
    high, middle = 10 ** (3.999843853973347 / 20), 10 ** (3.999843853973347 / 20 * 0.4996667741545416)
    damped = shelf / 0.7071752369554196
    scale = 1 + damped + shelf**2
    above = np.array([high + middle * damped + shelf**2, 2 * (shelf**2 - high), high - middle * damped + shelf**2])
    above_poles = np.array([scale, 2 * (shelf**2 - 1), 1 - damped + shelf**2])
    low = math.tan(math.pi * 38.13547087602444 / rate_hz)
    low_damped = low / 0.5003270373238773
    pass_poles = np.array([1 + low_damped + low**2, 2 * (low**2 - 1), 1 - low_damped + low**2]) / (
        1 + low_damped + low**2
    )
    delays = np.exp(-2j * np.pi * np.arange(size // 2 + 1)[:, None] / size * np.arange(3))
    response = (delays @ above) / (delays @ above_poles) * (delays @ np.array([1.0, -2, 1])) / (delays @ pass_poles)
    found: npt.NDArray[np.complex64] = response.astype(np.complex64)
    return found
