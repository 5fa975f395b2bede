"""What every encoder does."""

from __future__ import annotations

from typing import Protocol

from backline.media.audio import Samples


class Encoder(Protocol):
    """One stream's encoder; lives as long as the stream, across all sentences. Not thread safe: one call at a time.

    Takes float32 [frames, channels] in blocks of any length, empty ones included. How the sound is cut into blocks
    changes nothing in what a decoder hears.
    """

    def encode(self, samples: Samples) -> bytes:
        """What is ready now, possibly nothing. The first bytes ever returned begin with the header."""
        ...

    def finish(self) -> bytes:
        """The rest: the codec is flushed, then the container closed. Nothing may be encoded afterwards."""
        ...

    def head(self) -> bytes:
        """After `finish`: the header with true lengths, to overwrite the first bytes of a finished file.

        As long as the header sent first; empty where nothing need be rewritten.
        """
        ...
