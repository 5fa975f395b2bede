from __future__ import annotations

import io
from dataclasses import replace
from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
import soundfile

from backline.engines.jam.base import Controls, JamCapabilities, JamPlayer
from backline.engines.jam.orders import ChunkFormat, JamOptions
from backline.errors import Invalid
from backline.media.audio import Samples
from backline.media.decode import decode
from backline.media.groove.bars import BarGrid
from tests.engines.jam.players import ID, SHORT, exact, jamming, sound, take


@pytest.mark.parametrize("rate_hz", [8000, 44_100, 48_000, 96_000])
async def test_flac_is_the_same_sound_as_wav(rate_hz: int) -> None:
    async with jamming(replace(SHORT, target_sample_rate=rate_hz)) as host:
        plain = await host.next(ID, 10, "wav")
        packed = await host.next(ID, 10, "flac", index=0)
        assert plain is not None
        assert packed is not None
        found, found_hz = soundfile.read(io.BytesIO(packed.audio), dtype="float32")
        assert found_hz == rate_hz == packed.metadata.sample_rate
        assert np.array_equal(found, exact(plain))
        assert (plain.metadata.format, packed.metadata.format) == ("wav", "flac")
        assert replace(packed.metadata, format="wav") == plain.metadata


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000, 48_000])
async def test_opus_has_exactly_the_frames_that_the_metadata_says(rate_hz: int) -> None:
    async with jamming(replace(SHORT, target_sample_rate=rate_hz)) as host:
        chunk = await host.next(ID, 10, "opus")
        assert chunk is not None
        found, found_hz = decode(chunk.audio)
        assert Fraction(len(found), found_hz) == Fraction(chunk.metadata.total_samples, rate_hz)


@pytest.mark.parametrize(("chunk_format", "rate_hz"), [("opus", 44_100), ("flac", 96_001)])
async def test_a_rate_that_a_format_lacks_is_refused_and_wav_has_it(chunk_format: ChunkFormat, rate_hz: int) -> None:
    async with jamming(replace(SHORT, target_sample_rate=rate_hz)) as host:
        with pytest.raises(Invalid, match="target_sample_rate") as refused:
            await host.next(ID, 10, chunk_format)
        assert refused.value.code == "unsupported_rate"
        chunk = await host.next(ID, 10)
        assert chunk is not None
        assert decode(chunk.audio)[1] == rate_hz


async def test_an_unknown_format_is_refused() -> None:
    async with jamming() as host:
        with pytest.raises(Invalid, match="wav, flac, opus"):
            await host.next(ID, 0, "mp3")  # type: ignore[arg-type]


async def test_the_metadata_is_true() -> None:
    options = JamOptions(93.7, 2, 3, ("dub",), guidance_weight=2.5, temperature=0.5, topk=7, seed=12)
    async with jamming(options) as host:
        first, second = await take(host, 2)
        told = second.metadata
        assert (told.bpm, told.bars, told.beats_per_bar, told.sample_rate, told.channels) == (93.7, 2, 3, 48_000, 2)
        assert (told.guidance_weight, told.temperature, told.topk, told.seed) == (2.5, 0.5, 7, 12)
        assert (told.first_bar, told.start_sample, told.last) == (2, first.metadata.total_samples, False)
        assert told.loop_duration_seconds == pytest.approx(2.0)
        assert told.seconds_per_bar == pytest.approx(180 / 93.7)
        assert exact(second).shape == (told.total_samples, 2)


class Sine:
    """One long tone: anything that is wrong at a seam is a step."""

    def capabilities(self) -> JamCapabilities:
        return JamCapabilities(None, keeps_time=True, model_version="sine-1")

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> JamPlayer:
        return SinePlayer(grid.rate_hz)

    def close(self) -> None: ...


class SinePlayer:
    def __init__(self, rate_hz: int) -> None:
        self._rate_hz = rate_hz
        self._frame = 0

    def play(self, length_frames: int, controls: Controls) -> Samples:
        time = (self._frame + np.arange(length_frames)) / self._rate_hz
        self._frame += length_frames
        return np.repeat(0.5 * np.sin(2 * np.pi * 333.3 * time)[:, None], 2, axis=1).astype(np.float32)

    def reseed(self, loop: Samples) -> None: ...

    def splice(self, loop: Samples, anchor_bars: float) -> None: ...


def step(joined: Samples, place: int) -> float:
    """The largest one at a place, against the largest ones of the tone itself."""
    steps = np.abs(np.diff(joined, axis=0)).max(axis=1)
    return float(steps[place - 3 : place + 3].max() / np.median(steps[place - 2000 : place + 2000]))


@pytest.mark.parametrize("chunk_format", get_args(ChunkFormat))
async def test_chunks_join_without_a_step(chunk_format: ChunkFormat) -> None:
    async with jamming(replace(SHORT, bpm=293.7), Sine) as host:
        chunks = [chunk for _ in range(6) if (chunk := await host.next(ID, 10, chunk_format)) is not None]
        joined, swapped = sound(*chunks), sound(*chunks[:2], *chunks[3:])
        seams = [chunk.metadata.start_sample for chunk in chunks[1:]]
        assert max(step(joined, seam) for seam in seams) < 2
        assert step(swapped, seams[1]) > 4
