"""The transition function: whatever is seen of a job, in whatever order, some things never happen."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.jobs.advance import (
    MAX_DELAY_SECONDS,
    Broke,
    CancelAsked,
    Cause,
    Claimed,
    Finalising,
    GivenBack,
    Hook,
    LeaseDied,
    Observation,
    Spawned,
    Spawning,
    Stopped,
    Succeeded,
    advance,
    delay_seconds,
)
from backline.jobs.job import TERMINAL, Job, JobState

NOW = datetime(2026, 1, 1, tzinfo=UTC)

JOB = Job(
    id="job_1",
    kind="echo",
    version="1",
    owner="anna",
    billed=True,
    queue="default",
    state=JobState.QUEUED,
    phase=None,
    attempt=0,
    failures=0,
    max_attempts=3,
    priority=0,
    run_after=NOW,
    lease_by=None,
    lease_seconds=None,
    lease_until=None,
    remote=None,
    input={},
    checkpoint=None,
    progress=0.0,
    message=None,
    result=None,
    error_code=None,
    error_detail=None,
    cancel_requested=False,
    hold="hold",
    idempotency_key=None,
    fingerprint=None,
    seq=1,
    created=NOW,
    started=None,
    finished=None,
)

ATTEMPTS = st.integers(1, 5)
OBSERVATIONS: st.SearchStrategy[Observation] = st.one_of(
    st.builds(Claimed, by=st.sampled_from(["a", "b"]), lease_seconds=st.just(10.0)),
    st.builds(CancelAsked, can_release=st.booleans()),
    st.builds(Spawning, attempt=ATTEMPTS, provider=st.just("twin"), function=st.just("f")),
    st.builds(Spawned, attempt=ATTEMPTS, call=st.sampled_from(["call-1", "call-2"])),
    st.builds(Finalising, attempt=ATTEMPTS),
    st.builds(Succeeded, attempt=ATTEMPTS, result=st.just({})),
    st.builds(
        Broke, attempt=ATTEMPTS, cause=st.sampled_from(Cause), code=st.just("away"), detail=st.just("Away."),
        delay_seconds=st.just(0.0),
    ),
    st.builds(Stopped, attempt=ATTEMPTS),
    st.builds(GivenBack, attempt=ATTEMPTS),
    st.builds(LeaseDied, attempt=ATTEMPTS, lease_until=st.sampled_from([None, NOW + timedelta(seconds=10)])),
)  # fmt: skip


def after(job: Job, observation: Observation, now: datetime = NOW) -> Job:
    transition = advance(job, observation, now)
    return replace(job, **transition.values, seq=job.seq + 1) if transition else job


@given(st.lists(OBSERVATIONS, max_size=40))
def test_what_never_happens(observations: list[Observation]) -> None:
    job, hooks, ever_cancelled = JOB, [], False
    for observation in observations:
        transition = advance(job, observation, NOW)
        changed = after(job, observation)
        assert changed.attempt - job.attempt in ((0, 1) if isinstance(observation, Claimed) else (0,))
        assert changed.failures >= job.failures
        ever_cancelled |= job.cancel_requested
        if job.terminal:
            assert transition is None
        if transition:
            hooks += [transition.hook] if transition.hook is not Hook.NONE else []
            assert (transition.hook is not Hook.NONE) == changed.terminal
            assert (changed.finished is not None) == changed.terminal
            assert (changed.lease_by is not None) == (changed.state is JobState.RUNNING)
            assert not (ever_cancelled and changed.state is JobState.SUCCEEDED)
            # Seen again, the same changes nothing, except for a claim of what has been given back to the queue.
            assert advance(changed, observation, NOW) is None
        job = changed
    assert hooks == ([] if not job.terminal else [Hook.FINISH if job.state is JobState.SUCCEEDED else Hook.RELEASE])


@given(st.lists(OBSERVATIONS, max_size=20), OBSERVATIONS)
def test_an_attempt_that_lost_the_job_is_not_heard(before: list[Observation], late: Observation) -> None:
    job = JOB
    for observation in before:
        job = after(job, observation)
    attempt = getattr(late, "attempt", None)
    if attempt is not None and attempt != job.attempt:
        assert advance(job, late, NOW) is None


def running(**fields: object) -> Job:
    return replace(after(JOB, Claimed("a", 10)), **fields)  # type: ignore[arg-type]


REMOTE = {"provider": "twin", "function": "f", "attempt": 1}
CALLED = {**REMOTE, "call": "call-1"}


def test_a_cancel_that_came_first_wins_over_a_success() -> None:
    asked = after(running(), CancelAsked())
    assert (asked.state, asked.cancel_requested) == (JobState.RUNNING, True)
    assert after(asked, Succeeded(1, {})).state is JobState.CANCELLED
    assert after(asked, Broke(1, Cause.TRANSIENT, "away", "Away.")).state is JobState.CANCELLED
    assert after(asked, GivenBack(1)).state is JobState.CANCELLED
    assert after(asked, LeaseDied(1, asked.lease_until)).state is JobState.CANCELLED


def test_a_success_that_came_first_wins_over_a_cancel() -> None:
    done = after(running(), Succeeded(1, {}))
    assert advance(done, CancelAsked(), NOW) is None


def test_a_waiting_job_is_cancelled_at_once_unless_something_of_it_runs_elsewhere() -> None:
    assert after(JOB, CancelAsked()).state is JobState.CANCELLED
    for remote in (REMOTE, CALLED):
        left = after(replace(JOB, remote=remote, run_after=NOW + timedelta(hours=1)), CancelAsked())
        assert (left.state, left.cancel_requested, left.run_after) == (JobState.QUEUED, True, NOW)
    assert after(JOB, CancelAsked(can_release=False)).state is JobState.QUEUED


def test_a_stop_that_nobody_asked_for_is_nothing() -> None:
    assert advance(running(), Stopped(1), NOW) is None
    assert after(running(cancel_requested=True), Stopped(1)).state is JobState.CANCELLED


def test_a_handle_outlives_the_process_that_waited_for_it() -> None:
    for failures in (0, 2):
        job = after(running(remote=CALLED, failures=failures), LeaseDied(1, NOW + timedelta(seconds=10)))
        assert (job.state, job.remote, job.failures) == (JobState.QUEUED, CALLED, failures)
    assert after(running(remote=CALLED), GivenBack(1)).remote == CALLED
    assert after(running(remote=CALLED), Broke(1, Cause.UNKNOWN, "odd", "Odd.")).remote == CALLED
    assert after(running(remote=CALLED), Broke(1, Cause.TRANSIENT, "away", "Away.")).remote is None


def test_a_handle_is_written_once() -> None:
    spawning = after(running(), Spawning(1, "twin", "f"))
    assert spawning.remote == REMOTE
    spawned = after(spawning, Spawned(1, "call-1"))
    assert spawned.remote == CALLED
    assert advance(spawned, Spawned(1, "call-2"), NOW) is None
    assert advance(spawned, Spawning(1, "twin", "f"), NOW) is None
    assert advance(running(), Spawned(1, "call-1"), NOW) is None


def test_a_spawn_of_which_nobody_knows_is_made_again_by_the_next_attempt() -> None:
    lost = after(running(remote=REMOTE), LeaseDied(1, NOW + timedelta(seconds=10)))
    again = after(after(lost, Claimed("b", 10)), Spawning(2, "twin", "f"))
    assert again.remote == {**REMOTE, "attempt": 2}


def test_a_renewed_lease_is_not_dead() -> None:
    assert advance(running(), LeaseDied(1, NOW), NOW) is None


def test_work_that_dies_too_often_has_failed_and_being_given_back_is_no_failure() -> None:
    job = JOB
    for _ in range(3):
        job = after(job, Claimed("a", 10))
        job = after(job, GivenBack(job.attempt))
    assert (job.state, job.attempt, job.failures) == (JobState.QUEUED, 3, 0)
    for _ in range(3):
        job = after(job, Claimed("a", 10))
        job = after(job, LeaseDied(job.attempt, job.lease_until))
    assert (job.state, job.error_code, job.failures) == (JobState.FAILED, "job_lost", 3)


def test_a_pause_is_kept_but_no_longer_than_a_pause_may_be() -> None:
    again = after(running(), Broke(1, Cause.TRANSIENT, "away", "Away.", 10))
    assert advance(again, Claimed("a", 10), NOW + timedelta(seconds=9)) is None
    assert advance(again, Claimed("a", 10), NOW + timedelta(seconds=10)) is not None
    set_back = NOW - timedelta(days=1)
    assert advance(again, Claimed("a", 10), set_back) is not None
    ordered_for_later = replace(JOB, run_after=NOW + timedelta(days=1))
    assert advance(ordered_for_later, Claimed("a", 10), NOW) is None


@given(st.text(max_size=20), st.integers(0, 30))
def test_pauses_grow_and_end(job_id: str, failures: int) -> None:
    pause = delay_seconds(job_id, failures, 2.0)
    assert 2.0 <= pause <= delay_seconds(job_id, failures + 1, 2.0) <= MAX_DELAY_SECONDS


@pytest.mark.parametrize("state", sorted(TERMINAL))
@given(OBSERVATIONS)
def test_the_end_is_the_end(state: JobState, observation: Observation) -> None:
    assert advance(running(state=state), observation, NOW) is None
