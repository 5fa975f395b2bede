"""The one secret of an installation: API keys are hashed with it, and own tokens signed."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from backline.errors import Invalid

_MIN_CHARACTERS = 32


class Pepper:
    """secret: at least 32 characters. It is never used itself: each use has a key of its own, derived from it."""

    def __init__(self, secret: str) -> None:
        if len(secret) < _MIN_CHARACTERS:
            raise Invalid(f"The pepper must have at least {_MIN_CHARACTERS} characters.", code="weak_pepper")
        self._secret = secret.encode()

    def key_for(self, use: str) -> bytes:
        """32 bytes, the same for the same use."""
        return hmac.digest(self._secret, f"backline.{use}".encode(), hashlib.sha256)


def pepper_in(data_dir: Path) -> Pepper:
    """The pepper of a machine that was given none: made once, in the file `secret`, which only its owner may read.

    Two processes that start at once get the same one: the file appears whole, under a name that nobody had taken.
    """
    file = data_dir / "secret"
    if not file.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        part = data_dir / f"secret.{secrets.token_hex(8)}.part"
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writing:
                writing.write(secrets.token_urlsafe(48))
                writing.flush()
                os.fsync(writing.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(part, file)
        finally:
            part.unlink(missing_ok=True)
    return Pepper(file.read_text().strip())
