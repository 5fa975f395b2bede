"""Identifiers: new ones, which sort by the time they were made, and those that follow from names."""

from __future__ import annotations

import hashlib
import re
import time
from random import SystemRandom

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32, lower case: no i, l, o, u
_TIME_CHARACTERS = 10
_RANDOM_CHARACTERS = 16

ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What an identifier in a path or a header may look like."""

_random = SystemRandom()
"""Not the shared generator of `random`, which is anybody's to seed."""


def new_id(prefix: str) -> str:
    """`prefix_` and 26 characters: 48 bits of milliseconds, then 80 random bits (the layout of a ULID).

    Unique, but no secret: whoever must not guess something needs `secrets`.
    """
    moment = _encode(time.time_ns() // 1_000_000, _TIME_CHARACTERS)
    return f"{prefix}_{moment}{_encode(_random.getrandbits(80), _RANDOM_CHARACTERS)}"


def id_of(prefix: str, *names: str) -> str:
    """`prefix_` and 26 characters (130 bits of a SHA-256): the same for the same names, whenever and wherever."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest), _TIME_CHARACTERS + _RANDOM_CHARACTERS)}"


def is_id(text: str) -> bool:
    return ID_PATTERN.fullmatch(text) is not None


def _encode(number: int, length: int) -> str:
    return "".join(_ALPHABET[(number >> (5 * place)) & 31] for place in reversed(range(length)))
