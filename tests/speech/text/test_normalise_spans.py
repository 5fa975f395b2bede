"""Every spoken word points at the characters it came from."""

from __future__ import annotations

import pytest

from backline.speech.text.normalise.normaliser import Normaliser
from backline.speech.text.spans import SpokenText


def sources(text: str, language: str) -> dict[str, str]:
    """Each spoken word to the part of the text it came from."""
    spoken = Normaliser({"SQL": "sequel"}).normalise(text, language)
    found: dict[str, str] = {}
    place = 0
    for word in spoken.text.split():
        place = spoken.text.index(word, place)
        start, end = spoken.source_of(place, place + len(word))
        found[word] = text[start:end].strip()
        place += len(word)
    return found


@pytest.mark.parametrize(
    ("text", "language", "word", "source"),
    [
        ("I have 123 dogs", "en", "hundred", "123"),
        ("I have 123 dogs", "en", "dogs", "dogs"),
        ("on July 25, 2012 we", "en", "fifth,", "25,"),
        ("on July 25, 2012 we", "en", "twelve", "2012"),
        ("at 12 kg now", "en", "kilograms", "kg"),
        ("at 12 kg now", "en", "twelve", "12"),
        ("at 12 kg now", "en", "now", "now"),
        ("it costs $5.20 here", "en", "cents", "$5.20"),
        ("Use SQL 5 times", "en", "sequel", "SQL"),
        ("Use SQL 5 times", "en", "five", "5"),
        ("a <laugh> 5", "en", "<laugh>", "<laugh>"),
        ("a <laugh> 5", "en", "five", "5"),
        ("कुल १२ लोग", "hi", "बारह", "१२"),
        ("कुल १२ लोग", "hi", "लोग", "लोग"),
        ("2024లో వచ్చాడు", "te", "నాలుగులో", "2024లో"),
        ("mail a@b.com now", "en", "com", "com"),
    ],
)
def test_a_word_points_at_its_source(text: str, language: str, word: str, source: str) -> None:
    assert sources(text, language)[word] == source


def test_steps_compose() -> None:
    first = SpokenText.of_pieces([("pay ", 0, 4), ("$5", 4, 11), (" now", 11, 15)])
    second = Normaliser().normalise(first.text, "en").after(first)
    assert second.text == "pay five dollars now"
    assert second.source_of(4, 8) == (4, 11)
    assert second.source_of(17, 20) == (12, 15)


def test_composing_long_texts_takes_each_span_once() -> None:
    text = "1 " * 20_000
    first = Normaliser().normalise(text, "en")
    second = Normaliser().normalise(first.text, "en").after(first)
    assert second.spans[-1].source_end == len(text)
