"""One pass over a text: find tokens, ask the rules that may begin there, keep everything else as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from backline.speech.text.normalise.protection import MARK
from backline.speech.text.normalise.rules import CAPITALS, COMPOUND, DIGIT, LETTER, Piece, Rule

_TOKEN = re.compile(rf"([{LETTER}]+)|(\d)|[^\s{LETTER}\d]")
_LETTER = re.compile(rf"[{LETTER}]")
_OPEN = re.compile(rf"[{LETTER}\d]")
_PAUSES = frozenset(",;!?")
_ENDS = frozenset(",;!?)")
_JOINS = frozenset("@.:/\\_-0123456789&+#(₀₁₂₃₄₅₆₇₈₉")


def _as_it_is(words: str, _suffix: str) -> str:
    return words


class Scanner:
    """The rules of one language, filed by where they may start."""

    def __init__(
        self, rules: Iterable[Rule], joined_suffixes: Iterable[str] = (), joined: Callable[[str, str], str] = _as_it_is
    ) -> None:
        """joined_suffixes: endings that stay joined to the words of a number; joined: words, suffix to their form."""
        self._joined = joined
        self._rules: dict[str, tuple[Rule, ...]] = {}
        for one in rules:
            for start in one.starts:
                self._rules[start] = (*self._rules.get(start, ()), one)
        suffixes = "|".join(re.escape(suffix) for suffix in sorted(joined_suffixes, key=len, reverse=True))
        self._suffix = re.compile(rf"(?:{suffixes})(?![{LETTER}])") if suffixes else None

    def pieces(self, text: str, written: str) -> list[Piece] | None:
        """The whole text in pieces, or None when nothing is to be changed.

        text: with ASCII digits, which the rules read; written: as the user wrote it, of the same length, to be kept.
        """
        out: list[Piece] = []
        done = position = 0
        find, rules_at = _TOKEN.search, self._rules_at
        while token := find(text, position):
            start, position = token.span()
            rules = rules_at(text, token)
            if not rules:
                continue
            read = _first_reading(rules, text, start)
            if read is None:
                continue
            if start > done:
                out.append((written[done:start], done, start))
            done = position = self._join(out, text, read)
        if not out:
            return None
        if done < len(text):
            out.append((written[done:], done, len(text)))
        return out

    def _rules_at(self, text: str, token: re.Match[str]) -> tuple[Rule, ...]:
        rules = self._rules
        if token.lastindex == 2:
            return rules.get(DIGIT, ())
        if token.lastindex is None:
            return rules.get(token[0], ())
        word = token[0]
        found = rules.get(word.lower(), ())
        following = text[token.end() : token.end() + 1]
        if following and following in _JOINS:
            found += rules.get(COMPOUND, ())
        if word.isupper():
            found += rules.get(CAPITALS, ())
        return found

    def _join(self, out: list[Piece], text: str, read: list[Piece]) -> int:
        """Add a reading, with a blank where its words would run into what is beside them; returns where it ends."""
        spoken, start, end = read[0]
        before = out[-1][0] if out else ""
        if spoken[0] == " " and (not before or before[-1].isspace()):
            read[0] = (spoken[1:], start, end)
        elif _LETTER.match(spoken) and _needs_blank(before):
            read[0] = (f" {spoken}", start, end)
        out.extend(read)
        spoken, start, end = out[-1]
        if not _LETTER.match(spoken[-1]):
            return end
        following = text[end : end + 1]
        if self._suffix is not None and (suffix := self._suffix.match(text, end)):
            out[-1] = (self._joined(spoken, suffix[0]), start, end)
        elif _LETTER.match(following) or following == MARK:
            out[-1] = (f"{spoken} ", start, end)
        elif following and following in _ENDS and _LETTER.match(text, end + 1):
            out.append((f"{following} ", end, end + 1))
            return end + 1
        return end


def _needs_blank(before: str) -> bool:
    """After a letter, a digit, a protected stretch or a mark of pause: engines pause at a mark with a blank only."""
    if not before:
        return False
    return before[-1] == MARK or before[-1] in _PAUSES or before.endswith("..") or _OPEN.match(before[-1]) is not None


def _first_reading(rules: tuple[Rule, ...], text: str, start: int) -> list[Piece] | None:
    for rule in rules:
        match = rule.pattern.match(text, start)
        if match is None:
            continue
        reading = rule.read(match)
        if reading is None:
            continue
        return [(reading, start, match.end())] if isinstance(reading, str) else reading
    return None
