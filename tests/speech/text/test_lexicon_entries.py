"""How a text is searched for the words of a lexicon."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backline.speech.text.normalise.normaliser import Normaliser
from tests.speech.text.test_normalise_properties import check_spans, fragments

words = st.sampled_from(["a", "A", "ab", "SQL", "sql", "5G", "<laugh>", "x@y.com", "é", "ड़", "-", "."])
phrases = st.lists(words, min_size=1, max_size=4).map(" ".join)


def read(text: str, **lexicon: str) -> str:
    return Normaliser(lexicon).normalise(text, "en").text


@pytest.mark.parametrize(
    ("entry", "text", "spoken"),
    [
        ("nginx", "nginx, Nginx and NGINX", "*, * and *"),
        ("SQL", "SQL, sql and Sql", "*, sql and Sql"),
        ("Will", "Will will", "* will"),
        ("us", "Us and us", "* and *"),
        ("ÉTÉ", "ÉTÉ été", "* été"),
        ("straße", "STRASSE Straße", "* *"),
        ("sql", "MySQL sqlite sql5 sql's (sql) sql-like", "MySQL sqlite sql five *'s (*) *-like"),
        ("c++", "C++ c++20", "* * twenty"),
        (".net", "ASP.NET", "ASP*"),
        ("new york", "New\n  York", "*"),
        (" new york ", "in new york now", "in * now"),
        ("new york", "New York-based", "*-based"),
        ("→", "a → b", "a * b"),
        ("<laugh>", "a <laugh> [laugh]", "a * [laugh]"),
        ("laugh", "<laugh> laugh", "<laugh> *"),
        ("break", 'break <break time="5ms"/>', '* <break time="5ms"/>'),
        ("gmail", "gmail, jane@gmail.com", "*, jane at gmail dot com"),
        ("x", "www.x.org", "WWW dot x dot org"),
        ("jane@gmail.com", "to Jane@gmail.com.", "to *."),
        ("u.s.", "the U.S. now", "the * now"),
        ("12/5", "on 12/5 and 12/50", "on * and twelve fiftieths"),
        ("\ue000", "a \ue000 b", "a * b"),
    ],
)
def test_what_an_entry_finds(entry: str, text: str, spoken: str) -> None:
    assert Normaliser({entry: "*"}).normalise(text, "en").text == spoken
    assert Normaliser({entry: "*"}).respell(text, "en").text.count("*") == spoken.count("*")


def test_the_longest_entry_wins_and_of_two_alike_the_one_with_capitals() -> None:
    assert read("New York City", **{"new": "1", "New York": "2", "new york city": "3"}) == "3"
    assert read("US and us", US="america", us="ourselves") == "america and ourselves"
    assert read("new york", **{"new york city": "3", "new": "1"}) == "1 york"


def test_a_letter_may_be_composed_or_not() -> None:
    for form in ("NFC", "NFD"):
        text = unicodedata.normalize(form, "घोड़ा café")
        for other in ("NFC", "NFD"):
            lexicon = {unicodedata.normalize(other, word): "*" for word in ("घोड़ा", "café")}
            assert Normaliser(lexicon).normalise(text, "hi").text == "* *"


@pytest.mark.parametrize("mark", ["\ue000", "<laugh>", "[sigh]"])
def test_what_is_protected_is_so_inside_an_address_too(mark: str) -> None:
    for text in (f"https://a.org/{mark}x", f"www.a.org/x{mark}", f"jane@a.org{mark}", f"{mark}jane@a.org"):
        for normaliser in (Normaliser(), Normaliser({"a": "b"})):
            assert mark in normaliser.normalise(text, "en").text


def test_a_spoken_form_is_read_as_it_stands() -> None:
    assert read("a b", a="5 % b", b="a <laugh> \ue000 9") == "5 % b a <laugh> \ue000 9"


def test_what_was_spelled_is_not_searched_again() -> None:
    assert read("a b c", a="b", b="c", c="a") == "b c a"


@given(lexicon=st.dictionaries(phrases, st.text(min_size=1, max_size=8), max_size=6), parts=st.lists(words | fragments))
@settings(max_examples=300, deadline=None)
def test_spans_cover_and_ascend_with_any_lexicon(lexicon: dict[str, str], parts: list[str]) -> None:
    text = " ".join(parts)
    for language in ("en", "hi", "te", "ml"):
        check_spans(Normaliser(lexicon).normalise(text, language), text)
    check_spans(Normaliser(lexicon).respell(text, "en"), text)
