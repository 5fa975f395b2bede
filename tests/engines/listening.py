"""Hearing an engine out, and measuring what was heard."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from backline.engines.speech.base import Cancel, SpeechEngine, SpeechParams, SpeechState, Tokens, Word
from backline.media.audio import Samples


@dataclass(frozen=True, slots=True)
class Heard:
    """All blocks of one unit, joined."""

    samples: Samples
    words: tuple[Word, ...]
    tokens: tuple[Tokens, ...]
    block_count: int
    rate_hz: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate_hz

    @property
    def loudness(self) -> float:
        """Root mean square of the samples."""
        return float(np.sqrt(np.mean(np.square(self.samples)))) if len(self.samples) else 0.0


def listen(
    engine: SpeechEngine,
    text: str,
    *,
    language: str = "en",
    voice: str | None = None,
    speed: float = 1.0,
    emotion: str | None = None,
    state: SpeechState | None = None,
    cancel: Cancel | None = None,
) -> Heard:
    """The whole of a unit, by the default voice if nothing else is said."""
    capabilities = engine.capabilities()
    state = state or engine.open(voice or capabilities.voices[0].id)
    blocks = list(engine.synthesize(text, state, SpeechParams(language, speed, emotion), cancel or threading.Event()))
    return Heard(
        samples=np.concatenate([np.zeros((0, 1), np.float32), *(block.samples for block in blocks)]),
        words=tuple(word for block in blocks for word in block.words),
        tokens=tuple(block.tokens for block in blocks if block.tokens is not None),
        block_count=len(blocks),
        rate_hz=capabilities.rate_hz,
    )


def pitch_hz(samples: Samples, rate_hz: int) -> tuple[float, float]:
    """The median fundamental of the voiced parts, and which share (0 to 1) of what is not silent is voiced.

    By autocorrelation, freed of the window's own (Boersma 1993); of equally good periods the shortest counts.
    """
    flat = samples[:, 0].astype(np.float64)
    length = 2048
    window = np.hanning(length)
    own = _autocorrelation(window)
    loud = voiced = 0
    found = []
    for start in range(0, len(flat) - length, 441):
        part = flat[start : start + length]
        if np.sqrt(np.mean(part**2)) < 0.02:
            continue
        loud += 1
        lag = _period(_autocorrelation((part - part.mean()) * window) / own, rate_hz)
        if lag:
            voiced += 1
            found.append(rate_hz / lag)
    return (float(np.median(found)) if found else 0.0), voiced / max(1, loud)


def _autocorrelation(part: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    power = np.abs(np.fft.rfft(part, 4 * len(part))) ** 2
    correlation = np.fft.irfft(power)[: len(part) // 2]
    return np.asarray(correlation / correlation[0], dtype=np.float64)


def _period(correlation: npt.NDArray[np.float64], rate_hz: int) -> int:
    """In samples, between 60 and 400 Hz; 0 where nothing repeats."""
    shortest, longest = rate_hz // 400, rate_hz // 60
    best = shortest + int(np.argmax(correlation[shortest:longest]))
    if correlation[best] < 0.6:
        return 0
    for part in (4, 3, 2):
        near = round(best / part)
        if near - 3 >= shortest and np.max(correlation[near - 3 : near + 4]) > 0.9 * correlation[best]:
            return near - 3 + int(np.argmax(correlation[near - 3 : near + 4]))
    return best
