"""Records of speech requests, sentences, voices and the words that an account says its own way."""

from __future__ import annotations

revision = "0003_speech"
down_revision = "0002_credits"


def upgrade() -> None:
    pass
