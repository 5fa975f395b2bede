from __future__ import annotations

import numpy as np

from backline.media.audio import from_pcm16
from backline.media.mulaw import from_mulaw, to_mulaw


def _reference(sample: int) -> int:
    """G.711 tables 2a and 2b by search: eight segments, each twice as wide, of sixteen even intervals; 14-bit units."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) / 4
    for segment in range(8):
        width = 2 << segment
        begin = 16 * width - 33
        for interval in range(16):
            if begin + interval * width <= magnitude < begin + (interval + 1) * width:
                return ~(sign | segment << 4 | interval) & 0xFF
    raise AssertionError(sample)


def test_every_sample_has_the_word_of_the_recommendation() -> None:
    samples = np.unique(np.concatenate([np.arange(-32768, 32768, 61), np.arange(-700, 700), [-32768, 32767]]))
    words = to_mulaw(from_pcm16(samples.astype("<i2").tobytes()))[:, 0]
    assert words.tolist() == [_reference(int(sample)) for sample in samples]


def test_words_of_the_recommendation_that_everyone_knows() -> None:
    samples = np.array([0, 32767, -32768, -1], dtype="<i2")
    assert to_mulaw(from_pcm16(samples.tobytes()))[:, 0].tolist() == [0xFF, 0x80, 0x00, 0x7F]


def test_every_word_survives_decoding_and_encoding() -> None:
    words = np.arange(256, dtype=np.uint8)
    again = to_mulaw(from_mulaw(words.tobytes()))[:, 0]
    assert again[words != 0x7F].tolist() == words[words != 0x7F].tolist()
    assert again[0x7F] == 0xFF  # minus zero is zero


def test_the_error_is_at_most_half_an_interval() -> None:
    samples = np.arange(-32635, 32636, dtype=np.int32)
    pcm = from_pcm16(samples.astype("<i2").tobytes())
    error = np.abs(from_mulaw(to_mulaw(pcm).tobytes()) - pcm)[:, 0] * 32768
    segments = np.floor(np.log2(np.abs(samples) + 132)) - 7
    assert (error <= 4 * 2**segments).all()
