"""Units: what an engine is given, in which order, and where each of its characters came from."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.errors import Invalid
from backline.speech.text.prepare import Preparation, Unit, can_be_said
from backline.speech.text.spans import SpokenText
from backline.speech.text.ssml import Passage, read_ssml


def loud(text: str, language: str) -> SpokenText:
    """A normaliser that anyone can check: every digit becomes a word of its language, the rest stays."""
    word = {"en": "digit", "hi": "अंक"}[language]
    return SpokenText.of_pieces((word if c.isdecimal() else c, i, i + 1) for i, c in enumerate(text))


def units_of(passages: Iterable[Passage], preparation: Preparation) -> list[tuple[Unit, bool]]:
    async def collect() -> list[tuple[Unit, bool]]:
        return [unit async for unit in preparation.units_of(passages)]

    return asyncio.run(collect())


def units(text: str, preparation: Preparation) -> list[Unit]:
    passages = read_ssml(text) if text.startswith("<speak") else [Passage(SpokenText.unchanged(text))]
    return [unit for unit, _ in units_of(passages, preparation)]


def plain(**options: object) -> Preparation:
    return Preparation(
        language="en",
        performed=frozenset({"laugh"}),
        normalise=None,
        max_characters=300,
        **options,  # type: ignore[arg-type]
    )


def test_a_text_becomes_its_sentences_and_the_last_is_known() -> None:
    found = units_of([Passage(SpokenText.unchanged("One. Two. Three."))], plain())
    assert [(unit.spoken.text, last) for unit, last in found] == [("One.", False), ("Two.", False), ("Three.", True)]


def test_without_chunking_it_is_one_unit() -> None:
    assert [unit.spoken.text for unit in units("One. Two.", plain(chunking=False))] == ["One. Two."]


def test_without_chunking_what_is_too_long_is_refused_before_anything_is_spoken() -> None:
    with pytest.raises(Invalid) as caught:
        units("a " * 200, plain(chunking=False))
    assert caught.value.code == "text_too_long"


def test_words_that_grow_beyond_the_limit_are_cut_again_or_refused() -> None:
    def preparation(*, chunking: bool) -> Preparation:
        return Preparation("en", frozenset(), loud, 20, chunking=chunking)

    grown = units("1 2 3 4 5 6 7", preparation(chunking=True))
    assert " ".join(unit.spoken.text for unit in grown) == "digit digit digit digit digit digit digit"
    assert all(len(unit.spoken.text) <= 20 for unit in grown)
    with pytest.raises(Invalid):
        units("1 2 3 4 5 6 7", preparation(chunking=False))


@pytest.mark.parametrize(
    "text", ["...", "?!", "\u200b", "\ufeff \u2066", "[sigh]", "<speak/>", "<speak>.</speak>", "।", "—"]
)
def test_what_cannot_be_said_becomes_no_unit(text: str) -> None:
    assert units(text, plain()) == []


def test_sentences_with_nothing_to_say_are_left_out() -> None:
    assert [unit.spoken.text for unit in units("One. ... ?! Two.", plain())] == ["One.", "Two."]


@pytest.mark.parametrize("character", "a9½अ౧ア€+😀")
def test_letters_digits_and_pictures_can_be_said(character: str) -> None:
    assert can_be_said(character)


def test_a_tag_is_performed_or_gone() -> None:
    assert [unit.spoken.text for unit in units("Hi [laugh] you <sigh>.", plain())] == ["Hi <laugh> you."]


def test_words_are_normalised_in_the_language_that_was_found_or_asked_for() -> None:
    found = Preparation(None, frozenset(), loud, 300)
    assert [(u.spoken.text, u.language) for u in units("It is 5. समय 5 है।", found)] == [
        ("It is digit.", "en"),
        ("समय अंक है।", "hi"),
    ]
    asked = Preparation("hi", frozenset(), loud, 300)
    assert [u.spoken.text for u in units("It is 5.", asked)] == ["It is अंक."]


def test_normalising_can_be_switched_off() -> None:
    assert [unit.spoken.text for unit in units("It is 5.", plain())] == ["It is 5."]


def test_what_is_spelt_or_replaced_is_not_normalised_again() -> None:
    preparation = Preparation("en", frozenset(), loud, 300)
    text = "<speak>5 <say-as interpret-as='characters'>5</say-as><sub alias='5'>five</sub></speak>"
    assert [unit.spoken.text.strip() for unit in units(text, preparation)] == ["digit", "5", "5"]


def test_words_that_a_normaliser_takes_away_leave_no_empty_unit() -> None:
    preparation = Preparation("en", frozenset(), lambda text, _: SpokenText.unchanged(""), 300)
    assert units("Gone.", preparation) == []


def test_pauses_stand_before_the_words_they_were_written_before() -> None:
    text = "<speak>One. Two.<break time='1s'/>Three. Four.<break time='2s'/></speak>"
    assert [(unit.spoken.text, unit.pause_seconds) for unit in units(text, plain())] == [
        ("One.", 0.0),
        ("Two.", 0.0),
        ("Three.", 1.0),
        ("Four.", 0.0),
        ("", 2.0),
    ]


def test_a_pause_before_nothing_to_say_is_kept() -> None:
    text = "<speak>One<break time='1s'/>...<break time='2s'/>Two</speak>"
    assert [unit.pause_seconds for unit in units(text, plain())] == [0.0, 1.0, 2.0]


def test_every_passage_keeps_its_own_manner() -> None:
    text = "<speak>a<prosody rate='50%'>b</prosody><lang xml:lang='te'>c</lang></speak>"
    assert [(unit.speed, unit.language) for unit in units(text, plain())] == [(1.0, "en"), (0.5, "en"), (1.0, "te")]


def test_units_are_made_when_they_are_asked_for() -> None:
    """The first sentence of a book must not wait for the last."""
    normalised: list[str] = []

    def normalise(text: str, _language: str) -> SpokenText:
        normalised.append(text)
        return SpokenText.unchanged(text)

    async def first_unit() -> None:
        preparation = Preparation("en", frozenset(), normalise, 300)
        units = preparation.units_of([Passage(SpokenText.unchanged("A sentence. " * 4000))])
        await anext(units)
        assert preparation.spent_seconds > 0

    asyncio.run(first_unit())
    assert len(normalised) == 2  # the first, and the second to know that it is not the last


@given(st.text(st.sampled_from("ab1 .<>[]!5\nनి।"), max_size=80), st.booleans())
def test_every_letter_of_every_unit_comes_from_its_own_place(text: str, chunking: bool) -> None:
    preparation = Preparation("en", frozenset(), loud, 300, chunking=chunking)
    before = 0
    for unit in units(text, preparation) if not text.startswith("<speak") else []:
        for position, character in enumerate(unit.spoken.text):
            start, end = unit.spoken.source_of(position, position + 1)
            assert before <= end
            source = text[start:end]
            assert source == character or (source.isdecimal() and character in "digit")
            before = start
