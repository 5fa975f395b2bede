"""What every speech engine of the catalogue keeps (backline/engines/speech/base.py)."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pytest

from backline.engines.catalog import CATALOG, EngineEntry, EngineKind
from backline.engines.speech.base import EMOTION_TAGS, SpeechEngine, SpeechParams, SpeechState
from backline.errors import Invalid
from tests.engines.listening import listen

SENTENCES = {
    "en": "The weather is very good today.",
    "hi": "आज मौसम बहुत अच्छा है।",
    "te": "ఈరోజు వాతావరణం చాలా బాగుంది.",
    "ta": "இன்று வானிலை மிகவும் நன்றாக இருக்கிறது.",
    "bn": "আজ আবহাওয়া খুব ভালো, আমরা বাইরে যাব।",
    "mr": "आज हवामान खूप छान आहे.",
    "gu": "આજે હવામાન ખૂબ સારું છે.",
    "kn": "ಇಂದು ಹವಾಮಾನ ತುಂಬಾ ಚೆನ್ನಾಗಿದೆ.",
    "ml": "ഇന്ന് കാലാവസ്ഥ വളരെ നല്ലതാണ്.",
    "pa": "ਅੱਜ ਮੌਸਮ ਬਹੁਤ ਚੰਗਾ ਹੈ।",
    "or": "ଆଜି ପାଗ ବହୁତ ଭଲ ଅଛି।",
    "as": "আজি বতৰ বহুত ভাল।",
    "ur": "آج موسم بہت اچھا ہے۔",
    "ne": "आज मौसम धेरै राम्रो छ।",
    "kok": "आज हवामान खूब बरें आसा.",
    "sd": "اڄ موسم تمام سٺي آهي.",
    "si": "අද කාලගුණය ඉතා හොඳයි.",
    "bpy": "আজি আবহাওয়া হবা।",
}
LONG_TEXT = "The quick brown fox jumps over the lazy dog. " * 30
HOSTILE_TEXTS = {
    "emoji": "Hi 🙂🙂 there 👨‍👩‍👧 🇮🇳 ok",
    "angle brackets": "<" * 500,
    "markup": '<speak><break time="20s"/>Hello</speak> &lt; <mark name="x"/>',
    "phonemes": "[[h@l'oU]]",
    "zero width": "zero\u200bwidth\u200d \u2060 \ufeff text \u202e turned",
    "mixed scripts": "Hello नमस्ते నమస్కారం مرحبا 你好 привет",
    "controls": "bell \x07 escape \x1b[31m start \x01 50p end",
    "a lone surrogate": "half \ud83d a pair",
    "private use": "\ue000 \uf8ff words \U000f0000",
    "one long word": "a" * 1_500,
    "digits": "9" * 1_500,
    "marks": "a" + "\u0301" * 500,
    "line ends": "one\r\n\r\n\ttwo\u2028three\x85four",
    "unknown tags": "<nosuch> [laugh] <laugh_harder>",
}
SECRET = "xylophone"


@pytest.fixture(
    scope="module", params=[entry for entry in CATALOG if entry.kind is EngineKind.SPEECH], ids=lambda entry: entry.name
)
def engine(request: pytest.FixtureRequest) -> Iterator[SpeechEngine]:
    entry: EngineEntry = request.param
    if not entry.installed:
        reason = f"{entry.name} is not installed: {entry.install_command}"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    loaded: SpeechEngine = entry.load()
    yield loaded
    loaded.close()


def test_capabilities_are_coherent(engine: SpeechEngine) -> None:
    capabilities = engine.capabilities()
    codes = [language.code for language in capabilities.languages]
    slowest, fastest = capabilities.speed_range
    assert capabilities.rate_hz > 0
    assert capabilities.max_characters >= 100
    assert 0 < slowest <= 1 <= fastest
    assert capabilities.model_version
    assert capabilities.emotions <= set(EMOTION_TAGS)
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", code) for code in codes)
    assert capabilities.voices
    for voice in capabilities.voices:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", voice.id)
        assert voice.languages
        assert set(voice.languages) <= set(codes)


def test_voice_ids_are_unique_over_all_engines(engine: SpeechEngine) -> None:
    ids = [voice.id for voice in engine.capabilities().voices]
    for entry in CATALOG:
        if entry.kind is EngineKind.SPEECH and entry.installed:
            other: SpeechEngine = entry.load()
            if type(other) is not type(engine):
                ids += [voice.id for voice in other.capabilities().voices]
            other.close()
    assert len(set(ids)) == len(ids)


def test_every_language_is_spoken_in_its_own_script(engine: SpeechEngine) -> None:
    for language in engine.capabilities().languages:
        heard = listen(engine, SENTENCES[language.code.split("-")[0]], language=language.code)
        assert heard.loudness > 0.01, language.code
        assert heard.samples.dtype == np.float32
        assert heard.samples.shape[1:] == (1,)
        assert np.all(np.isfinite(heard.samples))
        assert np.max(np.abs(heard.samples)) <= 1.0


def test_every_voice_is_heard(engine: SpeechEngine) -> None:
    for voice in engine.capabilities().voices:
        assert listen(engine, SENTENCES["en"], voice=voice.id).loudness > 0.01, voice.id


def test_words_are_timed_in_order_and_lie_inside_text_and_sound(engine: SpeechEngine) -> None:
    if not engine.capabilities().word_timing:
        pytest.skip("this engine does not time words")
    for language in engine.capabilities().languages:
        text = SENTENCES[language.code.split("-")[0]]
        heard = listen(engine, text, language=language.code)
        assert [text[word.source_start : word.source_end] for word in heard.words] == [
            word.strip(".,।۔") for word in text.split()
        ], language.code
        for word in heard.words:
            assert 0 <= word.start_s <= word.end_s <= heard.seconds
        for before, after in zip(heard.words, heard.words[1:], strict=False):
            assert before.end_s <= after.start_s


def test_a_state_that_went_through_json_speaks_alike(engine: SpeechEngine) -> None:
    kept = engine.open(engine.capabilities().voices[0].id)
    first = listen(engine, "The first unit of a book.", state=kept)
    sent = SpeechState(**json.loads(json.dumps(asdict(kept))))
    assert sent == kept
    by_kept, by_sent = (listen(engine, SENTENCES["en"], state=state) for state in (kept, sent))
    assert first.loudness > 0.01
    assert by_sent.seconds == pytest.approx(by_kept.seconds, rel=0.02)
    assert by_sent.loudness == pytest.approx(by_kept.loudness, rel=0.1)


def test_one_state_serves_many_units(engine: SpeechEngine) -> None:
    state = engine.open(engine.capabilities().voices[-1].id)
    for language in engine.capabilities().languages[:6]:
        text = SENTENCES[language.code.split("-")[0]]
        assert listen(engine, text, language=language.code, state=state).loudness > 0.01


def test_a_unit_cancelled_before_it_begins_is_not_spoken(engine: SpeechEngine) -> None:
    cancel = threading.Event()
    cancel.set()
    assert listen(engine, LONG_TEXT, cancel=cancel).seconds < 1


def test_cancelling_stops_long_before_the_end(engine: SpeechEngine) -> None:
    whole = listen(engine, LONG_TEXT).seconds
    cancel = threading.Event()
    state = engine.open(engine.capabilities().voices[0].id)
    seconds = 0.0
    for block in engine.synthesize(LONG_TEXT, state, SpeechParams("en"), cancel):
        seconds += len(block.samples) / engine.capabilities().rate_hz
        cancel.set()
    assert whole > 30
    assert 0 < seconds < whole / 4
    assert listen(engine, SENTENCES["en"]).seconds == pytest.approx(listen(engine, SENTENCES["en"]).seconds, rel=0.05)


def test_a_generator_closed_half_way_leaves_the_engine_usable(engine: SpeechEngine) -> None:
    before = listen(engine, SENTENCES["en"])
    state = engine.open(engine.capabilities().voices[0].id)
    for _ in range(5):
        blocks = engine.synthesize(LONG_TEXT, state, SpeechParams("en"), threading.Event())
        next(blocks)
        blocks.close()  # type: ignore[attr-defined] # every engine writes a generator
    after = listen(engine, SENTENCES["en"])
    assert after.seconds == pytest.approx(before.seconds, rel=0.05)
    assert [word.source_start for word in after.words] == [word.source_start for word in before.words]


def test_sound_leaves_in_blocks(engine: SpeechEngine) -> None:
    heard = listen(engine, LONG_TEXT)
    if engine.capabilities().native_stream:
        assert heard.block_count > 5


def test_speed_changes_the_duration(engine: SpeechEngine) -> None:
    slowest, fastest = engine.capabilities().speed_range
    normal = listen(engine, SENTENCES["en"]).seconds
    for speed in {max(0.5, slowest), min(2.0, fastest)}:
        assert listen(engine, SENTENCES["en"], speed=speed).seconds == pytest.approx(normal / speed, rel=0.15)
    for speed in (slowest, fastest):
        assert listen(engine, SENTENCES["en"], speed=speed).seconds == pytest.approx(normal / speed, rel=0.2)


def test_what_the_engine_does_not_have_is_invalid(engine: SpeechEngine) -> None:
    capabilities = engine.capabilities()
    voice = capabilities.voices[0].id
    missing = next((tag for tag in EMOTION_TAGS if tag not in capabilities.emotions), None)
    with pytest.raises(Invalid) as unknown_voice:
        engine.open("nobody")
    assert unknown_voice.value.code == "voice_not_found"
    too_long = f"{SECRET} " * capabilities.max_characters
    for text, state, params in (
        (SECRET, SpeechState("nobody"), SpeechParams("en")),
        (SECRET, SpeechState(voice), SpeechParams("tlh")),
        (SECRET, SpeechState(voice), SpeechParams("en", speed=capabilities.speed_range[1] * 1.01)),
        (SECRET, SpeechState(voice), SpeechParams("en", speed=float("nan"))),
        (SECRET, SpeechState(voice), SpeechParams("en", emotion=missing or "nosuch")),
        (too_long, SpeechState(voice), SpeechParams("en")),
    ):
        with pytest.raises(Invalid) as refused:
            list(engine.synthesize(text, state, params, threading.Event()))
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize("text", ["", " ", "...", "\n\n", "।", "-", "<whisper>", "<laugh>"])
def test_a_text_with_hardly_anything_to_say_is_no_error(engine: SpeechEngine, text: str) -> None:
    assert listen(engine, text).seconds < 5


@pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS.keys())
def test_a_hostile_text_is_survived(engine: SpeechEngine, text: str) -> None:
    heard = listen(engine, text)
    assert np.all(np.isfinite(heard.samples))
    assert heard.seconds < max(60, len(text))
    ends = [0]
    for word in heard.words:
        assert ends[-1] <= word.source_start < word.source_end <= len(text)
        assert 0 <= word.start_s <= word.end_s <= heard.seconds
        ends.append(word.source_end)
    assert listen(engine, SENTENCES["en"]).loudness > 0.01


def test_the_longest_text_is_spoken(engine: SpeechEngine) -> None:
    longest = (LONG_TEXT * 100)[: engine.capabilities().max_characters]
    heard = listen(engine, longest)
    assert heard.seconds > len(longest) / 30
    if engine.capabilities().word_timing:
        assert heard.words[-1].source_end >= len(longest.rstrip(". ")) - 1


def test_emotions_change_the_sound_and_are_never_spoken(engine: SpeechEngine) -> None:
    text = SENTENCES["en"]
    plain = listen(engine, text)
    for emotion in engine.capabilities().emotions:
        tagged_text = f"<{emotion}> {text}"
        as_param, as_tag = listen(engine, text, emotion=emotion), listen(engine, tagged_text)
        for heard in (as_param, as_tag):
            differs = abs(heard.seconds / plain.seconds - 1) > 0.05 or abs(heard.loudness / plain.loudness - 1) > 0.1
            assert differs, emotion
        assert [text[word.source_start : word.source_end] for word in as_param.words] == [
            tagged_text[word.source_start : word.source_end] for word in as_tag.words
        ]
        assert len(as_tag.words) == len(plain.words)


def test_tokens_are_counted_as_promised(engine: SpeechEngine) -> None:
    tokens = listen(engine, SENTENCES["en"]).tokens
    assert bool(tokens) == engine.capabilities().counts_tokens
    if tokens:
        assert sum(count.read for count in tokens) > 0
        assert sum(count.written for count in tokens) > 0
