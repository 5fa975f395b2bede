"""The reference pairs: `written~spoken`, with further answers after more tildes; one file a class and language.

A line without a tilde is to be read as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from backline.speech.text.normalise.normaliser import Normaliser

FOLDER = Path(__file__).parent / "cases"
LANGUAGES = ("en", "hi", "te")
BARS = {"en": 0.96, "hi": 0.97, "te": 0.95}
"""The least share of exact answers, for a class and for all of a language."""


@dataclass(frozen=True, slots=True)
class Case:
    """answers: the first is the one preferred."""

    written: str
    answers: tuple[str, ...]


def classes(language: str) -> list[str]:
    return sorted(path.stem for path in (FOLDER / language).glob("*.txt"))


def cases(language: str, name: str) -> list[Case]:
    lines = (FOLDER / language / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return [
        Case(written, tuple(answers or [written])) for written, *answers in (line.split("~") for line in lines if line)
    ]


def misses(normaliser: Normaliser, language: str, name: str) -> list[tuple[Case, str]]:
    """Each case that is read otherwise, with what was read."""
    read = [(case, normaliser.normalise(case.written, language).text) for case in cases(language, name)]
    return [(case, spoken) for case, spoken in read if spoken not in case.answers]
