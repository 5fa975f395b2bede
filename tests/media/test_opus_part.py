from __future__ import annotations

import itertools

import numpy as np
import pytest

from backline.media.audio import Samples, silence
from backline.media.decode import decode
from backline.media.encode.opus import OggOpusEncoder
from backline.media.encode.opus_part import PREROLL_SECONDS, OggOpusPart

RATE_HZ = 48_000
PREROLL_FRAMES = round(PREROLL_SECONDS * RATE_HZ)


def tone(seconds: float, rate_hz: int = RATE_HZ) -> Samples:
    time = np.arange(round(seconds * rate_hz)) / rate_hz
    return np.repeat(0.5 * np.sin(2 * np.pi * 333.3 * time)[:, None], 2, axis=1).astype(np.float32)


def through(encoder: OggOpusEncoder, samples: Samples) -> Samples:
    return decode(encoder.encode(samples) + encoder.finish())[0]


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000, 48_000])
@pytest.mark.parametrize("frames", [4800, 9599, 9600, 9601, 12_345])
def test_it_decodes_to_what_went_in(rate_hz: int, frames: int) -> None:
    sound = tone(2, rate_hz)
    before = sound[: round(PREROLL_SECONDS * rate_hz)]
    assert len(through(OggOpusPart(rate_hz, 2, before), sound[:frames])) == frames * RATE_HZ // rate_hz


def test_parts_join_as_well_as_their_middles_sound() -> None:
    sound = tone(5)
    cuts = range(PREROLL_FRAMES, len(sound), RATE_HZ + 17)
    parts = [
        through(OggOpusPart(RATE_HZ, 2, sound[begin - PREROLL_FRAMES : begin]), sound[begin:end])
        for begin, end in itertools.pairwise(cuts)
    ]
    alone = [through(OggOpusEncoder(RATE_HZ, 2), sound[begin:end]) for begin, end in itertools.pairwise(cuts)]
    assert _worst_step(parts) < 2
    assert _worst_step(alone) > 3


def _worst_step(parts: list[Samples]) -> float:
    """Around the seams, against what is usual."""
    steps = np.abs(np.diff(np.concatenate(parts), axis=0)).max(axis=1)
    seams = itertools.accumulate(len(part) for part in parts[:-1])
    return max(float(steps[seam - 4 : seam + 4].max() / np.median(steps)) for seam in seams)


def test_the_first_part_has_nothing_before_it() -> None:
    sound = tone(0.5)
    found = through(OggOpusPart(RATE_HZ, 2, silence(0, 2)), sound)
    assert len(found) == len(sound)
    assert np.abs(found - sound)[2000:].max() < 0.05
