"""A bounded pipe from the thread that speaks to the one that asked."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from backline.engines.speech.base import Cancel
from backline.engines.speech.espeak_library import WordEvent

_MOST_PARTS = 16  # a second ahead: fewer and larger parts, yet whoever takes turns with others does not run away
_FIRST_PARTS = 2  # doubled each time somebody comes for more: a crowd of beginners is not kept waiting by each other
_POLL_SECONDS = 0.02  # `Cancel` can only be asked, not waited for


class SoundPipe:
    """One side puts parts until it is told to stop; the other iterates over what waits, joined to one part."""

    def __init__(self, cancel: Cancel) -> None:
        self.frames_put = 0
        self._cancel = cancel
        self._parts: deque[tuple[bytes, list[WordEvent]]] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._full = False
        self._most_parts = _FIRST_PARTS
        self._error: Exception | None = None

    def put(self, pcm: bytes, events: list[WordEvent]) -> bool:
        """Add 16-bit PCM and its events, waiting for room. False: nobody wants more."""
        with self._changed:
            while len(self._parts) >= self._most_parts and not self._unwanted():
                self._changed.wait(_POLL_SECONDS)
            if self._unwanted():
                return False
            self._parts.append((pcm, events))
            self.frames_put += len(pcm) // 2
            self._changed.notify_all()
            return True

    @contextmanager
    def filling(self) -> Iterator[None]:
        """Around all that is put: the end, or the error, reaches the other side."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - raised again in the thread that reads
            self._error = error
        finally:
            with self._changed:
                self._full = True
                self._changed.notify_all()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[tuple[bytes, list[WordEvent]]]:
        """Ends early once `cancel` is set. Raises what `filling` caught."""
        while True:
            with self._changed:
                while not (self._parts or self._full or self._unwanted()):
                    self._changed.wait(_POLL_SECONDS)
                if self._unwanted():
                    return
                waiting = list(self._parts)
                self._parts.clear()
                self._most_parts = min(2 * self._most_parts, _MOST_PARTS)
                self._changed.notify_all()
            if waiting:
                yield b"".join(pcm for pcm, _ in waiting), [event for _, events in waiting for event in events]
            elif self._error is not None:
                raise self._error
            else:
                return

    def _unwanted(self) -> bool:
        return self._stopped or self._cancel.is_set()
