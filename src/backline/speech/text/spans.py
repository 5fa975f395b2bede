"""Text that remembers where it came from.

Every step between what a user wrote and what an engine reads (tags out, numbers to words) returns a `SpokenText`, and
steps compose: the timing of a spoken word can always be shown on the user's own characters.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """`text[start:end]` was made from `source[source_start:source_end]`. Ends are exclusive."""

    start: int
    end: int
    source_start: int
    source_end: int


@dataclass(frozen=True, slots=True)
class SpokenText:
    """A text and the spans that tie it to its source.

    Spans ascend in both texts, never overlap, and cover every character of `text` (their ends touch). Where a span has
    the same length on both sides its characters correspond one to one; otherwise the whole maps to the whole.
    """

    text: str
    spans: tuple[Span, ...]

    @classmethod
    def unchanged(cls, text: str, source_start: int = 0) -> SpokenText:
        """`text` as it stands in its source from `source_start` on."""
        spans = (Span(0, len(text), source_start, source_start + len(text)),) if text else ()
        return cls(text, spans)

    @classmethod
    def of_pieces(cls, pieces: Iterable[tuple[str, int, int]]) -> SpokenText:
        """From (text, source_start, source_end) in order; empty texts are left out."""
        parts: list[str] = []
        spans: list[Span] = []
        at = 0
        for text, source_start, source_end in pieces:
            if text:
                parts.append(text)
                spans.append(Span(at, at + len(text), source_start, source_end))
                at += len(text)
        return cls("".join(parts), tuple(spans))

    def source_of(self, start: int, end: int) -> tuple[int, int]:
        """The source range that `text[start:end]` came from; an empty range maps to the place it stands at."""
        if not self.spans:
            return (0, 0)
        first = self._span_at(start)
        last = self._span_at(max(start, end - 1))
        return (_source_point(first, start, at_end=False), _source_point(last, end, at_end=True))

    def after(self, earlier: SpokenText) -> SpokenText:
        """This step seen from the very first source, where `earlier` made this step's source."""
        spans: list[Span] = []
        for span in self.spans:
            if span.end - span.start == span.source_end - span.source_start:
                spans.extend(_split_at_earlier(span, earlier))
            else:
                spans.append(Span(span.start, span.end, *earlier.source_of(span.source_start, span.source_end)))
        return SpokenText(self.text, tuple(spans))

    def slice(self, start: int, end: int) -> SpokenText:
        """The part `text[start:end]`, still tied to the same source."""
        spans = []
        first = bisect_right(self.spans, start, key=lambda span: span.end)
        for index in range(first, len(self.spans)):
            span = self.spans[index]
            if span.start >= end:
                break
            low, high = max(start, span.start), min(end, span.end)
            if low < high:
                source = (_source_point(span, low, at_end=False), _source_point(span, high, at_end=True))
                spans.append(Span(low - start, high - start, *source))
        return SpokenText(self.text[start:end], tuple(spans))

    def _span_at(self, position: int) -> Span:
        index = bisect_right(self.spans, position, key=lambda span: span.start) - 1
        return self.spans[max(0, index)]


def _source_point(span: Span, position: int, *, at_end: bool) -> int:
    if span.end - span.start == span.source_end - span.source_start:
        return span.source_start + min(max(position - span.start, 0), span.end - span.start)
    return span.source_end if at_end else span.source_start


def _split_at_earlier(span: Span, earlier: SpokenText) -> Iterable[Span]:
    """A one-to-one span may cover several spans of the earlier step; keep each of their borders."""
    shift = span.start - span.source_start
    part = earlier.slice(span.source_start, span.source_end)
    for inner in part.spans:
        start = span.source_start + inner.start + shift
        yield Span(start, start + inner.end - inner.start, inner.source_start, inner.source_end)
