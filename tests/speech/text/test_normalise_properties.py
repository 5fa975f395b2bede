"""What holds for every text, whatever it says."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backline.engines.speech.base import EMOTION_TAGS
from backline.speech.text.normalise.normaliser import Normaliser
from backline.speech.text.spans import SpokenText

LANGUAGES = ("en", "en-in", "hi", "te", "ta", "bn")
TAG = re.compile(r"<[a-z_]+>|\[[a-z_]+\]")

languages = st.sampled_from(LANGUAGES)
tags = st.sampled_from([f"<{tag}>" for tag in EMOTION_TAGS] + [f"[{tag}]" for tag in EMOTION_TAGS])
fragments = st.sampled_from(
    "1 12 1,234 3.14 5% ₹500 $5.20 10:30 am pm 25/12/2023 July IV 1/2 kg km/h +91 98765 a@b.com www.x.org #tag "
    "2-5 1980s 3rd Dr. e.g. & @ ½ ° 5वीं बजे रोड में లో వ గంటలకు ₹ Rs. लाख crore 😀 H₂O "
    "१२ ౧౨ - – / : ( ) ' \" \ue000 \uf8ff ſ".split()
)
texts = st.lists(st.one_of(fragments, st.text(max_size=6)), max_size=12).map("".join)
spaced_texts = st.lists(fragments, max_size=12).map(" ".join)
normaliser = Normaliser({"SQL": "sequel"})


def check_spans(spoken: SpokenText, source: str) -> None:
    place = source_place = 0
    for span in spoken.spans:
        assert span.start == place
        assert span.end > span.start
        assert source_place <= span.source_start <= span.source_end <= len(source)
        place, source_place = span.end, span.source_end
    assert place == len(spoken.text)


@given(text=st.one_of(texts, spaced_texts, st.text()), language=languages)
@settings(max_examples=600, deadline=None)
def test_spans_cover_and_ascend_and_nothing_raises(text: str, language: str) -> None:
    check_spans(normaliser.normalise(text, language), text)


@given(text=st.one_of(texts, spaced_texts, st.text()), language=languages)
@settings(max_examples=400, deadline=None)
def test_no_text_is_emptied(text: str, language: str) -> None:
    assert bool(normaliser.normalise(text, language).text.strip()) == bool(text.strip())


@given(parts=st.lists(st.one_of(tags, fragments), max_size=16), language=languages)
@settings(max_examples=400, deadline=None)
def test_tags_come_out_in_the_same_order(parts: list[str], language: str) -> None:
    text = " ".join(parts)
    assert TAG.findall(normaliser.normalise(text, language).text) == TAG.findall(text)


@given(text=st.text(alphabet="abcdefghijklmnopqrstuvwxyz ,;!?\n", max_size=80))
@settings(max_examples=300, deadline=None)
def test_small_letters_and_marks_stay_as_they_are(text: str) -> None:
    words = {"vs", "etc", "tv", "govt", "jan", "feb"}
    if words.isdisjoint(re.findall("[a-z]+", text)):
        assert normaliser.normalise(text, "en").text == text


@pytest.mark.parametrize("language", ["hi", "te"])
@given(words=st.lists(st.sampled_from("यह पानी है मेरा घर బాగుంది నాకు నీళ్లు meeting phone office".split()), max_size=20))
@settings(max_examples=100, deadline=None)
def test_plain_indic_text_and_latin_words_in_it_stay(words: list[str], language: str) -> None:
    text = " ".join(words)
    assert normaliser.normalise(text, language).text == text


@given(n=st.integers(min_value=0, max_value=10**17), language=languages)
@settings(max_examples=300, deadline=None)
def test_a_number_becomes_words_that_read_as_themselves(n: int, language: str) -> None:
    spoken = normaliser.normalise(f"{n:,}", language).text
    assert not any(character.isdigit() for character in spoken)
    assert normaliser.normalise(spoken, language).text == spoken


@given(text=st.text(alphabet="\ue000\ue001\uf8ff5 %<laugh>", max_size=30), language=languages)
@settings(max_examples=200, deadline=None)
def test_private_use_characters_of_the_user_survive(text: str, language: str) -> None:
    spoken = normaliser.normalise(text, language).text
    kept = [character for character in text if "\ue000" <= character <= "\uf8ff"]
    assert [character for character in spoken if "\ue000" <= character <= "\uf8ff"] == kept
