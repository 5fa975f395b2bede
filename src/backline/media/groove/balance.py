"""The accompaniment's sound beside the loop's: its spectrum follows the loop's band by band, its level stays, and its
lows are in the middle."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, silence
from backline.media.groove.heard import BANDS_HZ, Heard
from backline.media.groove.stage import Bus

LEVEL = 0.1
"""Rms that it is played at over several bars, with the lows weighed as the ear does; harder styles lie up to 1.5 dB
above, softer ones below."""

_BLOCK_SECONDS = 0.085
_MATCH = 0.6
_MOST_CUT_DB, _MOST_LIFT_DB = 9.0, 7.0
_LOWS_HZ, _LOWS_DB = 160.0, 3.0
_FLOOR = 10**-4.5
_TILT_DB_PER_OCTAVE = 3.0
_EASE, _EASE_FAR = 0.3, 0.7
_FAR, _FAR_BLOCKS = 1.6, 3
"""A bar with so many times the usual power, or less than one over that, has other voices and not just a fill: the level
follows sooner, and within so many blocks."""
_MONO_BELOW_HZ = 160.0
_EAR_HZ = 90.0
_MOST_GAIN = 16.0

Numbers = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complexfloating]


class Balance:
    """Filters bar after bar, without delay: blocks are convolved with a minimum-phase response that moves from the
    last bar's to this bar's, and what rings beyond the bar is heard in the next. One per session, one bar at a time."""

    def __init__(self, rate_hz: int) -> None:
        self._block = 1 << round(float(np.log2(_BLOCK_SECONDS * rate_hz)))
        hz = np.fft.rfftfreq(2 * self._block, 1 / rate_hz)
        self._log_hz = np.log2(np.maximum(hz, 10.0))
        edges = np.array(BANDS_HZ) * 2 ** (-1 / 6)
        self._band = np.searchsorted(np.append(edges, BANDS_HZ[-1] * 2 ** (1 / 6)), hz) - 1
        ratio = (hz / _MONO_BELOW_HZ) ** 4
        self._wide_db = 10 * np.log10(np.maximum(ratio**2 / (1 + ratio**2), 1e-6))
        self._ear = (hz**2 / (hz**2 + _EAR_HZ**2)).astype(np.float32)
        self._usual: Numbers | None = None
        self._power: float | None = None
        self._filters: Spectra | None = None
        self._ringing: Bus = np.zeros((2, 0), dtype=np.float32)

    @property
    def silent(self) -> bool:
        return not self._ringing.size

    def bar(self, bus: Bus, heard: Heard, brightness: float, energy: float) -> Samples:
        """The bar as left and right: float32 [frames, 2]. A bar of nothing changes no filter."""
        frames = bus.shape[1]
        blocks = -(-frames // self._block)
        padded = np.zeros((2, blocks * self._block), dtype=np.float32)
        padded[:, :frames] = bus
        spectra: Spectra = np.fft.rfft(padded.reshape(2, blocks, self._block), 2 * self._block, axis=2)
        before, far = self._filters, False
        if np.any(bus):
            far = self._listen(spectra, heard, brightness, energy, frames)
        if self._filters is None:
            return silence(frames, 2)
        before = self._filters if before is None else before
        moving = min(_FAR_BLOCKS, blocks) if far else blocks
        towards = np.minimum((np.arange(blocks, dtype=np.float32) + 1) / moving, 1)[None, :, None]
        spectra *= before[:, None] + towards * (self._filters - before)[:, None]
        return self._overlapped(np.fft.irfft(spectra, 2 * self._block, axis=2), frames)

    def _overlapped(self, pieces: npt.NDArray[np.floating], frames: int) -> Samples:
        blocks = pieces.shape[1]
        whole = np.zeros((2, max((blocks + 1) * self._block, self._ringing.shape[1])), dtype=np.float32)
        whole[:, : blocks * self._block] = pieces[:, :, : self._block].reshape(2, -1)
        whole[:, self._block : (blocks + 1) * self._block] += pieces[:, :, self._block :].reshape(2, -1)
        whole[:, : self._ringing.shape[1]] += self._ringing
        rest = whole[:, frames:]
        self._ringing = rest.copy() if np.any(rest) else rest[:, :0]
        left_right: Samples = np.empty((frames, 2), dtype=np.float32)
        np.add(whole[0, :frames], whole[1, :frames], out=left_right[:, 0])
        np.subtract(whole[0, :frames], whole[1, :frames], out=left_right[:, 1])
        return left_right

    def _listen(self, spectra: Spectra, heard: Heard, brightness: float, energy: float, frames: int) -> bool:
        """Learns how this bar sounds, eased over some bars, and makes the filters that it is played through; answers
        whether it is far from what was usual."""
        power = (spectra.real**2 + spectra.imag**2).sum(axis=(0, 1), dtype=np.float64)
        bands = np.bincount(np.clip(self._band, 0, len(BANDS_HZ) - 1), power, len(BANDS_HZ))
        shares = bands / max(float(bands.sum()), 1e-30)
        self._usual = shares if self._usual is None else self._usual + _EASE * (shares - self._usual)
        curve_db = np.interp(self._log_hz, np.log2(BANDS_HZ), _curve_db(self._usual, heard, brightness))
        heard_power = power * self._ear * 10 ** (curve_db / 10) / (self._block * frames)
        mean = float(heard_power.sum())
        before = mean if self._power is None else self._power
        far = not 1 / _FAR < mean / max(before, 1e-12) < _FAR
        self._power = before + (_EASE_FAR if far else _EASE) * (mean - before)
        aim = LEVEL * 10 ** ((energy - 0.5) * 3 / 20)
        gain = min(aim / np.sqrt(max(self._power, 1e-12)), _MOST_GAIN)
        self._filters = np.stack(
            [gain * _minimum_phase(curve_db), gain * _minimum_phase(curve_db + self._wide_db)]
        ).astype(np.complex64)
        return far


def _curve_db(usual: Numbers, heard: Heard, brightness: float) -> Numbers:
    """What to add to each band: most of the way to the loop's spectrum, tilted by the style; little in the lows, where
    it is the accompaniment's part to fill what the loop leaves open."""
    octaves = np.log2(np.array(BANDS_HZ) / 1000.0)
    tilt = (brightness - 0.5) * _TILT_DB_PER_OCTAVE * np.clip(octaves, -2, 3.5)
    if heard.silent:
        return tilt
    loop = np.maximum(heard.spectrum.astype(np.float64), _FLOOR)
    difference = 10 * np.log10(loop / np.maximum(usual, _FLOOR))
    smooth = np.convolve(np.pad(difference, 2, mode="edge"), np.array([1, 2, 3, 2, 1]) / 9, mode="valid")
    most_cut = np.where(np.array(BANDS_HZ) < _LOWS_HZ, _LOWS_DB, _MOST_CUT_DB)
    most_lift = np.where(np.array(BANDS_HZ) < _LOWS_HZ, _LOWS_DB, _MOST_LIFT_DB)
    bounded: Numbers = np.clip(_MATCH * smooth, -most_cut, most_lift) + tilt
    return bounded


def _minimum_phase(gain_db: Numbers) -> npt.NDArray[np.complex128]:
    """The response of these magnitudes that answers soonest, from the folded cepstrum (Oppenheim and Schafer,
    Discrete-Time Signal Processing, chapter on minimum phase), shortened to half the transform."""
    size = 2 * (len(gain_db) - 1)
    cepstrum = np.fft.irfft(gain_db * (np.log(10) / 20), size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    response = np.fft.irfft(np.exp(np.fft.rfft(cepstrum)), size)
    response[size // 2 :] = 0
    fade = size // 8
    response[size // 2 - fade : size // 2] *= np.linspace(1, 0, fade)
    return np.fft.rfft(response)
