"""From what a musician wrote to how it is played."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from difflib import get_close_matches

from backline.media.groove.style_table import GENRES, MOOD_SYNONYMS, MOODS, PLAIN, SYNONYMS
from backline.media.groove.styles import Mood, Style, Weighted

_LONGEST = 4
_MISSPELT = 0.78
"""How alike two words must be to be taken for one (difflib's ratio)."""
_SHORTEST_MISSPELT = 3


def _plain(words: str) -> str:
    kept = re.sub(r"[^\w&]+", " ", words.casefold().replace("'n'", " n ").replace("_", " "))
    return " ".join(kept.split())


_GENRE_OF = {_plain(name): name for name in GENRES} | {_plain(other): name for other, name in SYNONYMS.items()}
_MOOD_OF = {_plain(name): name for name in MOODS} | {_plain(other): name for other, name in MOOD_SYNONYMS.items()}
_KNOWN = tuple(_GENRE_OF) + tuple(_MOOD_OF)


def read_style(words: str) -> tuple[Weighted, ...]:
    """The styles that words name, in equal parts; shares make 1.

    The longest names are found first: in `warm acid house with piano` that is acid house, warm, with a piano. A genre
    that is named colours nothing else; moods colour all that is named, or a plain groove. Words that nobody knows are
    taken for the nearest in spelling; where all of them are unknown, the style is one of the table's, always the same
    for the same words. A few unknown words beside known ones change nothing.
    """
    tokens = _plain(words).split()
    genres, moods = _named(tokens, exact=True)
    if not genres and not moods:
        genres, moods = _named(tokens, exact=False)
    if not genres:
        genres = [PLAIN] if moods or not tokens else [_stable(tokens)]
    styles = [_coloured(GENRES[name], (MOODS[mood] for mood in moods)) for name in dict.fromkeys(genres)]
    return tuple(Weighted(style, 1 / len(styles)) for style in styles)


def _named(tokens: list[str], exact: bool) -> tuple[list[str], list[str]]:
    """Names of genres and of moods, in their order."""
    genres: list[str] = []
    moods: list[str] = []
    place = 0
    while place < len(tokens):
        for length in range(min(_LONGEST, len(tokens) - place), 0, -1):
            phrase = _known(" ".join(tokens[place : place + length]), exact)
            if phrase in _GENRE_OF:
                genres.append(_GENRE_OF[phrase])
            elif phrase in _MOOD_OF:
                moods.append(_MOOD_OF[phrase])
            else:
                continue
            place += length
            break
        else:
            place += 1
    return genres, moods


def _known(phrase: str, exact: bool) -> str:
    if exact or len(phrase) < _SHORTEST_MISSPELT:
        return phrase
    return next(iter(get_close_matches(phrase, _KNOWN, 1, _MISSPELT)), phrase)


def _stable(tokens: list[str]) -> str:
    """A genre by the words themselves."""
    digest = hashlib.sha256(" ".join(tokens).encode()).digest()
    return sorted(GENRES)[int.from_bytes(digest[:4], "big") % len(GENRES)]


def _coloured(style: Style, moods: Iterable[Mood]) -> Style:
    for mood in moods:
        style = mood.on(style)
    return style
