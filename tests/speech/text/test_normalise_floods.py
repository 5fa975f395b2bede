"""50,000 characters of anything are read in time that grows with their number, not its square."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backline.speech.text.normalise.languages.registry import rules_of
from backline.speech.text.normalise.normaliser import Normaliser
from backline.speech.text.normalise.rules import Rule
from backline.speech.text.normalise.scanner import Scanner

pytestmark = pytest.mark.slow

CHARACTERS = 50_000
FLOODS = [
    "1",
    "a",
    "A",
    "1,",
    "1/",
    "1-",
    "1 ",
    "1.",
    "1:",
    "[",
    "<",
    "(",
    "$",
    "+1",
    "a.",
    "A.",
    "a@",
    "a-",
    "/a",
    "x=",
    "I ",
]
FLOODS += [
    "<a ",
    "http://",
    "/ə",
    "[ə",
    "₹",
    "😀",
    "1x",
    "½",
    "रोड 1 ",
    "१",
    "౧లో",
    "1,23,",
    "\ue000",
    "'",
    '"',
    "``",
    "2020 ",
]


LANGUAGES = pytest.mark.parametrize(
    "language", ["en", pytest.param("hi", marks=pytest.mark.slow), pytest.param("te", marks=pytest.mark.slow)]
)


@pytest.mark.parametrize("flood", FLOODS)
@LANGUAGES
def test_a_flood_is_read(flood: str, language: str) -> None:
    text = flood * (CHARACTERS // len(flood))
    spoken = Normaliser({"a b": "c"}).normalise(text, language)
    assert spoken.text
    assert spoken.spans[-1].source_end == len(text)


@pytest.mark.parametrize("flood", ["1,", "1/", "1-", "1 ", "a.", "a@", "1:", "I ", "(1", "x="])
@LANGUAGES
def test_twice_the_text_is_twice_the_work(flood: str, language: str) -> None:
    assert _readings(flood * 4000, language) <= 2 * _readings(flood * 2000, language) + 50


def _readings(text: str, language: str) -> int:
    """How often a rule was asked to read."""
    found = rules_of(language)
    assert found is not None
    count = 0

    def counting(rule: Rule) -> Rule:
        def read(match: object) -> object:
            nonlocal count
            count += 1
            return rule.read(match)  # type: ignore[arg-type]

        return replace(rule, read=read)  # type: ignore[arg-type]

    Scanner([counting(rule) for rule in found[0]]).pieces(text, text)
    return count
