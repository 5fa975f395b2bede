"""SSML: what is understood, what is refused, and where in the source every spoken character stands."""

from __future__ import annotations

from contextlib import suppress
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.errors import Invalid
from backline.speech.text.ssml import Passage, is_ssml, read_ssml


def read(inside: str) -> list[Passage]:
    return read_ssml(f"<speak>{inside}</speak>")


def texts(inside: str) -> list[str]:
    return [passage.spoken.text for passage in read(inside)]


def test_only_a_text_that_begins_with_speak_is_ssml() -> None:
    assert is_ssml("<speak>Hi</speak>")
    assert is_ssml(' \n<speak version="1.1">Hi</speak>')
    assert is_ssml("<speak/>")
    for text in ("Say <speak>Hi</speak>", "<speaker>Hi</speaker>", "speak", "", "<laugh> Hi"):
        assert not is_ssml(text)


def test_plain_text_is_one_passage() -> None:
    (passage,) = read("Hello &amp; <!-- not this --> goodbye")
    assert passage.spoken.text == "Hello &  goodbye"
    assert (passage.language, passage.speed, passage.verbatim, passage.pause_seconds) == (None, 1.0, False, 0.0)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("<break/>", 0.4),
        ('<break strength="none"/>', 0.0),
        ('<break strength="x-strong"/>', 1.0),
        ('<break time="250ms"/>', 0.25),
        ('<break time="1.5s"/>', 1.5),
        ('<break time="10s"/>', 10.0),
        ('<break time="1s"/><break time="500ms"/>', 1.5),
        ('<break time="1s" strength="weak"/>', 1.0),
    ],
)
def test_breaks_are_as_long_as_they_say(written: str, seconds: float) -> None:
    first, second = read(f"One{written}two")
    assert first.pause_seconds == 0
    assert second.pause_seconds == pytest.approx(seconds)


def test_a_break_at_the_end_is_not_lost() -> None:
    assert [(p.spoken.text, p.pause_seconds) for p in read("One<break time='2s'/>")] == [("One", 0.0), ("", 2.0)]


def test_paragraphs_are_apart_and_the_first_begins_at_once() -> None:
    assert [(p.spoken.text, p.pause_seconds) for p in read("<p>One</p><p><s>Two.</s><s>Three.</s></p>")] == [
        ("One", 0.0),
        ("Two.", 0.4),
        ("Three.", 0.0),
    ]


def test_rates_multiply_and_end_with_their_element() -> None:
    passages = read('a<prosody rate="50%">b<prosody rate="fast">c</prosody></prosody>d')
    assert [passage.speed for passage in passages] == [1.0, 0.5, 0.625, 1.0]


def test_languages_are_inherited_and_end_with_their_element() -> None:
    passages = read_ssml(
        '<speak xml:lang="en-IN">a<lang xml:lang="hi">b<prosody rate="fast">c</prosody></lang>'
        '<s xml:lang="te">d</s>e</speak>'
    )
    assert [passage.language for passage in passages] == ["en-IN", "hi", "hi", "te", "en-IN"]


def test_an_alias_is_spoken_for_what_it_stands_for() -> None:
    (_, alias, _) = read('The <sub alias="World Wide Web Consortium">W3C</sub> meets')
    assert alias.spoken.text == "World Wide Web Consortium"
    assert alias.verbatim
    source = '<speak>The <sub alias="World Wide Web Consortium">W3C</sub> meets</speak>'
    start, end = alias.spoken.source_of(0, 5)
    assert source[start:end] == "W3C"


@pytest.mark.parametrize("how", ["characters", "spell-out"])
def test_characters_are_spelt(how: str) -> None:
    (passage,) = read(f'<say-as interpret-as="{how}">A1&amp;z</say-as>')
    assert passage.spoken.text == "A 1 & z "
    assert passage.verbatim


@pytest.mark.parametrize(
    "inside",
    [
        "<audio src='x'/>",
        "<emphasis>x</emphasis>",
        "<voice name='x'>x</voice>",
        "<phoneme ph='x'>x</phoneme>",
        "<laugh/>",
        "<break length='1s'/>",
        "<break time='11s'/>",
        "<break time='-1s'/>",
        "<break time='soon'/>",
        "<break strength='huge'/>",
        "<break time='6s'/><break time='6s'/>",
        "<prosody pitch='high'>x</prosody>",
        "<prosody rate='500%'>x</prosody>",
        "<prosody rate='+10%'>x</prosody>",
        "<prosody rate='0'>x</prosody>",
        "<say-as interpret-as='date'>x</say-as>",
        "<say-as>x</say-as>",
        "<sub>x</sub>",
        "<sub alias=' '>x</sub>",
        "<sub alias='x'/>",
        "<sub alias='x'>a<break/>b</sub>",
        "<p>",
        "a & b",
        "&unknown;",
        "a < b",
        "</speak><speak>",
        "<?php x ?>",
        "\ufffe",
    ],
)
def test_what_is_not_understood_is_refused_and_not_ignored(inside: str) -> None:
    with pytest.raises(Invalid) as caught:
        read(inside)
    assert caught.value.code == "bad_ssml"


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE speak [<!ENTITY a "b">]><speak>&a;</speak>',
        "<speak><!DOCTYPE x></speak>",
        "<speak>",
        "<speak></speak>more",
        "<speak/><speak/>",
    ],
)
def test_what_is_no_document_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_ssml(text)
    assert caught.value.code == "bad_ssml"


@pytest.mark.parametrize(
    "inside",
    [
        "<canary>x</canary>",
        "<break canary='1'/>",
        "<break time='canary'/>",
        "<prosody rate='canary'/>",
        "canary & x",
        "<say-as interpret-as='canary'>x</say-as>",
        "<?canary x?>",
        "&canary;",
        "<sub canary='x'>y</sub>",
    ],
)
def test_a_refusal_says_where_and_never_what_was_written(inside: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_ssml(f"<speak>\n{inside}</speak>")
    assert "canary" not in caught.value.detail


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(Invalid, match="line 3"):
        read_ssml("<speak>\none\n<emphasis>two</emphasis></speak>")
    with pytest.raises(Invalid, match="line 2"):
        read_ssml("<speak>\n<broken</speak>")


@pytest.mark.parametrize(
    "inside", ["नमस्ते &lt;दुनिया&gt; &#x928;", "a&amp;b", "é &quot;😀&quot;", "<![CDATA[a & b; &lt;]]> c"]
)
def test_every_character_knows_its_place_in_the_source(inside: str) -> None:
    source = f"<speak>{inside}</speak>"
    (passage,) = read_ssml(source)
    for position, character in enumerate(passage.spoken.text):
        start, end = passage.spoken.source_of(position, position + 1)
        written = source[start:end]
        assert written == character or written[0] + written[-1] == "&;", (character, written)


@pytest.mark.slow
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffe\uffff")),
        max_size=6,
    )
)
def test_text_between_elements_comes_out_in_order_with_its_offsets(parts: list[str]) -> None:
    source = "<speak>" + "<break time='1ms'/>".join(escape(part) for part in parts) + "</speak>"
    passages = read_ssml(source)
    assert [p.spoken.text for p in passages if p.spoken.text] == [part for part in parts if part.strip()]
    for passage in passages:
        for span in passage.spoken.spans:
            text, written = passage.spoken.text[span.start : span.end], source[span.source_start : span.source_end]
            assert escape(text) == written


@given(st.text("<>/speakbr p&;=\"'\n", max_size=60))
def test_rubbish_is_refused_and_never_worse(inside: str) -> None:
    with suppress(Invalid):
        read(inside)
