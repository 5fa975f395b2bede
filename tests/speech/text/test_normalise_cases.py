"""The reference pairs are read right, class by class."""

from __future__ import annotations

import pytest

from backline.speech.text.normalise.normaliser import Normaliser
from tests.speech.text.reference import BARS, LANGUAGES, cases, classes, misses

ALL = [(language, name) for language in LANGUAGES for name in classes(language)]


@pytest.mark.parametrize(("language", "name"), ALL)
def test_a_class_is_read_right(language: str, name: str) -> None:
    missed = misses(Normaliser(), language, name)
    share = 1 - len(missed) / len(cases(language, name))
    assert share >= BARS[language], "\n".join(
        f"{case.written!r}: {spoken!r}, not {case.answers[0]!r}" for case, spoken in missed
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_are_six_hundred_pairs_and_none_twice_in_a_class(language: str) -> None:
    found = [(name, case.written) for name in classes(language) for case in cases(language, name)]
    assert len(found) >= 600
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(("language", "name"), ALL)
def test_what_is_spoken_reads_as_itself(language: str, name: str) -> None:
    normaliser = Normaliser()
    for case in cases(language, name):
        once = normaliser.normalise(case.written, language).text
        assert normaliser.normalise(once, language).text == once, case.written
