from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from backline.media.encode.formats import FORMATS
from backline.media.encode.ogg import OggPages, ogg_crc
from tests.media.signals import blocks_of, encoded, murmur


@dataclass(frozen=True)
class Page:
    flags: int
    granule: int
    serial: int
    sequence: int
    packets: list[bytes]


def bitwise_crc(data: bytes) -> int:
    """RFC 3533's checksum as the polynomial division it is."""
    register = 0
    for byte in data:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register & 0x80000000 else 0)) & 0xFFFFFFFF
    return register


def read_pages(data: bytes) -> list[Page]:
    pages = []
    while data:
        capture, version, flags, granule, serial, sequence, crc, segments = struct.unpack_from("<4sBBqIIIB", data)
        assert (capture, version) == (b"OggS", 0)
        lacing = data[27 : 27 + segments]
        end = 27 + segments + sum(lacing)
        assert bitwise_crc(data[:22] + bytes(4) + data[26:end]) == crc
        packets, packet, position = [], b"", 27 + segments
        for length in lacing:
            packet += data[position : position + length]
            position += length
            if length < 255:
                packets.append(packet)
                packet = b""
        assert not packet
        pages.append(Page(flags, granule, serial, sequence, packets))
        data = data[end:]
    return pages


def _opus_pages(length_frames: int, rate_hz: int, block_frames: int) -> list[Page]:
    blocks = blocks_of(murmur(length_frames), block_frames)
    return read_pages(encoded(FORMATS["opus"], rate_hz, blocks)[0])


@pytest.mark.parametrize("rate_hz", FORMATS["opus"].rates_hz)
def test_headers_say_how_to_decode(rate_hz: int) -> None:
    head, tags, *_ = _opus_pages(rate_hz, rate_hz, rate_hz // 50)
    magic, version, channels, pre_skip, input_hz, gain, mapping = struct.unpack("<8sBBHIhB", head.packets[0])
    assert (magic, version, channels, input_hz, gain, mapping) == (b"OpusHead", 1, 1, rate_hz, 0, 0)
    assert pre_skip == 312
    assert tags.packets[0].startswith(b"OpusTags")
    assert (head.granule, tags.granule) == (0, 0)


@pytest.mark.parametrize("rate_hz", FORMATS["opus"].rates_hz)
@pytest.mark.parametrize("extra_frames", [0, 1, 100, 107, 109, 159])
def test_pages_count_and_the_last_one_cuts_the_end(rate_hz: int, extra_frames: int) -> None:
    length_frames = rate_hz // 2 + extra_frames
    head, tags, *sound = _opus_pages(length_frames, rate_hz, rate_hz // 50)
    pages = [head, tags, *sound]
    assert [page.sequence for page in pages] == list(range(len(pages)))
    assert len({page.serial for page in pages}) == 1
    assert [page.flags for page in pages] == [2] + [0] * (len(pages) - 2) + [4]
    packets = 0
    for page in sound[:-1]:
        packets += len(page.packets)
        assert page.granule == 960 * packets
    packets += len(sound[-1].packets)
    assert sound[-1].granule == 312 + length_frames * 48000 // rate_hz
    assert 960 * (packets - 1) < sound[-1].granule <= 960 * packets


def test_pages_grow_after_the_first_second_when_sound_comes_in_bulk() -> None:
    _, _, *sound = _opus_pages(24000 * 3, 24000, 24000)
    sizes = [len(page.packets) for page in sound]
    assert sizes[:50] == [1] * 50
    assert sizes[50:-1] == [10] * 10


def test_two_streams_have_two_serial_numbers() -> None:
    assert _opus_pages(480, 24000, 480)[0].serial != _opus_pages(480, 24000, 480)[0].serial


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 510, 1275])
def test_a_packet_of_any_length_keeps_it(length: int) -> None:
    packet = bytes(index % 251 for index in range(length))
    page = OggPages(7).page([packet, b"end"], 960, last=True)
    assert read_pages(page)[0].packets == [packet, b"end"]


def test_the_fast_checksum_is_the_checksum() -> None:
    for length in (0, 1, 2, 3, 100, 1000):
        data = bytes(index * 37 % 256 for index in range(length))
        assert ogg_crc(data) == bitwise_crc(data)
