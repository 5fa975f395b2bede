"""From what a musician wrote to how it is played."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from backline.media.groove.style_table import GENRES, MOOD_SYNONYMS, MOODS, PLAIN, SYNONYMS
from backline.media.groove.styles import Style, Weighted

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


@dataclass(frozen=True, slots=True)
class Reading:
    """What words name: genres and moods, names of the table. At least one of either."""

    genres: tuple[str, ...]
    moods: tuple[str, ...]


def read(words: str) -> Reading:
    """What words name.

    The longest names are found first: in `warm acid house with piano` that is acid house, warm, with a piano. Words
    that nobody knows are taken for the nearest in spelling; where all of them are unknown, the style is one of the
    table's, always the same for the same words. A few unknown words beside known ones change nothing.
    """
    tokens = _plain(words).split()
    genres, moods = _named(tokens, exact=True)
    if not genres and not moods:
        genres, moods = _named(tokens, exact=False)
    if not genres and not moods:
        genres = [_stable(tokens) if tokens else PLAIN]
    return Reading(tuple(dict.fromkeys(genres)), tuple(dict.fromkeys(moods)))


def mixed(readings: Sequence[tuple[Reading, float]]) -> tuple[Weighted, ...]:
    """The styles that are played for what was read, each with its weight over 0; in the end shares make 1.

    Genres within one reading have equal parts, and its moods colour them alone. A reading of moods alone colours all
    genres, as strongly as its weight is to theirs; without any genre it colours a plain groove. The order changes
    nothing.
    """
    named = [(reading, weight) for reading, weight in readings if reading.genres]
    colours = [(reading, weight) for reading, weight in readings if not reading.genres]
    if not named and colours:
        named = [(Reading((PLAIN,), ()), sum(weight for _, weight in colours))]
    total = sum(weight for _, weight in named)
    strengths = sorted((mood, min(weight / total, 1.0)) for reading, weight in colours for mood in reading.moods)
    parts = []
    for reading, weight in named:
        for name in reading.genres:
            own = _coloured(GENRES[name], [(mood, 1.0) for mood in reading.moods])
            parts.append(Weighted(_coloured(own, strengths), weight / total / len(reading.genres)))
    return tuple(sorted(parts, key=lambda part: (part.style.name, repr(part.style), part.share)))


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


def _coloured(style: Style, moods: Iterable[tuple[str, float]]) -> Style:
    for mood, strength in moods:
        style = MOODS[mood].weakened(strength).on(style)
    return style
