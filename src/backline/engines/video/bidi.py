"""The order in which a line of mixed directions is seen.

It is the Unicode Bidirectional Algorithm (UAX #9) without what invisible characters ask for (embeddings, isolates),
which callers leave out, and without its rule N0 for pairs of brackets.

HarfBuzz's `raqm` does the same, but for one font at a time, and a line may need several.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from unicodedata import bidirectional

_NEUTRAL = frozenset(("B", "S", "WS", "ON"))
_NUMBERS = frozenset(("EN", "AN"))


def base_level(text: str) -> int:
    """1 if the first letter is one that is written from right to left, else 0 (rules P2 and P3)."""
    for char in text:
        kind = bidirectional(char)
        if kind in ("L", "R", "AL"):
            return int(kind != "L")
    return 0


def levels(text: str, base: int) -> list[int]:
    """For each character its level: even ones run to the right, odd ones to the left. base: of the whole paragraph."""
    outside = "R" if base else "L"
    kinds = _weak([bidirectional(char) or "L" for char in text], outside)
    _neutral(kinds, outside)
    if base:
        return [1 if kind == "R" else 2 for kind in kinds]
    return [{"L": 0, "R": 1}.get(kind, 2) for kind in kinds]


def visual_order(levels_of_runs: Sequence[int]) -> list[int]:
    """Indices of runs from left to right (rule L2)."""
    order = list(range(len(levels_of_runs)))
    for level in range(max(levels_of_runs, default=0), 0, -1):
        high = [levels_of_runs[run] >= level for run in order]
        start = 0
        for inside, group in groupby(high):
            stop = start + len(list(group))
            if inside:
                order[start:stop] = reversed(order[start:stop])
            start = stop
    return order


def _weak(given: list[str], outside: str) -> list[str]:
    """Rules W1 to W7: afterwards there are only L, R, EN, AN and neutral ones."""
    kinds: list[str] = []
    strong = outside
    for kind in given:
        if kind in ("NSM", "BN"):
            kind = kinds[-1] if kinds else outside
        if kind in ("L", "R", "AL"):
            strong = kind
        kinds.append("AN" if kind == "EN" and strong == "AL" else kind)
    kinds = ["R" if kind == "AL" else kind for kind in kinds]
    _join_separators(kinds)
    _join_terminators(kinds)
    strong = outside
    for index, kind in enumerate(kinds):
        if kind in ("L", "R"):
            strong = kind
        elif kind == "EN" and strong == "L":
            kinds[index] = "L"
        elif kind in ("ES", "ET", "CS"):
            kinds[index] = "ON"
    return kinds


def _join_separators(kinds: list[str]) -> None:
    """W4: one separator between two numbers is a part of them."""
    for index in range(1, len(kinds) - 1):
        before, after = kinds[index - 1], kinds[index + 1]
        if before == after and (
            (kinds[index] == "CS" and before in _NUMBERS) or (kinds[index], before) == ("ES", "EN")
        ):
            kinds[index] = before


def _join_terminators(kinds: list[str]) -> None:
    """W5: signs such as `%` beside a number are a part of it."""
    start = 0
    for kind, group in groupby(list(kinds)):
        stop = start + len(list(group))
        beside = (kinds[start - 1] if start else "", kinds[stop] if stop < len(kinds) else "")
        if kind == "ET" and "EN" in beside:
            kinds[start:stop] = ["EN"] * (stop - start)
        start = stop


def _neutral(kinds: list[str], outside: str) -> None:
    """N1 and N2: what is neutral goes with both of its neighbours, or with the paragraph. Numbers count as R here."""
    start = 0
    for neutral, group in groupby(list(kinds), key=_NEUTRAL.__contains__):
        stop = start + len(list(group))
        if neutral:
            before = _side(kinds[start - 1]) if start else outside
            after = _side(kinds[stop]) if stop < len(kinds) else outside
            kinds[start:stop] = [before if before == after else outside] * (stop - start)
        start = stop


def _side(kind: str) -> str:
    return "R" if kind in _NUMBERS else kind
