"""Where sentences end, and the laws that cutting keeps on any text."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.speech.text.sentences import SentenceCutter, cut

PIECES = (
    "a B क ి ् 12 1 I no Dr U.S e.g etc जी రూ 😀 <laugh> www.x.com . .. । ॥ ? ! … \" ' ” ) ( , ; : - — \u200d \u0300"
).split()
TEXTS = st.lists(
    st.one_of(st.sampled_from([*PIECES, " ", "  ", "\n", "\n\n", "\t"]), st.characters()), max_size=80
).map("".join)
LIMITS = st.integers(1, 40)


def sentences(text: str, max_characters: int = 300) -> list[str]:
    return [text[start:end] for start, end in cut(text, max_characters)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four… Five", ["One.", "Two!", "Three?", "Four…", "Five"]),
        ("राम आया। सीता गई॥ कौन?", ["राम आया।", "सीता गई॥", "कौन?"]),
        ("राम आया।सीता गई।", ["राम आया।", "सीता गई।"]),  # no space is needed after a danda
        ("నేను వచ్చాను. మీరు ఎవరు?", ["నేను వచ్చాను.", "మీరు ఎవరు?"]),
        ("کیا؟ ہاں۔ اچھا", ["کیا؟", "ہاں۔", "اچھا"]),
        ("Dr. Rao met Mr. Iyer. They talked.", ["Dr. Rao met Mr. Iyer.", "They talked."]),
        ("डॉ. राव आए। वे बैठे।", ["डॉ. राव आए।", "वे बैठे।"]),
        ("డా. రావు వచ్చారు. కూర్చున్నారు.", ["డా. రావు వచ్చారు.", "కూర్చున్నారు."]),
        ("It costs Rs. 500. Pay.", ["It costs Rs. 500.", "Pay."]),
        ("See fig. 3 and no. 7. He said no. Then he left.", ["See fig. 3 and no. 7.", "He said no.", "Then he left."]),
        ("A. R. Rahman sang. So did I. We clapped.", ["A. R. Rahman sang.", "So did I.", "We clapped."]),
        ("In the U.S. it rains. At 5 p.m. we left.", ["In the U.S. it rains.", "At 5 p.m. we left."]),
        ("He lives in the U.S. She does not.", ["He lives in the U.S.", "She does not."]),
        ("Apples, pears, etc. are fruit. Etc.", ["Apples, pears, etc. are fruit.", "Etc."]),
        ("Pi is 3.14. Version 1.2.3 is out.", ["Pi is 3.14.", "Version 1.2.3 is out."]),
        ("1. Begin here. 2. Go on.", ["1. Begin here.", "2. Go on."]),
        ("Open https://example.com/a.b?c=d. Then read.", ["Open https://example.com/a.b?c=d.", "Then read."]),
        ("Write to a.b@example.com. Now.", ["Write to a.b@example.com.", "Now."]),
        ('He said "Go." Then (he left.) She stayed.', ['He said "Go."', "Then (he left.)", "She stayed."]),
        ("“Stop!” he cried. “Why?”", ["“Stop!”", "he cried.", "“Why?”"]),
        ("wait... what? Really?!", ["wait... what?", "Really?!"]),
        ("A title\n\nA text\nof two lines\n \nEnd", ["A title", "A text\nof two lines", "End"]),
        ("  \n one \n ", ["one"]),
        ("", []),
        (" \n\t ", []),
        ("...", ["..."]),
    ],
)
def test_prose_is_cut_as_a_reader_would(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


def test_a_long_sentence_is_cut_at_a_clause_then_at_a_blank_then_between_letters() -> None:
    assert sentences("aaaa bbbb cccc, dddd eeee", 20) == ["aaaa bbbb cccc,", "dddd eeee"]
    assert sentences("aaaa bbbb cccc dddd eeee", 20) == ["aaaa bbbb cccc dddd", "eeee"]
    assert sentences("a" * 45, 20) == ["a" * 20, "a" * 20, "a" * 5]


def test_a_letter_keeps_its_marks() -> None:
    """A vowel sign, a virama or a joiner that begins a unit would be read without its letter."""
    for cluster in ("क्षि", "త్రి", "👩\u200d🚀"):
        units = sentences(cluster * 30, 14)
        assert "".join(units) == cluster * 30
        assert all(unit[0] == cluster[0] for unit in units)


@given(TEXTS, LIMITS)
def test_sentences_are_in_order_cover_all_that_is_not_blank_and_keep_the_limit(text: str, limit: int) -> None:
    at = 0
    for start, end in cut(text, limit):
        assert not text[at:start].strip()
        assert 0 < end - start <= limit
        assert text[start:end] == text[start:end].strip()
        at = end
    assert not text[at:].strip()


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8), LIMITS)
def test_any_division_into_pushes_gives_the_same_sentences(text: str, divisions: list[int], limit: int) -> None:
    edges = [0, *sorted(min(edge, len(text)) for edge in divisions), len(text)]
    cutter = SentenceCutter(limit)
    given_out = [one for start, end in pairwise(edges) for one in cutter.push(text[start:end])]
    given_out += cutter.flush()
    assert given_out == [(text[start:end], start) for start, end in cut(text, limit)]
    assert cutter.waiting_characters == 0


@given(TEXTS, LIMITS)
def test_text_that_comes_letter_by_letter_is_cut_alike(text: str, limit: int) -> None:
    cutter = SentenceCutter(limit)
    given_out = [one for character in text for one in cutter.push(character)] + cutter.flush()
    assert given_out == [(text[start:end], start) for start, end in cut(text, limit)]


def test_what_follows_a_forced_break_is_read_alone() -> None:
    """Found by the law above: `12.` after a break looked like a list number to the cutter and like a word to `cut`."""
    text = "word " * 60 + "12. Next"
    cutter = SentenceCutter()
    given_out = [sentence for character in text for sentence, _ in cutter.push(character)]
    assert given_out + [sentence for sentence, _ in cutter.flush()] == sentences(text)


def test_a_sentence_is_given_out_with_the_first_letter_of_the_next() -> None:
    cutter = SentenceCutter()
    assert cutter.push("Hello there.") == []
    assert cutter.push(" ") == []
    assert cutter.push("H") == [("Hello there.", 0)]
    assert cutter.waiting_characters == 1
    assert cutter.flush() == [("H", 13)]
    assert cutter.push("Again. B") == [("Again.", 0)]  # positions begin anew after a flush


@pytest.mark.parametrize(
    "unit",
    [
        ". ",
        "a. ",
        "a 1. ",
        "1. ",
        "U.S. ",
        "Dr. ",
        "\n",
        "\n ",
        "x",
        "। ",
        "(",
        ")",
        '."',
        "a.b ",
        "<",
        " ",
        "\u093f",
        ", ",
    ],
)
def test_cutting_any_flood_costs_the_same_for_each_character(unit: str) -> None:
    """Counted in executed lines, not in time: ten times the text may cost ten times as much, not a hundred."""
    small, large = (_lines_executed((unit * 50_000)[:length]) for length in (5_000, 50_000))
    assert large < 15 * small + 1000


def test_blanks_sent_one_by_one_cost_nothing() -> None:
    cutter = SentenceCutter()
    cutter.push("a")
    for _ in range(20_000):
        assert cutter.push(" ") == []
    assert cutter.push("b") == [("a", 0)]


def _lines_executed(text: str) -> int:
    count = 0

    def trace(_frame: object, event: str, _argument: object) -> object:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]
    try:
        for _ in cut(text):
            pass
    finally:
        sys.settrace(before)
    return count
