from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from backline.media.audio import Samples, from_pcm16, silence, to_pcm16
from backline.media.encode.formats import FORMATS, open_encoder
from backline.media.resample import Resampler
from tests.media.signals import (
    ADTS_DELAY_FRAMES,
    EVERY_FORMAT_AND_RATE,
    RAW,
    blocks_of,
    encoded,
    heard,
    lag_frames,
    murmur,
    snr_db,
)

EXACT = ("wav", "pcm", "flac")
LEAST_SNR_DB = {"opus": 9, "webm": 9, "mp3": 12, "aac": 12, "mp4": 12, "mulaw": 35}
SURPLUS_FRAMES = {"aac": 2 * 1024, "mp4": 1024}
"""Silence after the end that the container cannot mark; every other format ends on the frame."""


def _at(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    """Opus always decodes at 48 kHz; compare at the rate that went in."""
    change = Resampler(from_hz, to_hz, samples.shape[1])
    return np.concatenate([change.push(samples), change.finish()])


def _assert_same_sound(name: str, copy: Samples, original: Samples) -> None:
    if name in EXACT:
        assert np.array_equal(to_pcm16(copy), to_pcm16(original))
        return
    assert 0 <= len(copy) - len(original) < SURPLUS_FRAMES.get(name, 1)
    delay = ADTS_DELAY_FRAMES if name == "aac" else 0
    assert abs(lag_frames(copy, original) - delay) <= 1
    assert snr_db(copy[delay:], original) > LEAST_SNR_DB[name]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("name", "rate_hz"), EVERY_FORMAT_AND_RATE)
