"""What a worker's JSON means, to both sides; an older worker's too."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.compute.jam_wire import (
    change_as_fields,
    chunk_as_data,
    chunk_of,
    list_as_text,
    list_of,
    options_as_fields,
    status_as_data,
    status_of,
)
from backline.engines.jam.orders import JamChange, JamOptions, JamStatus
from backline.errors import Unavailable
from tests.compute.jam_samples import METADATA, SESSION, STATUS, chunk

WORDS = st.lists(st.text(min_size=1).filter(lambda word: word == word.strip()), max_size=16)


def through_json(data: Any) -> Any:
    return json.loads(json.dumps(data))


def test_a_status_is_read_as_it_was_told() -> None:
    assert status_of(through_json(status_as_data(STATUS))) == STATUS


def test_a_chunk_is_read_as_it_was_told() -> None:
    assert chunk_of(through_json(chunk_as_data(chunk(3)))) == chunk(3)


@given(WORDS)
def test_words_are_read_as_they_were_written(words: list[str]) -> None:
    assert list_of(list_as_text(words)) == tuple(words)


def test_words_are_written_with_commas_alone_where_that_says_the_same() -> None:
    assert list_as_text(["acid house", "dub"]) == "acid house,dub"
    assert json.loads(list_as_text(["warm, dark"])) == ["warm, dark"]


@pytest.mark.parametrize("text", ["[1]", '{"a": 1}x[', "[", '["a"', "[[]]"])
def test_a_broken_list_is_refused_or_a_word(text: str) -> None:
    if text.startswith("["):
        with pytest.raises(ValueError, match=r"."):
            list_of(text)
    else:
        assert list_of(text) == (text,)


def test_what_is_not_asked_for_is_not_sent() -> None:
    assert change_as_fields(JamChange(temperature=0.0)) == {"temperature": "0.0"}
    assert change_as_fields(JamChange(clear_styles=True)) == {"clear_styles": "true"}
    assert "target_sample_rate" not in options_as_fields(JamOptions(bpm=93.7))
    assert options_as_fields(JamOptions(bpm=93.7, styles=("dub",), style_weights=(0.1,)))["style_weights"] == "0.1"


@pytest.mark.parametrize(
    "changes",
    [
        {"billable_elapsed_seconds": float("nan")},
        {"billable_elapsed_seconds": float("inf")},
        {"billable_elapsed_seconds": -1.0},
        {"billable_elapsed_seconds": "soon"},
        {"billable_elapsed_seconds": [1]},
        {"billing_state": "unknown"},
        {"billing_state": None},
        {"session_id": None},
        {"warmed": "perhaps"},
        {"last_made_index": 1.5},
    ],
)
def test_a_status_that_makes_no_sense_is_rubbish(changes: dict[str, Any]) -> None:
    with pytest.raises(Unavailable) as refused:
        status_of({**status_as_data(STATUS), **changes})
    assert refused.value.code == "worker_rubbish"


@pytest.mark.parametrize(
    "data",
    [
        "chunk",
        [],
        {},
        {"index": 1},
        {**chunk_as_data(chunk(1)), "index": "one"},
        {**chunk_as_data(chunk(1)), "index": -1},
        {**chunk_as_data(chunk(1)), "audio_base64": "no base64!"},
        {**chunk_as_data(chunk(1)), "audio_base64": None},
        {**chunk_as_data(chunk(1)), "metadata": None},
        {**chunk_as_data(chunk(1)), "metadata": {"bpm": 120}},
        chunk_as_data(replace(chunk(1), metadata=replace(METADATA, bpm=float("inf")))),
    ],
)
def test_a_chunk_that_makes_no_sense_is_rubbish(data: Any) -> None:
    with pytest.raises(Unavailable) as refused:
        chunk_of(data)
    assert refused.value.code == "worker_rubbish"


OLDER = {
    "ok": True,
    "session_id": SESSION,
    "warmed": True,
    "jam_running": False,
    "tag": "large",
    "scaledown_window_seconds": 600,
    "billing_state": "closed",
    "billable_start_ts": 1_790_000_000.0,
    "closed_ts": 1_790_000_030.0,
    "billable_elapsed_seconds": 630.0,
    "peek": True,
}


def test_an_older_workers_status_is_read_and_ends_at_its_close() -> None:
    status = status_of(OLDER)
    assert (status.billing_state, status.billable_elapsed_seconds) == ("closed", 30.0)
    assert status.model_version is None
    assert status.last_made_index is None
    assert status_of({**OLDER, "billing_state": "active"}).billable_elapsed_seconds == 630.0


def test_every_field_that_an_older_worker_may_leave_out_has_a_value() -> None:
    least = {name: OLDER[name] for name in ("session_id", "billing_state", "warmed", "jam_running")}
    assert {field.name for field in fields(JamStatus)} == set(status_as_data(status_of(least)))


def test_an_older_workers_chunk_is_read() -> None:
    data = chunk_as_data(chunk(3))
    data["metadata"] = {
        "bpm": 120,
        "bars": 4,
        "beats_per_bar": 4,
        "sample_rate": 48000,
        "channels": 2,
        "total_samples": 384000,
        "seconds_per_bar": 2,
        "loop_duration_seconds": 8,
        "guidance_weight": 1.1,
        "temperature": 1.1,
        "topk": 40,
    }
    metadata = chunk_of(data).metadata
    assert (metadata.bpm, metadata.first_bar, metadata.start_sample) == (120.0, 12, 3 * 384_000)
