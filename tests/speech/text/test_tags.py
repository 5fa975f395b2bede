"""Emotion tags: found in both spellings, performed or gone, and never anything else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.engines.speech.base import EMOTION_TAGS
from backline.speech.text.spans import SpokenText
from backline.speech.text.tags import settle_tags

ALL = frozenset(EMOTION_TAGS)
NONE: frozenset[str] = frozenset()


def settled(text: str, performed: frozenset[str]) -> str:
    return settle_tags(SpokenText.unchanged(text), performed).text


@pytest.mark.parametrize("tag", EMOTION_TAGS)
@pytest.mark.parametrize("written", ["<{}>", "[{}]", "<{}/>", "< {} >", "[ {} ]"])
def test_every_tag_is_found_in_every_spelling(tag: str, written: str) -> None:
    text = f"So {written.format(tag)} then"
    assert settled(text, ALL) == f"So <{tag}> then"
    assert settled(text.replace(tag, tag.upper()), ALL) == f"So <{tag}> then"
    assert settled(text, NONE) == "So then"


@pytest.mark.parametrize(
    "text", ["a < b > c", "<happy>", "[see 3]", "<laugh", "laugh>", "<laughs>", "[laugh}", "x<y", ""]
)
def test_what_is_no_known_tag_is_text(text: str) -> None:
    assert settled(text, ALL) == settled(text, NONE) == text


def test_one_that_the_engine_lacks_is_gone_and_the_other_stays() -> None:
    assert settled("Oh <sigh> well <laugh>.", frozenset({"laugh"})) == "Oh well <laugh>."
    assert settled("<sigh> Hello", NONE) == " Hello"


def test_what_is_left_still_knows_where_it_came_from() -> None:
    text = "Oh [sigh] my [laugh] word"
    spoken = settle_tags(SpokenText.unchanged(text, 100), frozenset({"laugh"}))
    assert spoken.text == "Oh my <laugh> word"
    for word in ("Oh", "my", "word"):
        at = spoken.text.index(word)
        start, end = spoken.source_of(at, at + len(word))
        assert text[start - 100 : end - 100] == word
    at = spoken.text.index("<laugh>")
    start, end = spoken.source_of(at, at + len("<laugh>"))
    assert text[start - 100 : end - 100] == "[laugh]"


@given(
    st.lists(
        st.one_of(st.sampled_from([f"<{tag}>" for tag in EMOTION_TAGS]), st.text("ab .<>[]", max_size=6)), max_size=12
    )
)
def test_tags_out_are_tags_in_in_the_same_order(pieces: list[str]) -> None:
    """Of an engine that performs all of them; and none is left for one that performs none."""
    text = "|".join(pieces)
    known = re.compile(f"<(?:{'|'.join(EMOTION_TAGS)})>")
    assert known.findall(settled(text, ALL)) == known.findall(text)
    assert not known.findall(settled(text, NONE))
    assert settled(text, NONE).replace(" ", "") == known.sub("", text).replace(" ", "")
