"""Words and outlines as they come over the WebSocket: tied to the user's own characters, however these arrive."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.conftest import Running
from tests.speech.talker import Spoken, talking

TEXT = (
    "  Dr. Rao paid 3.50 dollars 🎵 at 5 p.m. Really? <laugh> Yes! नमस्ते दुनिया। आप कैसे हैं? "
    "నమస్కారం, ఎలా ఉన్నారు? [sigh] It was <b>bold</b>, and it ended\n\nwithout a mark"
)

SSML = (
    '<speak>One &amp; two. <break time="300ms"/><prosody rate="slow">Slowly now.</prosody> '
    '<sub alias="World Wide Web">WWW</sub> नमस्ते दुनिया।</speak>'
)


async def speak(server: Running, *pieces: str, **config: object) -> Spoken:
    async with talking(server, **config) as talker:
        await talker.say(*pieces)
        await talker.send("input.done")
        spoken = await talker.hear()
        await talker.end()
    return spoken


def divisions(text: str) -> list[list[str]]:
    """Letter by letter, word by word with the blanks on either side, and at random, sometimes with empty pieces."""
    chooser = random.Random(7)
    cuts = [sorted(chooser.choices(range(len(text) + 1), k=chooser.randrange(1, 40))) for _ in range(12)]
    at_random = [[text[begin:end] for begin, end in zip([0, *ends], [*ends, len(text)], strict=True)] for ends in cuts]
    words = text.split(" ")
    return [
        list(text),
        [f"{word} " for word in words[:-1]] + words[-1:],
        words[:1] + [f" {word}" for word in words[1:]],
        *at_random,
    ]


@pytest.mark.parametrize("text", [TEXT, SSML], ids=["prose", "SSML"])
async def test_any_division_of_the_text_gives_the_same_words_and_sound(server: Running, text: str) -> None:
    whole = await speak(server, text, voice="tone-low", format="pcm")
    assert whole.words
    for pieces in divisions(text):
        assert "".join(pieces) == text
        divided = await speak(server, *pieces, voice="tone-low", format="pcm")
        assert divided.words == whole.words
        assert divided.done["audio_seconds"] == whole.done["audio_seconds"]


async def test_a_text_that_only_looks_like_ssml_at_first_is_text(server: Running) -> None:
    for text, shown in (("< x", "x"), ("<spex", "spex"), ("<speaker> is no tag", "speaker"), ("<speak", "speak")):
        spoken = await speak(server, *text, voice="tone-low")
        _, start, end = spoken.said[0]
        assert text[start:end] == shown


async def test_ssml_that_cannot_be_read_is_an_error(server: Running) -> None:
    async with talking(server, voice="tone-low") as talker:
        await talker.say("<speak>One <blink>", "two</blink></speak>")
        await talker.send("input.flush")
        assert (await talker.refused())["code"] == "bad_ssml"
        await talker.say("<speak>One</speak>")
        await talker.send("input.done")
        assert [word["text"] for word in (await talker.hear()).words] == ["One"]


@pytest.mark.parametrize("voice", ["tone-low", None], ids=["tone", "espeak"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Good morning, world.", ["Good", "morning", "world"]),
        ("नमस्ते दुनिया। आप कैसे हैं?", ["नमस्ते", "दुनिया", "आप", "कैसे", "हैं"]),
        ("నమస్కారం, ఎలా ఉన్నారు?", ["నమస్కారం", "ఎలా", "ఉన్నారు"]),
        ("Hello <giggle> there. Well, [sing] bye.", ["Hello", "there", "Well", "bye"]),
        ("<speak>Fish &amp; chips. <s>Good</s> &#x928;&#x92E;</speak>", None),
        ("  \n Leading blanks. ", ["Leading", "blanks"]),
    ],
    ids=["English", "Hindi", "Telugu", "tags", "SSML", "blanks"],
)
async def test_words_point_at_the_users_own_characters(
    server: Running, voice: str | None, text: str, words: list[str] | None
) -> None:
    spoken = await speak(server, text, voice=voice, normalize=False)
    shown = [text[start:end] for _, start, end in spoken.said]
    if words is not None:
        assert shown == words
    else:
        assert {"Fish", "chips", "Good"} <= set(shown)
        assert "&#x928;&#x92E;" in shown


@pytest.mark.parametrize("voice", ["tone-low", None], ids=["tone", "espeak"])
async def test_an_emoji_before_a_word_counts_as_one_character(server: Running, voice: str | None) -> None:
    text = "🎵👩‍👩‍👧 music 🎶 plays"
    spoken = await speak(server, text, voice=voice, normalize=False)
    shown = [text[start:end] for _, start, end in spoken.said]
    assert [word for word in shown if word.isascii()] == ["music", "plays"]


@pytest.mark.parametrize("voice", ["tone-low", None], ids=["tone", "espeak"])
async def test_words_ascend_and_lie_inside_the_sound(server: Running, voice: str | None) -> None:
    spoken = await speak(server, TEXT, voice=voice)
    starts = [word["start_s"] for word in spoken.words]
    places = [word["source_start"] for word in spoken.words]
    assert len(starts) > 15
    assert starts == sorted(starts)
    assert places == sorted(places)
    for word in spoken.words:
        assert set(word) == {"type", "text", "start_s", "end_s", "source_start", "source_end"}
        assert 0 <= word["start_s"] <= word["end_s"] <= spoken.done["audio_seconds"] + 0.001
        assert 0 <= word["source_start"] < word["source_end"] <= len(TEXT)
        assert word["text"].strip()


async def test_words_stand_where_they_are_heard(server: Running) -> None:
    """A tone rests between two words: there is sound inside each, and none just before the first of a pair."""
    spoken = await speak(server, "Alpha beta gamma", voice="tone-low", format="wav")
    sound, rate_hz = spoken.decoded()
    for word in spoken.words:
        inside = sound[round(word["start_s"] * rate_hz) : round(word["end_s"] * rate_hz)]
        assert np.abs(inside).max() > 0.2
    for word in spoken.words[1:]:
        before = sound[round((word["start_s"] - 0.06) * rate_hz) : round(word["start_s"] * rate_hz)]
        assert np.abs(before).max() < 0.01


async def test_peaks_only_when_asked_for(server: Running) -> None:
    assert not (await speak(server, "Hello there.", voice="tone-low")).peaks


@pytest.mark.parametrize("voice", ["tone-low", None], ids=["tone", "espeak"])
@pytest.mark.parametrize("audio_format", ["wav", "opus"])
async def test_peaks_outline_the_sound(server: Running, voice: str | None, audio_format: str) -> None:
    spoken = await speak(server, "Hello there. How are you today?", voice=voice, format=audio_format, peaks=True)
    values = [value for part in spoken.peaks for value in part["values"]]
    step_s = spoken.peaks[0]["step_s"]
    assert all(set(part) == {"type", "start_s", "step_s", "values"} for part in spoken.peaks)
    assert len(values) == pytest.approx(spoken.done["audio_seconds"] / step_s, abs=1)
    at = 0
    for part in spoken.peaks:
        assert part["start_s"] == pytest.approx(at * step_s, abs=0.001)
        at += len(part["values"])
    assert all(0 <= value <= 1 for value in values)
    if audio_format == "wav":
        sound, rate_hz = spoken.decoded()
        step = round(step_s * rate_hz)
        heard = [float(np.abs(sound[at : at + step]).max()) for at in range(0, len(sound), step)][: len(values)]
        np.testing.assert_allclose(values, heard, atol=0.002)
