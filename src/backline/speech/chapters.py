"""Which sentence is heard when: as JSON for programs, and as WebVTT for players (W3C WebVTT 1)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import IO, Any

_SHORTEST_CUE_SECONDS = 0.001
"""A cue must end after it begins."""


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """text: as written, without markup. start_s, end_s: where it sounds, in seconds. source_start, source_end: its
    characters (code points) in the text that was sent."""

    text: str
    start_s: float
    end_s: float
    source_start: int
    source_end: int


class ChapterWriter:
    """Writes both files while the sentences come, in order; `finish` ends them. facts: further members of the JSON."""

    def __init__(self, as_json: IO[bytes], as_vtt: IO[bytes], facts: Mapping[str, Any]) -> None:
        self._json = as_json
        self._vtt = as_vtt
        self._facts = facts
        self._waiting: SpokenSentence | None = None
        self.written = 0
        self._json.write(b'{"sentences": [')
        self._vtt.write(b"WEBVTT\n")

    def add_all(self, sentences: Iterable[SpokenSentence], begin_s: float) -> None:
        """begin_s: where in the whole their part begins. A sentence that sounds into the next one is over where that
        begins: two are never shown at once."""
        for one in sentences:
            sentence = replace(one, start_s=one.start_s + begin_s, end_s=one.end_s + begin_s)
            if self._waiting is not None:
                self._write(replace(self._waiting, end_s=min(self._waiting.end_s, sentence.start_s)))
            self._waiting = sentence

    def finish(self) -> None:
        if self._waiting is not None:
            self._write(self._waiting)
        rest = json.dumps(self._facts, ensure_ascii=False).removeprefix("{")
        self._json.write(f"\n], {rest}\n".encode())

    def _write(self, sentence: SpokenSentence) -> None:
        start_s = round(sentence.start_s, 3)
        end_s = max(round(sentence.end_s, 3), round(start_s + _SHORTEST_CUE_SECONDS, 3))
        facts = {"index": self.written, **asdict(sentence), "start_s": start_s, "end_s": end_s}
        comma = "," if self.written else ""
        self.written += 1
        self._json.write(f"{comma}\n{json.dumps(facts, ensure_ascii=False)}".encode())
        words = escape(" ".join(sentence.text.split()), quote=False)
        self._vtt.write(f"\n{self.written}\n{_clock(start_s)} --> {_clock(end_s)}\n{words}\n".encode())


def _clock(seconds: float) -> str:
    """`01:02:03.456`."""
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}.{milliseconds:03d}"
