"""Tags, markup, phonetic spellings and the lexicon are out of every rule's reach."""

from __future__ import annotations

import pytest

from backline.engines.speech.base import EMOTION_TAGS
from backline.speech.text.normalise.normaliser import Normaliser, normalise


@pytest.mark.parametrize("tag", EMOTION_TAGS)
@pytest.mark.parametrize("language", ["en", "hi", "te"])
def test_every_emotion_tag_survives_beside_numbers(tag: str, language: str) -> None:
    for written in (f"<{tag}>", f"[{tag}]", f"<{tag}/>"):
        spoken = Normaliser().normalise(f"5{written}5 {written} 10% {written}", language).text
        assert spoken.count(written) == 3
        assert "5" not in spoken


@pytest.mark.parametrize(
    "markup",
    ['<break time="500ms"/>', '<say-as interpret-as="date">', "</prosody>", "<pitch=-.3>", "/təˈmeɪtoʊ/", "[həˈloʊ]"],
)
def test_markup_and_phonetic_spellings_survive(markup: str) -> None:
    assert Normaliser().normalise(f"{markup} 5 {markup}", "en").text == f"{markup} five {markup}"


def test_less_than_signs_are_no_markup() -> None:
    assert (
        Normaliser().normalise("if 3 < 5 and 7 > 2", "en").text == "if three less than five and seven greater than two"
    )


def test_the_lexicon_comes_before_every_rule() -> None:
    normaliser = Normaliser({"sql": "sequel", "Dr.": "driver", "5G": "fifth generation", "नमस्ते": "namaste"})
    assert normaliser.normalise("sql and SQL on 5G", "en").text == "sequel and sequel on fifth generation"
    assert normaliser.normalise("Dr. Rao", "en").text == "driver Rao"
    assert normaliser.normalise("नमस्ते 5", "hi").text == "namaste पाँच"
    assert normaliser.normalise("MySQLs 5", "en").text == "MySQLs five"


def test_the_longest_entry_wins() -> None:
    normaliser = Normaliser({"New": "nu", "New York": "the big apple"})
    assert normaliser.normalise("New York, New", "en").text == "the big apple, nu"


def test_one_function_does_it_all() -> None:
    assert normalise("5 apples").text == "five apples"
    assert normalise("5 लोग").text == "पाँच लोग"
    assert normalise("5 మంది").text == "ఐదు మంది"
    assert normalise("5 SQL", "en", lexicon={"SQL": "sequel"}).text == "five sequel"


@pytest.mark.parametrize("language", ["fr", "de", "ml", "xx", "", "zh-cn"])
def test_other_languages_are_left_alone(language: str) -> None:
    assert Normaliser().normalise("5 % <laugh> \ue000 10", language).text == "5 % <laugh> \ue000 10"
