"""The chunks of a session: made, delivered, and kept until they are not needed any more."""

from __future__ import annotations

from backline.engines.jam.chunks import MadeChunk
from backline.errors import Invalid, NotFound

KEPT_CHUNKS = 4
"""Delivered chunks that are kept for being asked for again, unless they are consumed."""
_AHEAD_CHUNKS = 1


class Spool:
    """Indexes rise over the whole session, from one jam to the next; memory holds at most six chunks.

    made, delivered, consumed: the highest index of each; -1 before the first.
    """

    def __init__(self) -> None:
        self.made = -1
        self.delivered = -1
        self.consumed = -1
        self._first = 0
        self._chunks: dict[int, MadeChunk] = {}

    @property
    def following(self) -> int:
        """The index that comes next for who names none."""
        return max(self.delivered + 1, self.consumed + 1, self._first)

    @property
    def has_room(self) -> bool:
        """Whether one more chunk may be begun: at most one beyond that which comes next."""
        return self.made < self.following + _AHEAD_CHUNKS

    def begin(self) -> None:
        """Another jam: what the last one left is gone."""
        self._chunks.clear()
        self._first = self.made + 1

    def put(self, chunk: MadeChunk) -> None:
        self.made = chunk.index
        self._chunks[chunk.index] = chunk

    def find(self, index: int) -> MadeChunk | None:
        """None: it is still to be made. Raises NotFound `chunk_gone`."""
        if index > self.made:
            return None
        if index not in self._chunks:
            raise NotFound(f"Chunk {index} is not kept any more; go on with {self.following}.", code="chunk_gone")
        return self._chunks[index]

    def note_delivered(self, index: int) -> None:
        self.delivered = max(self.delivered, index)
        self._forget(self.delivered - KEPT_CHUNKS)

    def consume(self, index: int) -> None:
        """Raises Invalid `chunk_not_made`."""
        if index > self.made:
            raise Invalid(f"Chunk {index} has not been made; the newest is {self.made}.", code="chunk_not_made")
        self.consumed = max(self.consumed, index)
        self._forget(self.consumed)

    def end(self) -> None:
        """Nothing follows the newest chunk: it says so, unless it has been delivered already."""
        if self.made >= self.following:
            self._chunks[self.made].mark_last()

    def clear(self) -> None:
        self._chunks.clear()

    def _forget(self, index: int) -> None:
        for gone in [kept for kept in self._chunks if kept <= index]:
            del self._chunks[gone]
