"""A regression figure: how many words of fixed English sentences a small recogniser understands.

Formant speech is hard for a recogniser trained on people, so the figure says nothing about how people understand it;
it falls when something in the sound breaks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pytest
import soxr

pytest.importorskip("espeakng_loader", reason="pip install 'backline[espeak]'")
from pocketsphinx import Decoder

from backline.engines.speech.espeak import EspeakEngine
from backline.media.audio import Samples, to_pcm16
from tests.engines.listening import listen

SENTENCES = (
    "The weather is good today.",
    "I want to go home now.",
    "Please open the window.",
    "My brother has three children.",
    "We will meet on Monday morning.",
    "The train leaves in ten minutes.",
    "She is reading a book about history.",
    "Water is the best thing to drink.",
    "Do you know where the station is?",
    "The market opens every day at nine.",
    "He bought a new car last year.",
    "Music makes people happy.",
)
_MEASURED = 0.82  # share of the words; male-1, en-us, espeak-ng 1.52.0
_MARGIN = 0.15


@pytest.fixture(scope="module")
def engine() -> Iterator[EspeakEngine]:
    engine = EspeakEngine()
    yield engine
    engine.close()


@pytest.mark.slow
def test_a_recogniser_understands_the_default_voice(engine: EspeakEngine) -> None:
    # One average over each utterance: the live one takes longer to settle than these sentences last.
    decoder = Decoder(samprate=16_000, loglevel="FATAL", cmn="batch")
    errors = total = 0
    for sentence in SENTENCES:
        said = re.findall(r"[a-z']+", sentence.lower())
        understood = recognised(decoder, listen(engine, sentence, language="en-us").samples)
        errors += word_errors(said, understood)
        total += len(said)
    assert 1 - errors / total > _MEASURED - _MARGIN


def recognised(decoder: Decoder, samples: Samples) -> list[str]:
    """Words of a unit at 22 050 Hz, between two silences and over a little noise: digital zero is no silence to it."""
    padded = np.concatenate([np.zeros(4_000, np.float32), samples[:, 0], np.zeros(6_000, np.float32)])
    slow = soxr.resample(padded, 22_050, 16_000)
    noisy = slow + 0.001 * np.random.default_rng(1).standard_normal(len(slow))
    decoder.start_utt()
    decoder.process_raw(to_pcm16(noisy).tobytes(), full_utt=True)
    decoder.end_utt()
    hypothesis = decoder.hyp()
    return hypothesis.hypstr.split() if hypothesis else []


def word_errors(said: list[str], understood: list[str]) -> int:
    """The least number of words to change, add or drop (Levenshtein)."""
    row = list(range(len(understood) + 1))
    for index, word in enumerate(said):
        above, row = row, [index + 1]
        for at, other in enumerate(understood):
            row.append(min(above[at] + (word != other), above[at + 1] + 1, row[at] + 1))
    return row[-1]
