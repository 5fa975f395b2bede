"""What is kept of a session outside its container, and how one container goes on where another was."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backline.compute.on_modal.jam_snapshot import (
    Jam,
    Marks,
    News,
    Place,
    Record,
    chunk_through,
    closed_status,
    seen_through,
    warming_status,
)
from backline.engines.jam.orders import ChunkMetadata, JamChange, JamChunk, JamOptions, JamStatus

MADE_AT = 100.0
OPTIONS = JamOptions(bpm=120.0, styles=("acid house", "warm, dark"), style_weights=(0.5,), seed=7)


def chunk(index: int) -> JamChunk:
    """Of one bar, a second long, as a container's first jam makes it."""
    told = ChunkMetadata(
        bpm=240.0,
        bars=1,
        beats_per_bar=4,
        sample_rate=1000,
        channels=2,
        total_samples=1000,
        seconds_per_bar=1.0,
        loop_duration_seconds=1.0,
        guidance_weight=1.1,
        temperature=1.1,
        topk=40,
        format="wav",
        first_bar=index,
        start_sample=index * 1000,
        seed=7,
        last=False,
    )
    return JamChunk(index, b"sound", told)


def status(**told: Any) -> JamStatus:
    """Of a warm session on a container."""
    warm = {
        "billing_state": "active",
        "warmed": True,
        "warm_completed_ts": 105.0,
        "billable_start_ts": 105.0,
        "billable_elapsed_seconds": 2.0,
    }
    return replace(warming_status("jam_1", MADE_AT, "metronome", 120.0), **{**warm, **told})


def test_what_is_kept_comes_back_from_data_as_it_was() -> None:
    news = News(5.0, status(), Marks(2.0, 1, 4, 4, 4000), Jam(OPTIONS, 2, 3, stopped=True))
    assert News.of(news.as_data()) == news
    for record in (Record(3, MADE_AT), Record(3, MADE_AT, status(billing_state="closed"))):
        assert Record.of(record.as_data()) == record
    place = Place("jam_1", "gateway_1", 7.0, "https://x", "token", True, True, news.marks)
    assert Place.of(place.as_data()) == place


def test_what_another_release_has_written_can_be_read() -> None:
    data = {"seen_at": 5.0, "marks": {"following": 2, "odd": 1}, "odd": 1}
    assert News.of(data) == News(5.0, marks=Marks(following=2))


def test_what_gateways_know_is_put_together() -> None:
    began, turned = Jam(OPTIONS, 1, 0), Jam(OPTIONS, 1, 1)
    one = News(5.0, status(idle_seconds=1.0), Marks(9.0, 1, 3, 3, 3000), began)
    other = News(6.0, status(idle_seconds=2.0), Marks(8.0, 1, 4, 4, 4000), turned)
    both = News(6.0, status(idle_seconds=2.0), Marks(9.0, 1, 4, 4, 4000), turned)
    assert one.merged(other) == other.merged(one) == both
    assert News(7.0).merged(both) == replace(both, seen_at=7.0)


MARKS = st.builds(Marks, st.floats(0, 1e6), *(st.integers(0, 9) for _ in range(4)))


@given(MARKS, MARKS)
def test_marks_only_grow_whoever_tells_them(one: Marks, other: Marks) -> None:
    merged = one.merged(other)
    assert merged.merged(one) == merged.merged(other) == merged
    for name in ("billed_seconds", "jams", "following"):
        assert getattr(merged, name) == max(getattr(one, name), getattr(other, name))


def test_the_next_container_goes_on_behind_the_newest_chunk() -> None:
    marks = Marks().begun(Jam(OPTIONS)).passed(chunk(0)).passed(chunk(1)).passed(chunk(0))
    assert (marks.jams, marks.following, marks.bar, marks.sample) == (1, 2, 2, 2000)
    moved = chunk_through(Place("jam_1", "g", 0.0, base=marks), 1, chunk(0))
    assert (moved.index, moved.metadata.first_bar, moved.metadata.start_sample) == (2, 2, 2000)
    assert chunk_through(Place("jam_1", "g", 0.0, base=marks), 1, chunk(1)).metadata.start_sample == 3000


def test_another_jam_on_the_next_container_begins_at_its_own_bar_one() -> None:
    marks = Marks().begun(Jam(OPTIONS)).passed(chunk(1))
    began = chunk_through(Place("jam_1", "g", 0.0, base=marks), 2, chunk(0))
    assert (began.index, began.metadata.first_bar, began.metadata.start_sample) == (2, 0, 0)


def test_changes_are_kept_as_a_running_jam_takes_them() -> None:
    jam = Jam(OPTIONS).changed(JamChange(temperature=0.0)).changed(JamChange(style_weights=(2.0, 3.0)))
    assert jam.options == replace(OPTIONS, temperature=0.0, style_weights=(2.0, 3.0))
    jam = jam.changed(JamChange(styles=("c",)))
    assert (jam.options.styles, jam.options.style_weights) == (("c",), ())
    assert jam.changed(JamChange(clear_styles=True)).options.styles == ()


def test_a_session_on_its_second_container_is_as_old_as_it_was_and_costs_what_both_cost() -> None:
    first = status(billable_elapsed_seconds=40.0)
    place = Place("jam_1", "g", 0.0, base=Marks(billed_seconds=40.0, jams=1, following=5))
    there = status(
        session_created_ts=900.0, billable_start_ts=910.0, billable_elapsed_seconds=1.5, last_delivered_index=1
    )
    seen = seen_through(place, there, first)
    assert (seen.session_created_ts, seen.billable_start_ts) == (100.0, 105.0)
    assert (seen.billable_elapsed_seconds, seen.last_delivered_index) == (41.5, 6)


def test_a_session_stays_active_while_its_next_container_warms_up() -> None:
    place = Place("jam_1", "g", 0.0, base=Marks(billed_seconds=40.0, following=5))
    there = status(billing_state="warming", warmed=False, billable_start_ts=None, billable_elapsed_seconds=None)
    seen = seen_through(place, there, status())
    assert (seen.billing_state, seen.warmed, seen.billable_elapsed_seconds) == ("active", True, 40.0)
    assert (seen.last_made_index, seen.last_delivered_index) == (4, 4)


def test_the_end_of_a_session_that_cannot_be_asked_costs_what_was_last_known() -> None:
    closed = closed_status(status(billable_elapsed_seconds=12.5), "manual_close", 200.0)
    assert (closed.billing_state, closed.closed_ts, closed.billable_elapsed_seconds) == ("closed", 200.0, 12.5)
    cold = closed_status(warming_status("jam_1", MADE_AT, "metronome", 120.0), "manual_close", 200.0)
    assert (cold.billing_state, cold.billable_elapsed_seconds) == ("closed", 0.0)
