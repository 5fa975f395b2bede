"""The tone engine repeats itself exactly, and a letter is a pitch."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict

import numpy as np
import pytest

from backline.engines.speech.base import SpeechParams, SpeechState
from backline.engines.speech.tone import ToneEngine
from tests.engines.listening import listen, pitch_hz

TEXT = "Hello, don't stop: नमस्ते 42!"


def test_the_same_input_gives_the_same_samples_in_every_instance() -> None:
    first, second = listen(ToneEngine(), TEXT), listen(ToneEngine(), TEXT)
    assert np.array_equal(first.samples, second.samples)
    assert first.words == second.words
    assert not np.array_equal(first.samples, listen(ToneEngine(), TEXT + "!a").samples)


def test_a_request_keeps_the_key_of_its_first_unit_also_through_json() -> None:
    engine = ToneEngine()
    state = engine.open("tone-low")
    listen(engine, "a first unit", state=state)
    sent = SpeechState(**json.loads(json.dumps(asdict(state))))
    kept = listen(engine, TEXT, state=state).samples
    assert np.array_equal(kept, listen(engine, TEXT, state=sent).samples)
    fresh = [listen(engine, f"{number}") for number in range(10)]
    in_state = [listen(engine, f"{number}", state=state) for number in range(10)]
    assert any(not np.array_equal(a.samples, b.samples) for a, b in zip(fresh, in_state, strict=True))


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.7, 1.3, 2.0, 4.0])
def test_speed_divides_the_length_exactly(speed: float) -> None:
    normal = len(listen(ToneEngine(), TEXT).samples)
    assert len(listen(ToneEngine(), TEXT, speed=speed).samples) == round(normal / speed)


def test_words_start_and_end_with_their_tones() -> None:
    heard = listen(ToneEngine(), "ab  c!")
    assert [(word.start_s, word.end_s, word.source_start, word.source_end) for word in heard.words] == [
        (0.0, 0.16, 0, 2),
        (0.24, 0.32, 4, 5),
    ]
    assert heard.seconds == pytest.approx(0.4)
    assert not heard.samples[round(0.16 * 24_000) : round(0.24 * 24_000)].any()


def test_pitch_follows_the_letter_and_the_voice() -> None:
    engine = ToneEngine()
    state = SpeechState("tone-low", {"key_semitones": 0})
    found, voiced = pitch_hz(listen(engine, "H" * 8, state=state).samples, 24_000)
    assert found == pytest.approx(220.0, rel=0.01)  # the code point of H is a whole number of octaves
    assert voiced > 0.9
    assert pitch_hz(listen(engine, "N" * 8, state=state).samples, 24_000)[0] == pytest.approx(311.1, rel=0.01)
    high = SpeechState("tone-high", {"key_semitones": -12})
    assert pitch_hz(listen(engine, "N" * 8, state=high).samples, 24_000)[0] == pytest.approx(311.1, rel=0.01)


def test_no_tone_clicks() -> None:
    samples = listen(ToneEngine(), "abc xyz").samples[:, 0]
    steepest_sine = 0.3 * 2 * np.pi * 220 * 2 ** (26 / 12) / 24_000
    assert np.max(np.abs(np.diff(samples))) < 1.2 * steepest_sine


def test_a_laugh_is_heard_and_is_no_word() -> None:
    engine = ToneEngine()
    plain, laughing = listen(engine, "ha ha"), listen(engine, "ha <laugh> ha")
    assert laughing.seconds > plain.seconds + 0.2
    assert [(word.source_start, word.source_end) for word in laughing.words] == [(0, 2), (11, 13)]
    assert len(listen(engine, "ha", emotion="laugh").samples) == len(listen(engine, "<laugh>ha").samples)


def test_tokens_count_letters_and_tones() -> None:
    tokens = listen(ToneEngine(), "ab, <laugh> 7").tokens
    assert sum(count.read for count in tokens) == 3
    assert sum(count.written for count in tokens) == 3 + 6


def test_cancelled_between_blocks_it_says_no_more() -> None:
    cancel = threading.Event()
    engine = ToneEngine()
    blocks = engine.synthesize("abcdefgh", engine.open("tone-high"), SpeechParams("te"), cancel)
    next(blocks)
    cancel.set()
    assert list(blocks) == []
