"""Storage that fails, is slow or is full while a job's output is stored: one file or none, and nothing left over."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from backline.assets.service import Assets
from backline.db.database import Database, Tx
from backline.errors import Unavailable
from backline.jobs.job import Data, Job, JobState
from backline.jobs.kinds import JobKind
from backline.storage import local_files
from backline.storage.base import Storage, Stored
from backline.storage.paths import owned_key
from tests.jobs import world as hooks
from tests.jobs.conftest import NewWorld
from tests.jobs.test_database_away import Leaving
from tests.jobs.world import QUICK, World, kind_of, make_trace, soon
from tests.storage import stores
from tests.storage.misbehaving import misbehaving

DATA = bytes(range(256)) * 8192


@dataclass
class Exports:
    """Hooks that store and register. fails: so many puts are cut off half way. slow: what a put waits for."""

    storage: Storage
    assets: Assets
    fails: int = 0
    slow: asyncio.Event | None = None
    begun: int = 0

    def kind(self, **fields: Any) -> JobKind:
        return kind_of(store=self.store, finish=self.finish, **fields)

    async def store(self, job: Job, _output: Data) -> Data:
        self.begun += 1
        key = owned_key(job.owner, job.id, str(job.attempt))
        stored = await self.storage.put(key, self._pieces(), content_type="video/mp4")
        return {"key": key, "size_bytes": stored.size_bytes, "sha256": stored.sha256}

    async def _pieces(self) -> AsyncIterator[bytes]:
        yield DATA[: len(DATA) // 2]
        if self.fails:
            self.fails -= 1
            raise Unavailable("The store went away.", code="storage_unavailable")
        if self.slow is not None:
            await self.slow.wait()
        yield DATA[len(DATA) // 2 :]

    async def finish(self, tx: Tx, job: Job, result: Data) -> Data:
        stored = Stored(result["size_bytes"], result["sha256"], None)
        owner, key = job.owner, result["key"]
        await self.assets.register(
            tx, owner_id=owner, key=key, stored=stored, name="a.mp4", content_type="video/mp4", source=job.id
        )
        return await hooks.finish(tx, job, result)


@pytest.fixture
async def exports(database: Database, tmp_path: Path) -> AsyncIterator[Exports]:
    async with stores.local(tmp_path / "files") as storage:
        yield Exports(storage, Assets(database, storage, quota_bytes=10**9, max_file_bytes=10**9))


async def left_over(exports: Exports, tmp_path: Path, job: Job) -> list[str]:
    """Files that nobody has registered, before anything is swept; and that those that are registered are there."""
    files = await exports.assets.list(job.owner, before=None, limit=10)
    stored = {str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").rglob("*") if path.is_file()}
    assert {file.key for file in files} <= stored
    return sorted(stored - {file.key for file in files})


async def test_a_store_that_comes_back_has_one_file(new_world: NewWorld, exports: Exports, tmp_path: Path) -> None:
    exports.fails = 2
    world = new_world(exports.kind())
    async with world.loop():
        job = await world.submit()
        ended = await world.ended(job)
    assert (ended.state, ended.attempt) == (JobState.SUCCEEDED, 3)
    assert await world.trace(job) == ["finish", "hold"]
    (file,) = await exports.assets.list("anna", before=None, limit=10)
    assert await stores.content(exports.storage, file.key) == DATA
    assert await left_over(exports, tmp_path, job) == []


async def test_a_store_that_is_full_fails_the_job_and_gives_everything_back(
    new_world: NewWorld, exports: Exports, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(local_files, "write_all", full)
    world = new_world(exports.kind(max_attempts=2))
    async with world.loop():
        job = await world.submit()
        ended = await world.ended(job)
    assert (ended.state, ended.error_code, ended.attempt) == (JobState.FAILED, "storage_full", 2)
    assert await world.trace(job) == ["hold", "release"]
    assert await left_over(exports, tmp_path, job) == []


async def test_a_bucket_that_hangs_is_an_error_in_time(new_world: NewWorld, exports: Exports) -> None:
    async with misbehaving("hangs") as (address, _), stores.s3(address, limits=stores.quick()) as storage:
        exports.storage = storage
        world = new_world(exports.kind(max_attempts=2))
        async with world.loop():
            job = await world.submit()
            ended = await world.ended(job)
    assert ended.state is JobState.FAILED
    assert ended.error_code in ("storage_timeout", "storage_unavailable")
    assert await world.trace(job) == ["hold", "release"]


@pytest.mark.slow
async def test_a_slow_store_keeps_its_job_beside_a_second_loop(
    new_world: NewWorld, exports: Exports, tmp_path: Path
) -> None:
    exports.slow = asyncio.Event()
    world, other = new_world(exports.kind()), new_world(exports.kind())
    async with world.loop(), other.loop():
        job = await world.submit()
        await asyncio.sleep(2 * QUICK.lease_seconds)
        assert (await world.get(job)).phase == "finalizing"
        exports.slow.set()
        ended = await world.ended(job)
    assert (ended.state, ended.attempt, exports.begun) == (JobState.SUCCEEDED, 1, 1)
    assert await left_over(exports, tmp_path, job) == []


async def test_a_cancel_reaches_a_slow_store(new_world: NewWorld, exports: Exports, tmp_path: Path) -> None:
    exports.slow = asyncio.Event()  # which is never set
    world = new_world(exports.kind())
    async with world.loop():
        job = await world.submit()
        await soon(lambda: exports.begun == 1)
        await world.jobs.cancel("anna", job.id)
        assert (await world.ended(job)).state is JobState.CANCELLED
    assert await world.trace(job) == ["hold", "release"]
    assert await left_over(exports, tmp_path, job) == []


@pytest.mark.slow
async def test_what_comes_too_late_overwrites_nothing_and_is_swept(
    database: Database, database_url: str, exports: Exports, tmp_path: Path
) -> None:
    """A process that cannot reach the database stores on; another one has done the work meanwhile."""
    await make_trace(database)
    leaving = Leaving.open(database_url)
    late = Exports(exports.storage, exports.assets, slow=asyncio.Event())
    assert late.slow is not None
    cut_off, other = World(leaving, (late.kind(),)), World(database, (exports.kind(),))
    async with cut_off.loop() as loop:
        job = await cut_off.submit()
        await soon(lambda: late.begun == 1)
        leaving.away = True
        async with other.loop():
            ended = await other.ended(job)
        late.slow.set()
        await soon(lambda: len(list((tmp_path / "files" / "u").rglob("*/*/*"))) == 2)
        leaving.away = False
        await soon(lambda: loop.active == 0)
    await leaving.close()
    assert await other.get(job) == ended
    assert ended.attempt == 2
    assert await other.trace(job) == ["finish", "hold"]
    assert await left_over(exports, tmp_path, job) == [f"u/anna/{job.id}/1"]
    await exports.assets.sweep(orphan_seconds=0.01)
    assert await stores.keys(exports.storage) == [f"u/anna/{job.id}/2"]
