"""Numerals keep the shape of their system over their whole range."""

from __future__ import annotations

import pytest

from backline.speech.text.normalise.languages.english_numerals import EnglishNumerals
from backline.speech.text.normalise.languages.hi import NUMERALS as HINDI
from backline.speech.text.normalise.languages.hindi_tables import BELOW_HUNDRED, SCALES
from backline.speech.text.normalise.languages.telugu_numerals import TeluguNumerals, ordinal_of

TELUGU = TeluguNumerals()
ENGLISH = EnglishNumerals(indian=False)


def test_hindi_has_a_name_of_its_own_below_a_hundred() -> None:
    assert len(BELOW_HUNDRED) == len(set(BELOW_HUNDRED)) == 100


@pytest.mark.parametrize(("value", "name"), SCALES)
def test_hindi_names_every_scale(value: int, name: str) -> None:
    assert HINDI.cardinal(value) == f"एक {name}"
    assert HINDI.cardinal(value + 1) == f"एक {name} एक"
    assert HINDI.cardinal(99 * value).startswith("निन्यानबे")


@pytest.mark.parametrize("numerals", [HINDI, TELUGU, ENGLISH], ids=["hi", "te", "en"])
def test_no_two_numbers_share_their_words(numerals: EnglishNumerals) -> None:
    said = [numerals.cardinal(n) for n in range(20_000)]
    assert len(set(said)) == len(said)


def test_telugu_joins_by_oblique_forms() -> None:
    for n in range(1, 100_000, 7):
        words = TELUGU.cardinal(n).split()
        assert not any(word in ("వందలు", "వేలు", "లక్షలు") for word in words[:-1])
        assert not any(word in ("వందల", "వేల", "లక్షల", "నూట", "ఒక్క", "ఒక") for word in words[-1:])


def test_telugu_counts_with_adjectives() -> None:
    assert [TELUGU.counted(n) for n in (1, 11, 21, 101, 200, 1000, 3000)] == [
        "ఒక",
        "పదకొండు",
        "ఇరవై ఒక్క",
        "నూట ఒక్క",
        "రెండు వందల",
        "వెయ్యి",
        "మూడు వేల",
    ]


@pytest.mark.parametrize(("words", "ordinal"), [("పది", "పదవ"), ("ఇరవై", "ఇరవయ్యవ"), ("వంద", "వందవ"), ("రెండు", "రెండవ")])
def test_telugu_ordinals_change_the_last_vowel(words: str, ordinal: str) -> None:
    assert ordinal_of(words) == ordinal


def test_english_says_and_before_the_last_two_digits_only() -> None:
    assert ENGLISH.cardinal(123_456_789) == (
        "one hundred twenty three million four hundred fifty six thousand seven hundred and eighty nine"
    )
    assert ENGLISH.cardinal(1_000_005) == "one million five"
    assert ENGLISH.ordinal(121) == "one hundred twenty first"


@pytest.mark.parametrize(
    ("n", "spoken"),
    [
        (1905, "nineteen oh five"),
        (1900, "nineteen hundred"),
        (2000, "two thousand"),
        (2010, "twenty ten"),
        (340, "three forty"),
    ],
)
def test_english_years(n: int, spoken: str) -> None:
    assert ENGLISH.year(n) == spoken
