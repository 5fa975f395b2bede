"""Chapters, checkpoints and what is left of a text: without a server."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.speech.chapters import ChapterWriter, SpokenSentence
from backline.speech.long_work import Made, Segment
from backline.speech.text.prepare import Preparation
from backline.speech.text.sentences import VERSION, cut
from backline.speech.text.spans import SpokenText
from backline.speech.text.ssml import Passage, read_ssml
from tests.speech.long_jobs import PHRASES, Cue, parsed_vtt

SAMPLE = (
    """Dr. Rao paid Rs. 3.50 on 1. May, e.g. for "tea"! Was it good? No... it wasn't.

A title without an end

नमस्ते। आप कैसे हैं? """
    + "A sentence that has no end at all, only commas, " * 12
)


def written(*sentences: SpokenSentence, begin_s: float = 0.0) -> tuple[dict[str, object], list[Cue]]:
    as_json, as_vtt = io.BytesIO(), io.BytesIO()
    writer = ChapterWriter(as_json, as_vtt, {"title": 'a "b"'})
    writer.add_all(sentences, begin_s)
    writer.finish()
    return json.loads(as_json.getvalue()), parsed_vtt(as_vtt.getvalue().decode())


def test_a_cue_ends_where_the_next_begins_and_never_before_its_own_beginning() -> None:
    chapters, cues = written(
        SpokenSentence("One", 0.0, 1.05, 0, 3),
        SpokenSentence("Two", 1.0, 2.0, 4, 7),
        SpokenSentence("Three", 4.0, 4.0, 8, 13),
        begin_s=3599.0,
    )
    assert cues == [Cue(3599.0, 3600.0, "One"), Cue(3600.0, 3601.0, "Two"), Cue(3603.0, 3603.001, "Three")]
    assert chapters["title"] == 'a "b"'


def test_no_sentences_are_two_files_all_the_same() -> None:
    assert written() == ({"sentences": [], "title": 'a "b"'}, [])


@given(st.lists(st.text(min_size=1).filter(str.strip), max_size=5))
def test_any_text_comes_back_out_of_both(texts: list[str]) -> None:
    chapters, cues = written(*(SpokenSentence(text, n, n + 1, 0, 1) for n, text in enumerate(texts)))
    assert [one["text"] for one in chapters["sentences"]] == texts  # type: ignore[attr-defined]
    assert [cue.text for cue in cues] == [" ".join(text.split()) for text in texts]


def test_a_checkpoint_stays_small_and_comes_back_as_it_was() -> None:
    """A million characters sound for about 22 hours."""
    made = Made("1 300 tone-1", 24_000, 1_200)
    segment = Segment(bytes(2 * 24_000 * 61), [], {"tokens": list(range(10_000))}, 0, 0, heard=True)
    for _ in range(22 * 60):
        made = made.and_then(segment, 12, {"t_infer_ms": 1.5, "languages": ["en"]})
    data = json.dumps(made.as_data())
    assert len(data) < 20_000
    assert Made.of(json.loads(data)) == made
    assert made.names[-1] == "12-01319"
    assert made.seconds == pytest.approx(22 * 60 * 61 - (22 * 60 - 1) * 0.05)


def test_a_last_segment_that_is_shorter_than_the_fade_adds_nothing() -> None:
    made = Made("", 24_000, 1_200, segments=((1, 10_000), (1, 500)))
    assert (made.frames, replace(made, segments=()).frames) == (10_000, 0)


def test_what_is_cut_has_a_version() -> None:
    """Whoever sees this fail has changed what `cut` makes of a text: raise `VERSION` too, and then this."""
    digest = hashlib.sha256(repr(list(cut(SAMPLE, 100))).encode()).hexdigest()
    assert (VERSION, digest[:16]) == (1, "bffb14194c7f5b79")


def test_the_sentences_of_a_text_are_its_units() -> None:
    def units_of(passages: list[Passage], skipped: int) -> list[tuple[str, float]]:
        preparation = Preparation("en", frozenset(), None, 300)
        rest = islice(preparation.sentences(passages), skipped, None)
        units = [unit for sentence in rest for unit in preparation.units_of_sentence(sentence)]
        return [(unit.spoken.text, unit.pause_seconds) for unit in units]

    plain = [Passage(SpokenText.unchanged(" ".join(islice(cycle(PHRASES), 10))))]
    assert units_of(plain, 0) == [(text, 0.0) for text in islice(cycle(PHRASES), 10)]
    assert units_of(plain, 7) == units_of(plain, 0)[7:]
    marked = read_ssml("<speak>One. Two.<break time='2s'/>... Three.<break time='1s'/></speak>")
    assert units_of(marked, 0) == [("One.", 0.0), ("Two.", 0.0), ("", 2.0), ("Three.", 0.0), ("", 1.0)]
