"""How a gateway and its engine processes talk over two pipes.

Commands go down as one JSON object a line. Answers come up as frames: kind (1 byte), number of the call, length of the
JSON part and of the sample part (4 bytes each, big-endian), then the two parts; samples are float32, mono, in the
machine's byte order.
"""

from __future__ import annotations

import json
import struct
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


class Frame(IntEnum):
    READY = 1
    BLOCK = 2
    DONE = 3
    ERROR = 4


def pack(kind: Frame, call: int, data: Any = None, samples: bytes = b"") -> bytes:
    text = b"" if data is None else json.dumps(data).encode()
    return HEADER.pack(kind, call, len(text), len(samples)) + text + samples


def pack_block(call: int, block: SpeechBlock) -> bytes:
    data: dict[str, Any] | None = None
    if block.words or block.tokens:
        data = {"words": [[w.start_s, w.end_s, w.source_start, w.source_end] for w in block.words]}
        if block.tokens:
            data["tokens"] = [block.tokens.read, block.tokens.written]
    return pack(Frame.BLOCK, call, data, np.ascontiguousarray(block.samples, dtype=np.float32).tobytes())


def unpack_block(text: bytes, samples: bytes) -> SpeechBlock:
    data = json.loads(text) if text else {}
    return SpeechBlock(
        samples=np.frombuffer(samples, dtype=np.float32).reshape(-1, 1),
        words=tuple(Word(*word) for word in data.get("words", ())),
        tokens=Tokens(*data["tokens"]) if "tokens" in data else None,
    )


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