def test_what_goes_in_comes_out_in_its_place(name: str, rate_hz: int, channels: int) -> None:
    original = murmur(rate_hz + 137, channels)
    _, file = encoded(FORMATS[name], rate_hz, blocks_of(original, rate_hz // 50), channels)
    copy, copy_hz = heard(file, FORMATS[name], rate_hz, channels)
    assert copy.shape[1] == channels
    assert copy_hz == (48000 if name in ("opus", "webm") else rate_hz)
    _assert_same_sound(name, _at(copy, copy_hz, rate_hz), original)


@pytest.mark.parametrize(
    ("name", "rate_hz"), [case for case in EVERY_FORMAT_AND_RATE if case[0] in ("wav", "flac", "mp3", "opus")]
)
def test_another_decoder_agrees(name: str, rate_hz: int) -> None:
    original = murmur(rate_hz + 137)
    _, file = encoded(FORMATS[name], rate_hz, blocks_of(original, rate_hz // 50))
    copy, copy_hz = soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True)
    _assert_same_sound(name, _at(copy, copy_hz, rate_hz), original)


@pytest.mark.parametrize("name", ["wav", "opus", "webm", "mp3", "flac"])
def test_a_stream_whose_header_was_never_rewritten_starts_in_its_place(name: str) -> None:
    original = murmur(24137)
    stream, _ = encoded(FORMATS[name], 24000, blocks_of(original, 480))
    copy, copy_hz = heard(stream, FORMATS[name], 24000)
    copy = _at(copy, copy_hz, 24000)
    assert lag_frames(copy, original) == 0
    assert 0 <= len(copy) - len(original) < 576


@pytest.mark.parametrize("name", FORMATS)
def test_the_new_head_is_as_long_as_the_old_and_differs_only_where_lengths_stand(name: str) -> None:
    rate_hz = FORMATS[name].default_rate_hz or 24000
    stream, file = encoded(FORMATS[name], rate_hz, blocks_of(murmur(rate_hz), 333))
    assert len(stream) == len(file)
    assert (stream == file) == (name not in ("wav", "mp3", "flac"))


@pytest.mark.parametrize(("name", "rate_hz"), EVERY_FORMAT_AND_RATE)
def test_a_click_in_the_last_ten_milliseconds_is_kept(name: str, rate_hz: int) -> None:
    original = silence(rate_hz // 2 + 211)
    click = len(original) - rate_hz // 200
    original[click : click + rate_hz // 1000] = 0.8
    _, file = encoded(FORMATS[name], rate_hz, blocks_of(original, rate_hz // 50))
    copy, copy_hz = heard(file, FORMATS[name], rate_hz)
    delay = ADTS_DELAY_FRAMES if name == "aac" else 0
    expected_s = (click + delay) / rate_hz
    assert abs(np.abs(copy[:, 0]).argmax() / copy_hz - expected_s) < 0.003


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", FORMATS)
def test_nothing_encoded_is_nothing_heard(name: str, channels: int) -> None:
    audio_format = FORMATS[name]
    encoder = open_encoder(audio_format, audio_format.default_rate_hz or 24000, channels)
    data = encoder.encode(silence(0, channels)) + encoder.finish()
    assert len(encoder.head()) <= len(data)
    if name not in (*RAW, "mp3", "aac", "webm"):  # without a packet these are no files
        assert len(heard(data, audio_format, 24000, channels)[0]) == 0


@pytest.mark.parametrize("length_frames", [1, 100, 575, 576, 577, 959, 960, 1152])
@pytest.mark.parametrize("name", ["wav", "pcm", "opus", "webm", "mp3", "flac"])
def test_the_shortest_sounds_keep_their_length(name: str, length_frames: int) -> None:
    original = murmur(length_frames)
    _, file = encoded(FORMATS[name], 24000, [original])
    copy, copy_hz = heard(file, FORMATS[name], 24000)
    surplus = len(copy) - length_frames * copy_hz // 24000
    assert 0 <= surplus < {"mp3": 576, "webm": 960}.get(name, 1)  # FFmpeg does not trim one packet at both ends


@pytest.mark.parametrize("name", FORMATS)
def test_blocks_may_be_views_that_their_owner_uses_again(name: str) -> None:
    rate_hz = FORMATS[name].default_rate_hz or 24000
    original = murmur(rate_hz // 2)
    encoder = open_encoder(FORMATS[name], rate_hz)
    buffer = silence(250)
    stream = b""
    for block in blocks_of(original, 250):
        buffer[: len(block)] = block
        stream += encoder.encode(buffer[: len(block)])
        buffer[:] = 1.0
    stream += encoder.finish()
    copy, _ = heard(stream, FORMATS[name], rate_hz)
    expected, _ = heard(encoded(FORMATS[name], rate_hz, [original])[0], FORMATS[name], rate_hz)
    assert np.array_equal(copy, expected)


@pytest.mark.parametrize("name", ["wav", "pcm", "flac"])
def test_what_is_too_loud_is_clipped_and_never_wraps(name: str) -> None:
    original = 3 * murmur(4800)
    _, file = encoded(FORMATS[name], 24000, [original])
    copy, _ = heard(file, FORMATS[name], 24000)
    assert np.array_equal(copy, from_pcm16(to_pcm16(np.clip(original, -1, 1)).tobytes()))


@pytest.mark.slow
def test_thousands_of_encoders_leave_nothing_behind() -> None:
    """A leak grows in every round; an allocator that finds its size does not."""
    block = murmur(960)
    resident_mb = []
    for _ in range(5):
        for name in FORMATS:
            for _ in range(80):
                encoder = open_encoder(FORMATS[name], FORMATS[name].default_rate_hz or 24000)
                encoder.encode(block)
                encoder.finish()
        with open("/proc/self/statm") as statm:
            resident_mb.append(int(statm.read().split()[1]) * 4096 / 1e6)
    assert min(after - before for before, after in pairwise(resident_mb)) < 2


def test_codecs_say_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    for name in FORMATS:
        encoded(FORMATS[name], FORMATS[name].default_rate_hz or 24000, [murmur(5000)])
        abandoned = open_encoder(FORMATS[name], FORMATS[name].default_rate_hz or 24000)
        abandoned.encode(murmur(5000))
        del abandoned
    assert capfd.readouterr() == ("", "")
