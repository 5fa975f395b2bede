"""Sounds that were made once, for all sessions of a rate."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

from backline.media.groove.drums import drum
from backline.media.groove.synthesis import Sound
from backline.media.groove.tones import tone

_STEPS_PER_OCTAVE = 16
_SHADES = 6
_SPACES = 4
LONGEST_SECONDS = 6.0
"""No note is held longer; slower music lets it fade."""


class Sounds:
    """Drums and notes at one rate; the least recently used are forgotten beyond `most_bytes`. Of many threads at once.

    Lengths, brightness and space are rounded to a few steps, so that sessions of different tempo share their notes.
    What comes is shared: it must not be written to.
    """

    def __init__(self, rate_hz: int, most_bytes: int = 96 << 20) -> None:
        self.rate_hz = rate_hz
        self._most_bytes = most_bytes
        self._held: OrderedDict[tuple[object, ...], Sound] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def drum(self, name: str) -> Sound:
        return self._get(("drum", name), lambda: drum(name, self.rate_hz))

    def tone(self, instrument: str, midi: int, seconds: float, brightness: float, space: float) -> Sound:
        """A note that is held for at most so many seconds, and a little less where that is between two steps."""
        step = math.floor(_STEPS_PER_OCTAVE * math.log2(min(max(seconds, 0.04), LONGEST_SECONDS)))
        shade = round(min(max(brightness, 0.0), 1.0) * _SHADES) / _SHADES
        room = round(space * _SPACES) / _SPACES
        length = 2.0 ** (step / _STEPS_PER_OCTAVE)
        key = ("tone", instrument, midi, step, shade, room)
        return self._get(key, lambda: tone(instrument, midi, length, shade, room, self.rate_hz))

    def _get(self, key: tuple[object, ...], make: Callable[[], Sound]) -> Sound:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()  # outside the lock: two threads may make the same, and it is the same
        made.setflags(write=False)
        with self._lock:
            if key not in self._held:
                self._held[key] = made
                self._bytes += made.nbytes
            while self._bytes > self._most_bytes and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1].nbytes
        return made
