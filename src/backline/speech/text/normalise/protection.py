"""Stretches that no rule may see: tags, phonetic spellings, and the words of the user's lexicon.

Each is swapped for one private-use character before the rules and put back after them, in order. A private-use
character of the user's own is protected in the same way, so that it survives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from backline.speech.text.normalise.rules import LETTER, Piece
from backline.speech.text.spans import SpokenText

MARK = "\ue000"
_PRIVATE = "\ue000-\uf8ff"
_NAME = r"[A-Za-z][A-Za-z0-9_:-]{0,40}"
_VALUE = r"""(?:"[^"<>]{0,200}"|'[^'<>]{0,200}'|[^\s"'<>]{1,60})"""
_MARKUP = rf"</?{_NAME}(?:={_VALUE})?(?:\s+{_NAME}\s*=\s*{_VALUE}){{0,12}}\s*/?>"
_BRACKET_TAG = r"\[\s*[a-z]+(?:_[a-z]+){0,3}\s*\]"
# A stretch between slashes or brackets is phonetic when it holds a letter of the IPA that no language here uses.
_IPA_LETTER = "\u0250-\u02af\u02c8\u02cc\u02d0\u02d1ðŋθ"
_IPA = rf"\[(?=[^\]\n]{{0,80}}[{_IPA_LETTER}])[^\[\]\n]{{1,200}}\]|/(?=[^/\n]{{0,80}}[{_IPA_LETTER}])[^/\n\d]{{1,80}}/"
# Sounds of English in ARPAbet, written in capitals with stress digits: [HH AH0 L OW1].
_ARPABET = r"\[(?=[^\]]{0,80}\d)[A-Z]{1,2}[0-2]?(?: [A-Z]{1,2}[0-2]?){1,40}\]"
_ALWAYS = rf"[{_PRIVATE}]|{_MARKUP}|{_BRACKET_TAG}|{_IPA}|{_ARPABET}"
_CHEAP = re.compile(rf"[{_PRIVATE}<\[]|/[^/\n]{{0,80}}[{_IPA_LETTER}]")


class Protection:
    """Finds what is protected. lexicon: written word or phrase to its spoken form, without regard to case."""

    def __init__(self, lexicon: Mapping[str, str]) -> None:
        self._lexicon = {written.casefold(): spoken for written, spoken in lexicon.items() if written.strip()}
        entries = sorted(self._lexicon, key=len, reverse=True)
        words = "|".join(re.escape(entry) for entry in entries)
        lexical = rf"(?<![{LETTER}])(?P<word>(?i:{words}))(?![{LETTER}])"
        self._pattern = re.compile(rf"{lexical}|{_ALWAYS}") if words else None

    def swap(self, text: str) -> tuple[SpokenText, list[str]] | None:
        """The text with a mark for each protected stretch, and what each mark stands for; None if there is none."""
        if self._pattern is None and not _CHEAP.search(text):
            return None
        pieces: list[Piece] = []
        hidden: list[str] = []
        done = 0
        for match in (self._pattern or _plain()).finditer(text):
            pieces.append((text[done : match.start()], done, match.start()))
            pieces.append((MARK, match.start(), match.end()))
            hidden.append(self._spoken(match))
            done = match.end()
        if not hidden:
            return None
        pieces.append((text[done:], done, len(text)))
        return SpokenText.of_pieces(pieces), hidden

    def _spoken(self, match: re.Match[str]) -> str:
        word = match["word"] if self._lexicon else None
        return match[0] if word is None else self._lexicon.get(word.casefold(), word)


def restore(spoken: SpokenText, hidden: list[str]) -> SpokenText:
    """Every mark put back as what it stands for."""
    pieces: list[Piece] = []
    done = 0
    for index, part in enumerate(spoken.text.split(MARK)):
        if index:
            pieces.append((hidden[index - 1], done, done + 1))
            done += 1
        pieces.append((part, done, done + len(part)))
        done += len(part)
    return SpokenText.of_pieces(pieces).after(spoken)


@cache
def _plain() -> re.Pattern[str]:
    return re.compile(_ALWAYS)
