"""What every link to jam sessions keeps (backline/compute/base.py): in this process, over HTTP to a real worker, and on
Modal, which the stand-in plays."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from backline.compute.base import JamLink
from backline.compute.jam_in_process import open_jam_link
from backline.engines.jam.orders import JamChange, JamChunk, JamOptions
from backline.errors import BacklineError, Busy, Conflict, Invalid, NotFound
from backline.ids import new_id
from backline.settings import JamSettings
from tests.processes.jam_worker import KEY, JamWorker, jam_worker

RATE_HZ = 44_100
OPTIONS = JamOptions(bpm=240.0, bars_per_chunk=1, beats_per_bar=4, styles=("acid house", "warm, dark"), seed=7)
"""A chunk is one second."""

WAIT_SECONDS = 20.0

Ask = Callable[[JamLink, str], Awaitable[object]]
ABOUT_A_SESSION: dict[str, Ask] = {
    "status": lambda link, session: link.status(session),
    "start": lambda link, session: link.start(session, loop_file(), OPTIONS),
    "next": lambda link, session: link.next(session, 0),
    "consume": lambda link, session: link.consume(session, 0),
    "update": lambda link, session: link.update(session, JamChange(topk=3)),
    "reseed": lambda link, session: link.reseed(session, None),
    "reseed_splice": lambda link, session: link.reseed_splice(session, loop_file(), 2.0),
    "stop": lambda link, session: link.stop(session),
}


def loop_file(seconds: float = 1.0, rate_hz: int = RATE_HZ) -> bytes:
    times = np.arange(round(seconds * rate_hz)) / rate_hz
    file = io.BytesIO()
    soundfile.write(file, 0.3 * np.sin(2 * np.pi * 220 * times), rate_hz, format="WAV", subtype="PCM_16")
    return file.getvalue()


def frames_of(chunk: JamChunk) -> tuple[int, int]:
    """How many there are, and at which rate."""
    samples, rate_hz = soundfile.read(io.BytesIO(chunk.audio), always_2d=True)
    assert samples.shape[1] == chunk.metadata.channels == 2
    return len(samples), rate_hz


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JamWorker]:
    with jam_worker(tmp_path_factory.mktemp("worker")) as worker:
        yield worker


PLACES = ["in process", "over HTTP", pytest.param("on Modal", marks=pytest.mark.slow)]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> AbstractAsyncContextManager[JamLink]:
    if request.param == "on Modal":
        from tests.compute.on_modal.jam_links import linked  # the SDK takes a second

        return linked(request.getfixturevalue("cloud"))
    if request.param == "over HTTP":
        return open_jam_link(JamSettings(worker_url=request.getfixturevalue("worker").address, worker_key=KEY))
    return open_jam_link(JamSettings(engine="metronome"))


@pytest.fixture
async def link(place: AbstractAsyncContextManager[JamLink]) -> AsyncIterator[JamLink]:
    async with place as link:
        yield link


@pytest.fixture(params=PLACES)
def small_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AbstractAsyncContextManager[JamLink]]:
    if request.param == "on Modal":
        from tests.compute.on_modal.jam_links import impatient_cloud, linked

        with impatient_cloud(tmp_path) as cloud:
            yield linked(cloud, max_sessions=1)
    elif request.param == "over HTTP":
        with jam_worker(tmp_path, max_sessions=1, idle_seconds=1) as worker:
            yield open_jam_link(JamSettings(worker_url=worker.address, worker_key=KEY))
    else:
        yield open_jam_link(JamSettings(engine="metronome", max_sessions=1, idle_seconds=1))


@pytest.fixture
async def small_link(small_place: AbstractAsyncContextManager[JamLink]) -> AsyncIterator[JamLink]:
    """To a worker with room for one session, which ends after a second without a sign of life."""
    async with small_place as link:
        yield link


@pytest.fixture
async def session(link: JamLink) -> AsyncIterator[str]:
    """A warm one."""
    session = new_id("jam")
    await link.warm_up(session)
    yield session
    await link.close(session, "test_over")


async def failure(asked: Awaitable[object]) -> BacklineError:
    with pytest.raises(BacklineError) as failed:
        await asked
    return failed.value


async def taken(link: JamLink, session: str) -> JamChunk:
    chunk = await link.next(session, WAIT_SECONDS)
    assert chunk is not None
    return chunk


async def test_a_session_is_warm_after_its_warm_up_and_is_found_by_the_next(link: JamLink) -> None:
    session = new_id("jam")
    made = await link.warm_up(session)
    assert (made.session_id, made.warmed, made.billing_state, made.tag) == (session, True, "active", "metronome")
    assert made.model_version
    assert made.container_warmup_seconds is not None
    again = await link.warm_up(session)
    assert again.billable_start_ts == made.billable_start_ts
    assert (again.billable_elapsed_seconds or 0) >= (made.billable_elapsed_seconds or 0)
    await link.close(session, "test_over")


@pytest.mark.parametrize("ask", ABOUT_A_SESSION.values(), ids=ABOUT_A_SESSION)
async def test_a_session_that_never_was_is_not_found_and_not_made(link: JamLink, ask: Ask) -> None:
    for one in (ask(link, "jam_never"), link.peek("jam_never"), link.close("jam_never", "test_over")):
        error = await failure(one)
        assert (type(error), error.code) == (NotFound, "session_not_found")


@pytest.mark.parametrize("ask", ABOUT_A_SESSION.values(), ids=ABOUT_A_SESSION)
async def test_a_session_that_has_ended_says_so(link: JamLink, ask: Ask) -> None:
    session = new_id("jam")
    await link.warm_up(session)
    await link.close(session, "test_over")
    for one in (ask(link, session), link.warm_up(session)):
        error = await failure(one)
        assert (type(error), error.code) == (Conflict, "session_closed")
    assert (await link.peek(session)).billing_state == "closed"


async def test_the_end_has_figures_that_stay(link: JamLink) -> None:
    session = new_id("jam")
    await link.warm_up(session)
    closed = await link.close(session, "test_over")
    assert (closed.billing_state, closed.close_reason) == ("closed", "test_over")
    assert closed.billable_elapsed_seconds is not None
    await asyncio.sleep(0.1)
    assert (await link.close(session, "another_reason")).billable_elapsed_seconds == closed.billable_elapsed_seconds
    peeked = await link.peek(session)
    assert (peeked.billable_elapsed_seconds, peeked.close_reason) == (closed.billable_elapsed_seconds, "test_over")


async def test_chunks_come_in_order_as_long_as_they_say(link: JamLink, session: str) -> None:
    await link.start(session, loop_file(), OPTIONS)
    for index in range(4):
        chunk = await taken(link, session)
        metadata = chunk.metadata
        assert (chunk.index, metadata.first_bar, metadata.start_sample) == (index, index, index * RATE_HZ)
        assert frames_of(chunk) == (metadata.total_samples, metadata.sample_rate) == (RATE_HZ, RATE_HZ)
        assert (metadata.bpm, metadata.bars, metadata.beats_per_bar, metadata.seed) == (240.0, 1, 4, 7)
        assert (metadata.format, metadata.last) == ("wav", False)
        await link.consume(session, index)
    status = await link.peek(session)
    assert (status.jam_running, status.last_delivered_index, status.last_consumed_index) == (True, 3, 3)


async def test_every_option_reaches_the_session(link: JamLink, session: str) -> None:
    options = JamOptions(
        bpm=93.7,
        bars_per_chunk=2,
        beats_per_bar=3,
        styles=("a", "b, c"),
        style_weights=(0.5,),
        loop_weight=0.25,
        loudness_mode="none",
        loudness_headroom_db=3.0,
        guidance_weight=2.5,
        temperature=0.5,
        topk=7,
        target_sample_rate=32_000,
        seed=2**63 - 1,
    )
    await link.start(session, loop_file(), options)
    metadata = (await taken(link, session)).metadata
    for name in ("bpm", "beats_per_bar", "guidance_weight", "temperature", "topk", "seed"):
        assert getattr(metadata, name) == getattr(options, name), name
    assert (metadata.bars, metadata.sample_rate) == (2, 32_000)


async def test_a_chunk_is_had_again_until_it_is_consumed(link: JamLink, session: str) -> None:
    await link.start(session, loop_file(), OPTIONS)
    first, second = await taken(link, session), await taken(link, session)
    assert await link.next(session, 0, index=0) == first
    assert await link.next(session, 0, index=1) == second
    await link.consume(session, 0)
    error = await failure(link.next(session, 0, index=0))
    assert (type(error), error.code) == (NotFound, "chunk_gone")
    assert await link.next(session, 0, index=1) == second


@pytest.mark.parametrize("chunk_format", ["flac", "opus"])
async def test_a_chunk_comes_in_the_format_that_was_asked_for(link: JamLink, session: str, chunk_format: str) -> None:
    await link.start(session, loop_file(rate_hz=48_000), OPTIONS)
    chunk = await link.next(session, WAIT_SECONDS, chunk_format)  # type: ignore[arg-type]
    assert chunk is not None
    assert chunk.metadata.format == chunk_format
    assert chunk.audio.startswith({"flac": b"fLaC", "opus": b"OggS"}[chunk_format])


async def test_who_consumes_nothing_is_given_no_endless_store(link: JamLink, session: str) -> None:
    await link.start(session, loop_file(), OPTIONS)
    await taken(link, session)
    await asyncio.sleep(0.5)
    status = await link.peek(session)
    assert status.last_made_index is not None
    assert status.last_made_index <= 2


async def test_a_turn_of_one_knob_leaves_every_other(link: JamLink, session: str) -> None:
    await link.start(session, loop_file(), OPTIONS)
    await link.update(session, JamChange(temperature=0.0))
    for _ in range(4):
        metadata = (await taken(link, session)).metadata
    assert (metadata.temperature, metadata.guidance_weight, metadata.topk) == (0.0, 1.1, 40)


BAD_OPTIONS = {
    "bpm": JamOptions(bpm=19.9),
    "bpm (none)": JamOptions(bpm=float("nan")),
    "topk": JamOptions(bpm=120, topk=0),
    "styles": JamOptions(bpm=120, styles=("",)),
    "style_weights": JamOptions(bpm=120, style_weights=(1.0,)),
    "bars_per_chunk": JamOptions(bpm=20, bars_per_chunk=16),
}


@pytest.mark.parametrize("field", BAD_OPTIONS)
async def test_what_makes_no_sense_is_refused_by_its_name(link: JamLink, session: str, field: str) -> None:
    error = await failure(link.start(session, loop_file(), BAD_OPTIONS[field]))
    assert isinstance(error, Invalid)
    assert (error.more or {})["field"] == field.partition(" ")[0]
    assert not (await link.peek(session)).jam_running


@pytest.mark.parametrize(("loop", "code"), [(b"", "empty_file"), (b"no sound at all", None)])
async def test_a_loop_that_is_none_is_refused(link: JamLink, session: str, loop: bytes, code: str | None) -> None:
    error = await failure(link.start(session, loop, OPTIONS))
    assert isinstance(error, Invalid)
    assert code in (None, error.code)
    await link.start(session, loop_file(), OPTIONS)


async def test_nothing_is_handed_out_where_nothing_was_started(link: JamLink, session: str) -> None:
    error = await failure(link.next(session, 0))
    assert (type(error), error.code) == (Conflict, "no_active_jam")


async def test_of_two_starts_at_once_one_wins(link: JamLink, session: str) -> None:
    starts = (link.start(session, loop_file(), OPTIONS) for _ in range(2))
    ends = await asyncio.gather(*starts, return_exceptions=True)
    (lost,) = [end for end in ends if end is not None]
    assert isinstance(lost, Conflict)
    assert lost.code == "jam_already_running"
    await taken(link, session)


async def test_it_goes_on_from_another_loop_or_from_itself(link: JamLink, session: str) -> None:
    await link.start(session, loop_file(), OPTIONS)
    await taken(link, session)
    await link.reseed(session, None)
    await link.reseed(session, loop_file(2.0, 8000))
    await link.reseed_splice(session, loop_file(0.5), 2.0)
    await link.reseed_splice(session, None, 1.0)
    await link.consume(session, 0)
    assert frames_of(await taken(link, session)) == (RATE_HZ, RATE_HZ)


async def test_a_jam_is_stopped_and_another_begun(link: JamLink, session: str) -> None:
    await link.start(session, loop_file(), OPTIONS)
    await taken(link, session)
    await link.stop(session)
    last = None
    while (chunk := await link.next(session, WAIT_SECONDS)) is not None:
        last = chunk
    status = await link.peek(session)
    assert (status.ended, status.jam_running, status.billing_state) == (True, False, "active")
    await link.start(session, loop_file(), OPTIONS)
    assert (await taken(link, session)).index > (0 if last is None else last.index)


async def test_who_waits_for_a_chunk_hears_of_the_close_at_once(link: JamLink) -> None:
    session = new_id("jam")
    await link.warm_up(session)
    await link.start(session, loop_file(), OPTIONS)
    await taken(link, session)
    waiting = asyncio.create_task(link.next(session, 25, index=50))
    await asyncio.sleep(0.2)
    await link.close(session, "test_over")
    async with asyncio.timeout(10):
        error = await failure(waiting)
    assert (type(error), error.code) == (Conflict, "session_closed")


async def test_others_are_answered_while_one_waits_for_a_chunk(link: JamLink, session: str) -> None:
    await link.start(session, loop_file(), OPTIONS)
    waiting = asyncio.create_task(link.next(session, 25, index=500))
    await asyncio.sleep(0.1)
    await link.update(session, JamChange(topk=3))
    await link.consume(session, (await taken(link, session)).index)
    assert (await link.status(session)).jam_running
    assert not waiting.done()
    waiting.cancel()


@pytest.mark.parametrize("loop", [b"", b"no sound at all"])
async def test_a_loop_to_go_on_from_is_refused_where_it_is_none(link: JamLink, session: str, loop: bytes) -> None:
    await link.start(session, loop_file(), OPTIONS)
    for asked in (link.reseed(session, loop), link.reseed_splice(session, loop, 2.0)):
        assert isinstance(await failure(asked), Invalid)
    await taken(link, session)


@pytest.mark.slow
async def test_a_full_worker_says_so_until_a_session_has_ended(small_link: JamLink) -> None:
    first, second = new_id("jam"), new_id("jam")
    await small_link.warm_up(first)
    error = await failure(small_link.warm_up(second))
    assert (type(error), error.code) == (Busy, "too_many_sessions")
    for _ in range(100):
        status = await small_link.peek(first)  # a look keeps nothing alive
        if status.billing_state == "closed":
            break
        await asyncio.sleep(0.05)
    assert status.close_reason
    assert (await small_link.warm_up(second)).warmed
