"""The user's own words: found in one scan over a text's tokens, the longest entry first.

A tree of tokens is built once for a lexicon, and walked from each token of a text: the time grows with the text and
with the longest entry, and not with the number of entries.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Node:
    """spoken: of the entry that ends here, if one does."""

    spoken: str | None = None
    following: dict[str, _Node] = field(default_factory=dict)

    def add(self, keys: Sequence[str], spoken: str) -> None:
        node = self
        for key in keys:
            node = node.following.setdefault(key, _Node())
        node.spoken = spoken

    def longest(self, keys: Sequence[str], at: int) -> tuple[int, str] | None:
        found = None
        node: _Node | None = self
        for index in range(at, len(keys)):
            node = node.following.get(keys[index]) if node else None
            if node is None:
                break
            if node.spoken is not None:
                found = (index + 1, node.spoken)
        return found


class Tokens:
    """A text's tokens as they are compared: composed (NFC), and every stretch of blanks alike."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self.as_written = [" " if token.isspace() else unicodedata.normalize("NFC", token) for token in tokens]
        self.any_case = [token.casefold() for token in self.as_written]


class Lexicon:
    """An entry in small letters is found in any case, one with a capital only as it is written."""

    def __init__(self) -> None:
        self._as_written = _Node()
        self._any_case = _Node()

    def add(self, written: Sequence[str], spoken: str) -> None:
        """written: the tokens of one entry."""
        keys = Tokens(written)
        if any(token != token.lower() for token in keys.as_written):
            self._as_written.add(keys.as_written, spoken)
        else:
            self._any_case.add(keys.any_case, spoken)

    def longest(self, tokens: Tokens, at: int) -> tuple[int, str] | None:
        """The longest entry that begins at token `at`: the token after its end, and how it is spoken.

        Of two that are equally long, the one with capitals.
        """
        exact = self._as_written.longest(tokens.as_written, at)
        other = self._any_case.longest(tokens.any_case, at)
        if exact is None or other is None:
            return exact or other
        return exact if exact[0] >= other[0] else other
