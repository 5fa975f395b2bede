"""Stretches that no rule may see: tags, phonetic spellings, and the words of the user's lexicon.

Each is swapped for one private-use character before the rules and put back after them, in order. A private-use
character of the user's own is protected in the same way, so that it survives.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache

from backline.speech.text.normalise.lexicon import Lexicon, Tokens
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
# One token, so that an entry for a word does not tear an address apart: it would no longer be read as one.
_ADDRESS = rf"(?:https?://|www\.)[^\s<>\[\]{_PRIVATE}]{{1,300}}[\w/]|[A-Za-z\d][A-Za-z\d._+-]{{0,63}}@[A-Za-z\d.-]{{1,100}}[A-Za-z]"
_CHEAP = re.compile(rf"[{_PRIVATE}<\[]|/[^/\n]{{0,80}}[{_IPA_LETTER}]")


class Protection:
    """Finds what is protected. lexicon: written word or phrase to its spoken form; see `Lexicon` for capitals."""

    def __init__(self, lexicon: Mapping[str, str]) -> None:
        self._lexicon: Lexicon | None = None
        for written, spoken in lexicon.items():
            tokens = [token[0] for token in _tokens().finditer(written.strip())]
            if tokens:
                self._lexicon = self._lexicon or Lexicon()
                self._lexicon.add(tokens, spoken)

    def swap(self, text: str) -> tuple[SpokenText, list[str]] | None:
        """The text with a mark for each protected stretch, and what each mark stands for; None if there is none."""
        if self._lexicon is None and not _CHEAP.search(text):
            return None
        pieces: list[Piece] = []
        hidden: list[str] = []
        done = 0
        for start, end, spoken in self._stretches(text):
            pieces.append((text[done:start], done, start))
            pieces.append((MARK, start, end))
            hidden.append(spoken)
            done = end
        if not hidden:
            return None
        pieces.append((text[done:], done, len(text)))
        return SpokenText.of_pieces(pieces), hidden

    def _stretches(self, text: str) -> Iterator[tuple[int, int, str]]:
        """Start, end and spoken form of each, in order; an entry of the lexicon before a tag at the same place."""
        found = list(_tokens().finditer(text))
        words = Tokens([token[0] for token in found]) if self._lexicon else None
        at = 0
        while at < len(found):
            token = found[at]
            hit = self._lexicon.longest(words, at) if self._lexicon and words else None
            at = hit[0] if hit else at + 1
            if hit:
                yield token.start(), found[at - 1].end(), hit[1]
            elif token["kept"]:
                yield token.start(), token.end(), token[0]


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
def _tokens() -> re.Pattern[str]:
    """Addresses of web and mail, words with the digits in them, blanks, what is always kept, any other character."""
    return re.compile(rf"{_ADDRESS}|[{LETTER}\d]+|\s+|(?P<kept>{_ALWAYS})|.", re.DOTALL)
