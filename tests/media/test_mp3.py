from __future__ import annotations

import struct

import pytest

from backline.media.encode.formats import FORMATS
from backline.media.encode.lame_tag import crc16
from tests.media.signals import blocks_of, encoded, murmur

SIDE_INFO_BYTES = {(True, 1): 17, (True, 2): 32, (False, 1): 9, (False, 2): 17}


def _tag_at(rate_hz: int, channels: int) -> int:
    return 4 + SIDE_INFO_BYTES[rate_hz >= 32000, channels]


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", FORMATS["mp3"].rates_hz)
def test_the_information_frame_tells_the_truth(rate_hz: int, channels: int) -> None:
    length_frames = rate_hz + 7
    _, file = encoded(FORMATS["mp3"], rate_hz, blocks_of(murmur(length_frames, channels), 500), channels)
    tag = _tag_at(rate_hz, channels)
    magic, known, frames, total_bytes = struct.unpack_from(">4sIII", file, tag)
    assert (magic, known, total_bytes) == (b"Info", 3, len(file))
    encoder_tag = tag + 16
    assert file[encoder_tag : encoder_tag + 4] == b"LAME"
    trim = int.from_bytes(file[encoder_tag + 21 : encoder_tag + 24], "big")
    frame_size = 1152 if rate_hz >= 32000 else 576
    assert frames * frame_size - (trim >> 12) - (trim & 0xFFF) == length_frames
    assert struct.unpack_from(">H", file, encoder_tag + 34) == (crc16(file[: encoder_tag + 34]),)


@pytest.mark.parametrize("rate_hz", FORMATS["mp3"].rates_hz)
def test_the_frame_after_it_begins_where_its_length_says(rate_hz: int) -> None:
    stream, _ = encoded(FORMATS["mp3"], rate_hz, [murmur(rate_hz)])
    second = stream.index(stream[:2], 100)
    assert stream[second + 3] & 0xC0 == stream[3] & 0xC0
    assert stream[4:second].strip(b"\0").startswith(b"Info")


def test_a_stream_in_flight_claims_no_lengths() -> None:
    stream, _ = encoded(FORMATS["mp3"], 24000, [murmur(24000)])
    tag = _tag_at(24000, 1)
    assert stream[tag : tag + 8] == b"Info" + bytes(4)
    trim = stream[tag + 8 + 21 : tag + 8 + 24]
    assert int.from_bytes(trim, "big") == 576 << 12


def test_the_checksum_has_its_published_check_value() -> None:
    assert crc16(b"123456789") == 0xBB3D
