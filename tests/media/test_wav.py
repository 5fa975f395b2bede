from __future__ import annotations

import io
import struct
import wave

import pytest

from backline.media.audio import to_pcm16
from backline.media.encode.formats import FORMATS
from backline.media.wav import HEADER_BYTES, wav_header
from tests.media.signals import blocks_of, encoded, murmur


def test_a_stream_has_exactly_one_header_and_unknown_sizes() -> None:
    sound = murmur(24000)
    stream, _ = encoded(FORMATS["wav"], 24000, [sound[:0], *blocks_of(sound, 480)])
    assert stream.count(b"RIFF") == stream.count(b"WAVE") == 1
    assert stream[4:8] == stream[40:44] == b"\xff" * 4
    assert stream[HEADER_BYTES:] == to_pcm16(sound).tobytes()


@pytest.mark.parametrize("channels", [1, 2])
def test_a_finished_file_states_its_true_sizes(channels: int) -> None:
    sound = murmur(1001, channels)
    _, file = encoded(FORMATS["wav"], 16000, [sound], channels)
    assert struct.unpack_from("<I", file, 4) == (len(file) - 8,)
    with wave.open(io.BytesIO(file)) as reader:
        assert (reader.getnchannels(), reader.getframerate(), reader.getnframes()) == (channels, 16000, 1001)
        assert reader.readframes(2000) == to_pcm16(sound).tobytes()


def test_sizes_beyond_four_gigabytes_stay_at_the_largest() -> None:
    header = wav_header(48000, 2, 1 << 33)
    assert header[4:8] == header[40:44] == b"\xff" * 4
    assert len(header) == HEADER_BYTES
