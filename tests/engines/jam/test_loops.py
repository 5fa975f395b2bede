from __future__ import annotations

import io
import tracemalloc
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from backline.engines.jam import loops
from backline.engines.jam.loops import Loop, read_loop
from backline.errors import Invalid, TooLarge
from backline.media.audio import Samples
from tests.engines.jam.players import wav
from tests.loops import loop

HEARD = loop("mix", 120, bars=1, rate_hz=44_100)


def written(format_name: str, subtype: str, samples: Samples = HEARD, rate_hz: int = 44_100) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=format_name, subtype=subtype)
    return file.getvalue()


def encoded(container: str, codec: str, rate_hz: int = 44_100) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate_hz)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(HEARD.T), "fltp", "stereo")
        frame.sample_rate, frame.time_base, frame.pts = rate_hz, Fraction(1, rate_hz), 0
        resampler = av.AudioResampler(stream.format.name, "stereo", rate_hz, frame_size=stream.frame_size or None)
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            output.mux(stream.encode(block))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("format_name", "subtype", "error"),
    [
        ("WAV", "PCM_U8", 2**-7),
        ("WAV", "PCM_16", 2**-15),
        ("WAV", "PCM_24", 2**-22),
        ("WAV", "PCM_32", 2**-22),
        ("WAV", "FLOAT", 0),
        ("WAV", "DOUBLE", 2**-22),
        ("WAVEX", "PCM_24", 2**-22),
        ("AIFF", "PCM_16", 2**-15),
        ("FLAC", "PCM_16", 2**-15),
        ("FLAC", "PCM_24", 2**-22),
    ],
)
def test_every_depth_is_read(format_name: str, subtype: str, error: float) -> None:
    found = read_loop(written(format_name, subtype))
    assert found.rate_hz == 44_100
    assert found.samples.dtype == np.float32
    assert found.samples.shape == HEARD.shape
    assert np.abs(found.samples - HEARD).max() <= error


@pytest.mark.parametrize(
    "data",
    [written("OGG", "VORBIS"), encoded("mp3", "libmp3lame"), encoded("ipod", "aac"), encoded("adts", "aac")],
    ids=["ogg", "mp3", "m4a", "aac"],
)
def test_compressed_loops_are_read(data: bytes) -> None:
    found = read_loop(data).samples
    assert abs(len(found) - len(HEARD)) < 2600
    one, other = (np.abs(np.fft.rfft(samples[: 2**16, 0])) for samples in (found, HEARD))
    assert np.corrcoef(one, other)[0, 1] > 0.95


def test_mono_is_doubled() -> None:
    found = read_loop(wav(HEARD[:, :1])).samples
    assert found.shape == HEARD.shape
    assert np.array_equal(found[:, 0], found[:, 1])
    assert np.abs(found[:, 0] - HEARD[:, 0]).max() <= 2**-15


@pytest.mark.parametrize("channels", [3, 4, 6, 8])
def test_many_channels_are_mixed_down(channels: int) -> None:
    found = read_loop(written("WAV", "PCM_16", np.repeat(HEARD[:, :1], channels, axis=1))).samples
    assert found.shape == HEARD.shape
    assert np.corrcoef(found[:, 0], HEARD[:, 0])[0, 1] > 0.99


def test_what_is_no_number_in_a_float_file_does_no_harm() -> None:
    spoilt = HEARD.copy()
    spoilt[100], spoilt[200], spoilt[300] = np.nan, np.inf, 1e30
    found = read_loop(written("WAV", "FLOAT", spoilt)).samples
    assert np.isfinite(found).all()
    assert np.abs(found).max() <= 16
    assert np.array_equal(found[400:], HEARD[400:])


@pytest.mark.parametrize("rate_hz", [4000, 8000, 11_025, 96_000, 192_000])
def test_the_rate_is_the_loops_own_where_a_session_can_have_it(rate_hz: int) -> None:
    found = read_loop(wav(HEARD[:4000], rate_hz))
    assert found.rate_hz == max(rate_hz, 8000)
    assert len(found.samples) == 4000 * found.rate_hz // rate_hz


@pytest.mark.parametrize("frames", [1, 7, 1000])
def test_a_very_short_loop_is_a_loop(frames: int) -> None:
    found = read_loop(wav(HEARD[:frames]))
    assert len(found.samples) == frames
    assert 1 <= len(found.at(8000)) <= frames


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (wav(HEARD[:0]), "empty_file"),
        (b"this is a text, whatever its name says\n" * 100, "undecodable_audio"),
        (b"RIFF\x10\x00\x00\x00WAVE", "undecodable_audio"),
        (bytes(5000), "undecodable_audio"),
    ],
)
def test_what_is_no_sound_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_loop(data)
    assert refused.value.code == code


def test_a_film_without_sound_is_refused() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        output.mux(stream.encode(None))
    with pytest.raises(Invalid) as refused:
        read_loop(file.getvalue())
    assert refused.value.code == "undecodable_audio"


def test_more_than_50_megabytes_are_refused_unread() -> None:
    with pytest.raises(TooLarge) as refused:
        read_loop(bytes(loops.MOST_LOOP_BYTES + 1))
    assert refused.value.code == "loop_too_large"


def test_a_small_file_of_hours_is_refused_before_it_fills_the_memory() -> None:
    """Two hours of silence are 2.5 GB as samples, and 1 MB as a file."""
    silence = written("FLAC", "PCM_16", np.zeros((8000 * 7200, 1), np.float32), 8000)
    assert len(silence) < 2_000_000
    tracemalloc.start()
    with pytest.raises(Invalid, match="600 s") as refused:
        read_loop(silence)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refused.value.code == "loop_too_long"
    assert peak < 100_000_000


def test_another_rate_keeps_the_length_in_seconds() -> None:
    other = Loop(HEARD, 44_100).at(48_000)
    assert len(other) == round(len(HEARD) * 48_000 / 44_100)
