"""How a gateway and its engine processes talk over two pipes; `speech_wire` sends the same frames further away.

Commands go down as one JSON object a line. Answers come up as frames: kind (1 byte), number of the call, length of the
JSON part and of the sample part (4 bytes each, big-endian), then the two parts; samples are float32, mono,
little-endian.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict
from enum import IntEnum
from typing import Any

import numpy as np

from backline.engines.speech.base import (
    Language,
    SpeechBlock,
    SpeechCapabilities,
    Tokens,
    Voice,
    Word,
)

HEADER = struct.Struct("!BIII")

_SAMPLES = np.dtype("<f4")
_MAX_JSON_BYTES = 8_000_000
_MAX_SAMPLE_BYTES = 64_000_000
"""A minute of sound at 192 kHz is 46 MB, and no engine is further ahead of its reader."""


class Frame(IntEnum):
    READY = 1
    BLOCK = 2
    DONE = 3
    ERROR = 4
    TURN = 5
    ALIVE = 6


def pack(kind: Frame, call: int, data: Any = None, samples: bytes = b"") -> bytes:
    text = b"" if data is None else json.dumps(data).encode()
    return HEADER.pack(kind, call, len(text), len(samples)) + text + samples


def pack_block(call: int, block: SpeechBlock) -> bytes:
    data: dict[str, Any] | None = None
    if block.words or block.tokens:
        data = {"words": [[w.start_s, w.end_s, w.source_start, w.source_end] for w in block.words]}
        if block.tokens:
            data["tokens"] = [block.tokens.read, block.tokens.written]
    return pack(Frame.BLOCK, call, data, np.ascontiguousarray(block.samples, dtype=_SAMPLES).tobytes())


def unpack_block(text: bytes, samples: bytes) -> SpeechBlock:
    data = json.loads(text) if text else {}
    return SpeechBlock(
        samples=np.frombuffer(samples, dtype=_SAMPLES).astype(np.float32, copy=False).reshape(-1, 1),
        words=tuple(Word(*word) for word in data.get("words", ())),
        tokens=Tokens(*data["tokens"]) if "tokens" in data else None,
    )


class FrameReader:
    """Frames out of bytes, however they were cut."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def push(self, chunk: bytes) -> Iterator[tuple[Frame, bytes, bytes]]:
        """Kind, JSON part and samples of each frame that is whole now. Raises ValueError for what is no frame."""
        self._bytes += chunk
        at = 0
        try:
            while len(self._bytes) >= at + HEADER.size:
                kind, _, text_bytes, sample_bytes = HEADER.unpack_from(self._bytes, at)
                if text_bytes > _MAX_JSON_BYTES or sample_bytes > _MAX_SAMPLE_BYTES:
                    raise ValueError("There is no frame so long.")
                middle = at + HEADER.size + text_bytes
                whole = Frame(kind)  # nonsense is seen before the rest of it is waited for
                end = middle + sample_bytes
                if len(self._bytes) < end:
                    break
                began, at = at + HEADER.size, end
                yield whole, bytes(self._bytes[began:middle]), bytes(self._bytes[middle:end])
        finally:
            del self._bytes[:at]


def capabilities_as_data(capabilities: SpeechCapabilities) -> dict[str, Any]:
    return asdict(capabilities) | {"emotions": sorted(capabilities.emotions)}


def capabilities_from_data(data: dict[str, Any]) -> SpeechCapabilities:
    return SpeechCapabilities(
        **data
        | {
            "languages": tuple(Language(**language) for language in data["languages"]),
            "voices": tuple(Voice(**voice | {"languages": tuple(voice["languages"])}) for voice in data["voices"]),
            "speed_range": tuple(data["speed_range"]),
            "emotions": frozenset(data["emotions"]),
        }
    )
