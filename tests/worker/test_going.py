"""A worker that goes away: by a signal, or without a word."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from backline.compute.base import JamLink
from backline.compute.jam_in_process import open_jam_link
from backline.errors import Conflict, NotFound, Unavailable
from backline.settings import JamSettings
from tests.contracts.test_jam_link import OPTIONS, loop_file, taken
from tests.processes.jam_worker import KEY, JamWorker, jam_worker


def settings_of(worker: JamWorker) -> JamSettings:
    return JamSettings(worker_url=worker.address, worker_key=KEY)


async def playing(link: JamLink, session: str) -> None:
    await link.warm_up(session)
    await link.start(session, loop_file(), OPTIONS)
    await taken(link, session)


@pytest.mark.slow
async def test_sessions_are_closed_by_sigterm_and_their_ends_are_told(tmp_path: Path) -> None:
    with jam_worker(tmp_path) as worker:
        async with open_jam_link(settings_of(worker)) as link:
            await playing(link, "jam_1")
            waiting = asyncio.create_task(link.next("jam_1", 25, index=100))
            await asyncio.sleep(0.2)
            worker.popen.send_signal(signal.SIGTERM)
            with pytest.raises(Conflict) as closed:
                await waiting
            assert closed.value.code == "session_closed"
            with pytest.raises(Unavailable) as draining:
                await link.warm_up("jam_2")
            assert draining.value.code == "draining"
            assert worker.popen.poll() is None
            end = await link.peek("jam_1")
        assert (end.billing_state, end.close_reason) == ("closed", "shutdown")
        assert end.billable_elapsed_seconds is not None
        assert worker.wait() == 0


@pytest.mark.slow
async def test_a_worker_without_sessions_goes_at_once(tmp_path: Path) -> None:
    with jam_worker(tmp_path) as worker:
        worker.popen.send_signal(signal.SIGTERM)
        assert worker.wait() == 0


@pytest.mark.slow
async def test_a_second_signal_waits_for_nobody(tmp_path: Path) -> None:
    with jam_worker(tmp_path) as worker:
        async with open_jam_link(settings_of(worker)) as link:
            await playing(link, "jam_1")
            worker.popen.send_signal(signal.SIGTERM)
            while not any("worker.draining" in line for line in worker.lines):
                await asyncio.sleep(0.01)
            worker.popen.send_signal(signal.SIGTERM)
            worker.wait()


@pytest.mark.slow
async def test_a_killed_worker_is_unknown_and_its_sessions_dead_once_another_is_there(tmp_path: Path) -> None:
    with jam_worker(tmp_path) as worker:
        async with open_jam_link(settings_of(worker)) as link:
            await playing(link, "jam_1")
            waiting = asyncio.create_task(link.next("jam_1", 25, index=100))
            await asyncio.sleep(0.2)
            worker.popen.kill()
            worker.popen.wait()
            for asked in (waiting, link.peek("jam_1"), link.close("jam_1", "test_over")):
                with pytest.raises(Unavailable) as unknown:
                    await asked
                assert unknown.value.code == "worker_unreachable"
            with jam_worker(tmp_path, port=worker.port):
                with pytest.raises(NotFound) as dead:
                    await link.peek("jam_1")
                assert dead.value.code == "session_not_found"
                await playing(link, "jam_2")


async def test_with_another_key_nothing_is_known_of_a_session(tmp_path: Path) -> None:
    with jam_worker(tmp_path, worker_key="another key, long enough") as worker:
        async with open_jam_link(settings_of(worker)) as link:
            with pytest.raises(Unavailable) as refused:
                await link.peek("jam_1")
    assert (refused.value.code, refused.value.retryable) == ("worker_refuses_key", False)
