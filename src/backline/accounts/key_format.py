"""What an API key looks like: `bl_live_`, 43 characters of secret, 8 characters that only this installation can make.

The secret is 256 random bits, so a fast hash protects it: there is nothing to guess. The last 8 characters (47 bits)
are a keyed checksum: what was mistyped, or made up by somebody who has read this, is refused without a look into the
database.
"""

from __future__ import annotations

import hmac
import re
import secrets

from backline.accounts.pepper import Pepper

PREFIX = "bl_live_"

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_CHARACTERS = 43
_CHECK_CHARACTERS = 8
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_SECRET_CHARACTERS + _CHECK_CHARACTERS}}}")


class KeyFormat:
    def __init__(self, pepper: Pepper) -> None:
        self._digest_key = pepper.key_for("api-keys")
        self._check_key = pepper.key_for("api-key-checksums")

    def new(self) -> str:
        secret = _base62(secrets.randbits(256), _SECRET_CHARACTERS)
        return PREFIX + secret + self._checksum(secret)

    def is_ours(self, text: str) -> bool:
        """Whether this installation can have made it. Says nothing about whether it did, or still stands by it."""
        if _SHAPE.fullmatch(text) is None:
            return False
        secret, checksum = text[len(PREFIX) : -_CHECK_CHARACTERS], text[-_CHECK_CHARACTERS:]
        return hmac.compare_digest(self._checksum(secret), checksum)

    def digest(self, text: str) -> bytes:
        """HMAC-SHA256 with the pepper: what is stored, and what memories are keyed by. Of any text."""
        return hmac.digest(self._digest_key, text.encode(), "sha256")

    def _checksum(self, secret: str) -> str:
        number = int.from_bytes(hmac.digest(self._check_key, secret.encode(), "sha256"))
        return _base62(number % len(_ALPHABET) ** _CHECK_CHARACTERS, _CHECK_CHARACTERS)


def start_of(key: str) -> str:
    """The 8 characters by which a person tells keys apart."""
    return key[len(PREFIX) : len(PREFIX) + 8]


def _base62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, digit = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))
