"""How much sound an encoder keeps to itself, counted in frames fed, which no machine's speed can change."""

from __future__ import annotations

import io
from collections.abc import Iterator

import av
import pytest

from backline.media.decode import decode
from backline.media.encode.formats import FORMATS, open_encoder
from tests.media.signals import ADTS_DELAY_FRAMES, murmur

FIRST_MS = {"wav": 5, "pcm": 5, "mulaw": 5, "opus": 20, "webm": 60, "mp3": 50, "aac": 90, "mp4": 130, "flac": 40}
"""Sound fed before the first packet comes out."""
STEADY_MS = {"opus": 22, "webm": 62, "flac": 40, "mp3": 94, "aac": 128, "mp4": 171}
"""Most sound that a decoder of all the bytes so far cannot give yet: what the encoder waits for, and the codec's own
delay (Opus 6.5 ms, MP3 46 ms, AAC 43 ms at 24 kHz), which no encoder can save."""
STEP_MS = 5


def _prefixes(name: str, rate_hz: int, most_ms: int) -> Iterator[tuple[int, bytes]]:
    """Milliseconds fed, and all bytes so far, whenever there are more."""
    encoder = open_encoder(FORMATS[name], rate_hz)
    sound = murmur(rate_hz * most_ms // 1000)
    step = rate_hz * STEP_MS // 1000
    sent = b""
    for begin in range(0, len(sound), step):
        new = encoder.encode(sound[begin : begin + step])
        sent += new
        yield (begin + step) * 1000 // rate_hz, sent


def _has_sound(name: str, data: bytes) -> bool:
    if name not in ("webm", "mp4"):
        return bool(data)  # the header comes with the first packet
    try:
        with av.open(io.BytesIO(data), "r") as container:
            return any(packet.size for packet in container.demux(audio=0))
    except av.FFmpegError:
        return False


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_sound_comes_out_early(name: str) -> None:
    rate_hz = FORMATS[name].default_rate_hz or 24000
    first_ms = next(fed_ms for fed_ms, sent in _prefixes(name, rate_hz, 500) if sent and _has_sound(name, sent))
    assert first_ms <= FIRST_MS[name]


@pytest.mark.parametrize("name", STEADY_MS)
def test_little_is_held_at_any_time(name: str) -> None:
    rate_hz = FORMATS[name].default_rate_hz or 24000
    delay_ms = 1000 * ADTS_DELAY_FRAMES / rate_hz if name == "aac" else 0
    held_ms = []
    for fed_ms, sent in _prefixes(name, rate_hz, 500):
        if fed_ms > 200:
            samples, copy_hz = decode(sent)
            held_ms.append(fed_ms + delay_ms - 1000 * len(samples) / copy_hz)
    assert len(held_ms) > 50
    assert max(held_ms) <= STEADY_MS[name]
