"""Where a client is in each session's chunks, so that one whose answer was lost on the way can be asked for again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from backline.engines.jam.orders import JamChunk

_SESSIONS = 10_000
"""Remembered at once; the one that was asked for longest ago is forgotten first. It is then asked about."""


@dataclass(slots=True)
class Place:
    """received: the newest chunk that arrived here; None: none that is remembered. unsure: a chunk may have been handed
    out since, and lost."""

    received: int | None = None
    unsure: bool = False

    def arrived(self, chunk: JamChunk | None) -> JamChunk | None:
        """Passes on what came; nothing tells nothing."""
        if chunk is not None:
            self.received, self.unsure = chunk.index, False
        return chunk


class Places:
    def __init__(self) -> None:
        self._places: OrderedDict[str, Place] = OrderedDict()

    def of(self, session_id: str) -> Place:
        place = self._places.setdefault(session_id, Place())
        self._places.move_to_end(session_id)
        if len(self._places) > _SESSIONS:
            self._places.popitem(last=False)
        return place

    def forget(self, session_id: str) -> None:
        self._places.pop(session_id, None)
