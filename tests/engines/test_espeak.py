"""What is special to espeak: who is heard, what is understood, and where the words stand."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("espeakng_loader", reason="pip install 'backline[espeak]'")
import espeakng_loader

from backline.engines.speech.base import SpeechParams
from backline.engines.speech.espeak import EspeakEngine
from backline.engines.speech.espeak_library import EspeakLibrary, Prosody
from backline.errors import Failed
from tests.engines.listening import Heard, listen, pitch_hz

ENGLISH = "The quick brown fox jumps over the lazy dog near the river bank today."
LONG_TEXT = "The quick brown fox jumps over the lazy dog. " * 40


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.close()


def spoken(text: str, heard: Heard) -> list[str]:
    return [text[word.source_start : word.source_end] for word in heard.words]


def test_it_names_the_library_that_speaks(engine: EspeakEngine) -> None:
    assert re.fullmatch(r"espeak-ng-\d+\.\d+[0-9.]*", engine.capabilities().model_version)
    assert engine.capabilities().rate_hz == 22_050


@pytest.mark.parametrize(
    ("language", "text"), [("en", ENGLISH), ("hi", "आज मौसम बहुत अच्छा है।"), ("te", "ఈరోజు వాతావరణం బాగుంది.")]
)
def test_speakers_are_as_high_as_they_are_called(engine: EspeakEngine, language: str, text: str) -> None:
    for voice in engine.capabilities().voices:
        heard = listen(engine, text, language=language, voice=voice.id)
        found, voiced = pitch_hz(heard.samples, heard.rate_hz)
        if voice.id == "whisper":
            assert voiced < 0.2
        else:
            lowest, highest = (70, 125) if voice.id.startswith("male") else (165, 260)
            assert lowest < found < highest, voice.id
            assert voiced > 0.5, voice.id


def test_speakers_are_about_equally_loud(engine: EspeakEngine) -> None:
    levels = [listen(engine, ENGLISH, voice=voice.id).loudness for voice in engine.capabilities().voices]
    assert max(levels) < 1.6 * min(levels)


def test_speech_begins_and_ends_without_a_wait(engine: EspeakEngine) -> None:
    for language, text in (("en", ENGLISH), ("hi", "आज मौसम बहुत अच्छा है।"), ("kok", "आज हवामान खूब बरें आसा.")):
        heard = listen(engine, text, language=language)
        audible = np.flatnonzero(np.abs(heard.samples) > 0.003)
        assert audible[0] / heard.rate_hz < 0.06
        assert (len(heard.samples) - audible[-1]) / heard.rate_hz < 0.06


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("hi", "क्षमा करें, हिन्दी में!", ["क्षमा", "करें", "हिन्दी", "में"]),
        ("te", "క్షమించండి, మీరు ఎలా ఉన్నారు?", ["క్షమించండి", "మీరు", "ఎలా", "ఉన్నారు"]),
        ("en", "Hi 🙂 there, 👨‍👩‍👧 cafe\u0301 x", ["Hi", "🙂", "there", "👨‍👩‍👧", "cafe\u0301", "x"]),
        ("en", "It's the dog’s, don't ask.", ["It's", "the", "dog’s", "don't", "ask"]),
        ("en", "Pay ₹1,23,456.50 at 10:30 now", ["Pay", "₹1,23,456.50", "at", "10:30", "now"]),
        ("hi", "कुल 1,23,456 रुपये", ["कुल", "1,23,456", "रुपये"]),
    ],
)
def test_words_stand_where_the_text_has_them(engine: EspeakEngine, language: str, text: str, words: list[str]) -> None:
    assert spoken(text, listen(engine, text, language=language)) == words


def test_a_word_lasts_until_the_next_and_the_last_until_the_end(engine: EspeakEngine) -> None:
    heard = listen(engine, ENGLISH)
    ends = [word.end_s for word in heard.words]
    assert ends == [word.start_s for word in heard.words[1:]] + [heard.seconds]


def test_a_word_is_heard_where_its_time_says(engine: EspeakEngine) -> None:
    heard = listen(engine, "papa, papa, papa")
    for word in heard.words[1:]:
        at = round(word.start_s * heard.rate_hz)
        before = heard.samples[at - 1_300 : at]  # the pause that the comma makes
        after = heard.samples[at : at + 4_000]
        assert np.abs(before).max() < 0.02 < 0.1 < np.abs(after).max()


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("\x01400S hello there my friend", " 400S hello there my friend"),
        ("a <break time='9s'/> b", "a < break time='9s'/ > b"),
        ("[[h@l'oU w'3:ld]]", "[ [h@l'oU w'3:ld] ]"),
    ],
)
def test_markup_of_the_library_is_only_text(engine: EspeakEngine, marked: str, plain: str) -> None:
    assert listen(engine, marked).seconds == pytest.approx(listen(engine, plain).seconds, rel=0.1)


def test_a_word_without_end_is_said_to_its_end(engine: EspeakEngine) -> None:
    for language, part in (("en", "ab"), ("hi", "कम"), ("en", "9"), ("en", "🙂")):
        half, whole = (listen(engine, part * count, language=language) for count in (108, 216))
        assert whole.seconds == pytest.approx(2 * half.seconds, rel=0.15), part
    text = "ab" * 100 + " end"
    assert spoken(text, listen(engine, text)) == ["ab" * 100, "end"]


def test_a_whisper_has_no_pitch(engine: EspeakEngine) -> None:
    for voice in ("male-1", "female-1"):
        heard = listen(engine, ENGLISH, voice=voice, emotion="whisper")
        assert pitch_hz(heard.samples, heard.rate_hz)[1] < 0.2


def test_excitement_is_higher_faster_and_louder(engine: EspeakEngine) -> None:
    for voice in ("male-1", "female-1"):
        calm, excited = listen(engine, ENGLISH, voice=voice), listen(engine, ENGLISH, voice=voice, emotion="excited")
        assert pitch_hz(excited.samples, 22_050)[0] > 1.15 * pitch_hz(calm.samples, 22_050)[0]
        assert excited.seconds < 0.93 * calm.seconds
        assert excited.loudness > 1.1 * calm.loudness


def test_anger_is_louder_and_faster_but_not_higher(engine: EspeakEngine) -> None:
    for voice in ("male-1", "female-1"):
        calm, angry = listen(engine, ENGLISH, voice=voice), listen(engine, ENGLISH, voice=voice, emotion="angry")
        assert pitch_hz(angry.samples, 22_050)[0] < 1.02 * pitch_hz(calm.samples, 22_050)[0]
        assert angry.seconds < 0.96 * calm.seconds
        assert angry.loudness > 1.15 * calm.loudness


def test_a_tag_holds_from_where_it_stands(engine: EspeakEngine) -> None:
    text = "Come nearer to me now my friend. <whisper> Nobody must ever hear what we are saying."
    heard = listen(engine, text)
    assert spoken(text, heard) == re.findall(r"\w+", text.replace("<whisper>", ""))
    turn = round(next(word.start_s for word in heard.words if text[word.source_start :].startswith("Nobody")) * 22_050)
    assert pitch_hz(heard.samples[:turn], 22_050)[1] > 0.5
    assert pitch_hz(heard.samples[turn:], 22_050)[1] < 0.2


def test_a_listener_who_stops_listening_stops_the_library(engine: EspeakEngine) -> None:
    blocks = engine.synthesize(LONG_TEXT, engine.open("male-1"), SpeechParams("en"), threading.Event())
    first = next(blocks)
    assert 0 < len(first.samples) < 22_050
    blocks.close()
    assert spoken(ENGLISH, listen(engine, ENGLISH))[0] == "The"
    assert all(thread.name != "espeak" for thread in threading.enumerate())


def test_instances_do_not_disturb_each_other(engine: EspeakEngine) -> None:
    alone = listen(engine, ENGLISH).seconds
    other = EspeakEngine()
    slow = other.synthesize(LONG_TEXT, other.open("female-1"), SpeechParams("hi", speed=0.5), threading.Event())
    next(slow)
    assert listen(engine, ENGLISH).seconds == pytest.approx(alone, rel=0.02)
    slow.close()
    other.close()
    assert listen(engine, ENGLISH).seconds == pytest.approx(alone, rel=0.02)


def test_the_data_may_lie_deep(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 120) / ("b" * 120)
    deep.mkdir(parents=True)
    (deep / "data").symlink_to(espeakng_loader.get_data_path())
    library = EspeakLibrary(espeakng_loader.get_library_path(), str(deep / "data"))
    library.select("te+f5", Prosody())
    assert library.rate_hz == 22_050
    library.close()


def test_data_that_is_not_there_is_a_failure_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="data"):
        EspeakLibrary(espeakng_loader.get_library_path(), str(tmp_path))
