"""What an export meets on its way, and survives or is ended by: clearly, with nothing charged and nothing left."""

from __future__ import annotations

import asyncio
import errno
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from backline.db.database import Database, Tx, sqlite_url
from backline.errors import Unavailable
from backline.exports import kind, repository, work
from backline.exports.kind import ExportKind
from backline.exports.scratch import Scratch
from backline.exports.work import RenderWork
from backline.ids import new_id
from backline.jobs import attempt
from backline.jobs import repository as jobs
from backline.jobs.job import Data, Job
from backline.storage.base import Stored
from backline.storage.local_disk import LocalDisk
from backline.storage.local_files import IncomingFile
from tests.conftest import Running, RunServer
from tests.exports.client import WELCOME, ExportsClient
from tests.exports.surviving import (
    CHECKPOINTS,
    FILM,
    assert_failed,
    assert_film,
    assert_nothing_happened,
    assert_only,
    attempt_of,
    client_of,
    config,
    keyframe,
)
from tests.films import Film, truncated
from tests.storage.conftest import s3_bucket, s3_endpoint  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow  # servers that fall and come back


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return FILM.write(tmp_path_factory.mktemp("films") / "film.mp4").read_bytes()


@pytest.fixture
def server(run_server: RunServer, monkeypatch: pytest.MonkeyPatch) -> Running:
    monkeypatch.setattr(kind, "_MAX_ATTEMPTS", 2)
    return run_server((), **CHECKPOINTS)


@pytest.fixture
def ada(server: Running) -> Iterator[ExportsClient]:
    with client_of(server, new_id("u")) as client:
        yield client


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits long before it is tried again."""
    monkeypatch.setattr(attempt, "delay_seconds", lambda *_: 0.01)
    monkeypatch.setattr(work, "_STORE_AGAIN_SECONDS", (0.01,) * 6)


def test_a_clip_that_breaks_off_is_an_error_that_says_which_and_where(
    server: Running, ada: ExportsClient, film: bytes, tmp_path: Path
) -> None:
    """Pains 17, 21: nothing is left out silently, and the error has its words."""
    whole = Film(frames=150, faststart=True).write(tmp_path / "film.mp4")
    keys = [ada.upload(film), ada.upload(truncated(whole, 0.6))]
    clips = [{"input_key": key, "start_time": 3.5, "end_time": 5} for key in keys]
    item = assert_failed(ada, ada.order({"clips": clips}, "annotate"), "video_damaged")
    assert "clip 2 is damaged from second " in item["error"]
    assert attempt_of(ada, item) == 1  # the same again would fail the same
    assert_only(tmp_path, 2)


def test_a_render_that_dies_without_a_word_is_done_again_from_where_it_was(
    server: Running,
    ada: ExportsClient,
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> None:
    """Pain 5: what is not known to have failed is looked at again; it is paid once."""
    monkeypatch.setattr(work, "_RENDER", "tests.exports.renders:killed_once")
    item = ada.complete(ada.order(config(ada.upload(film))))
    assert attempt_of(ada, item) == 2
    assert_film(ada, item, tmp_path, list(range(150)))
    ada.assert_has(WELCOME - 5)
    assert_only(tmp_path, 2)


def test_a_disk_without_room_is_said_and_costs_nothing(
    server: Running,
    ada: ExportsClient,
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> None:
    monkeypatch.setattr(work, "_RENDER", "tests.exports.renders:with_little_room")
    item = assert_failed(ada, ada.order(config(ada.upload(film))), "disk_full")
    assert attempt_of(ada, item) == 2  # there may be room again
    assert_only(tmp_path, 1)


@pytest.mark.slow
def test_a_store_without_room_is_said_and_costs_nothing(
    server: Running,
    ada: ExportsClient,
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> None:
    key = ada.upload(film)

    def full(_self: IncomingFile, _block: bytes) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(IncomingFile, "write", full)
    assert_failed(ada, ada.order(config(key)), "storage_full")
    assert_only(tmp_path, 1)


def test_a_store_that_is_away_for_a_while_costs_no_render(
    server: Running,
    ada: ExportsClient,
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> None:
    key, put = ada.upload(film), LocalDisk.put
    refused: list[str] = []

    async def sometimes(self: LocalDisk, key: str, *args: Any, **more: Any) -> Stored:
        if len(refused) < 5:
            refused.append(key)
            raise Unavailable("The file store is away.", code="storage_unavailable")
        return await put(self, key, *args, **more)

    monkeypatch.setattr(LocalDisk, "put", sometimes)
    item = ada.complete(ada.order(config(key)))
    assert attempt_of(ada, item) == 1
    assert len([key for key in refused if key.startswith("work/")]) == 3
    assert server.log.getvalue().count("exports.store_again") == 2
    assert_film(ada, item, tmp_path, list(range(150)))
    assert_only(tmp_path, 2)


@pytest.mark.slow
def test_a_store_that_is_slow_holds_nobody_up(
    server: Running,
    ada: ExportsClient,
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Pain 15: nobody waits for an upload; who asks meanwhile hears that it is being stored."""
    key, read = ada.upload(film), work._read

    async def slowly(path: Path) -> Any:
        async for data in read(path):
            await asyncio.sleep(1)
            yield data

    monkeypatch.setattr(work, "_read", slowly)
    job_id = ada.order(config(key))
    seen = set()
    while (item := ada.item(job_id))["completed_at"] is None:
        seen.add((item["status"], item["phase"]))
        time.sleep(0.02)
    assert ("processing", "finalizing") in seen
    assert_film(ada, item, tmp_path, list(range(150)))


def test_a_failure_while_it_is_being_finished_is_not_the_end(
    run_server: RunServer, film: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    """Pains 9, 10: a mistake behind a finished render does not make it a failed one, and nothing overwrites the end."""
    finish, failures = ExportKind.finish, [NameError("no such name"), KeyError("no such key")]

    async def fails(self: ExportKind, tx: Tx, job: Job, result: Data) -> Data:
        told = await finish(self, tx, job, result)
        if failures:
            raise failures.pop()
        return told

    monkeypatch.setattr(ExportKind, "finish", fails)
    with client_of(run_server((), **CHECKPOINTS)) as ada:
        item = ada.complete(ada.order(config(ada.upload(film))))
        assert (failures, item["output_filename"]) == ([], "project_1_v1.mp4")
        assert_film(ada, item, tmp_path, list(range(150)))
        ada.assert_has(WELCOME - 5)
        assert_only(tmp_path, 2)


def test_an_order_that_cannot_be_written_down_holds_nothing(
    server: Running, ada: ExportsClient, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pain 12: job and credit are one transaction."""
    key = ada.upload(film)

    async def fails(*_: object) -> None:
        raise RuntimeError("the disk says no")

    monkeypatch.setattr(repository, "add_export", fails)
    assert ada.ask(config(key)).status_code == 500
    assert_nothing_happened(ada)
    assert ada.get("/api/jobs")["jobs"] == []


@pytest.mark.slow
def test_a_failed_export_leaves_the_version_before_it(
    server: Running,
    ada: ExportsClient,
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
) -> None:
    """Pains 11, 13: the old film stays until there is a new one; names and films come from what was stored."""
    key = ada.upload(film)
    first = ada.complete(ada.order(config(key)))
    with monkeypatch.context() as patch:
        patch.setattr(work, "_RENDER", "tests.exports.renders:with_little_room")
        failed = ada.ended(ada.order(config(key)))
    assert (failed["status"], failed["output_filename"], failed["output_video_id"]) == ("error", None, None)
    assert_film(ada, ada.item(first["job_id"]), tmp_path, list(range(150)))
    third = ada.complete(ada.order(config(key)))
    assert (first["output_filename"], third["output_filename"]) == ("project_1_v1.mp4", "project_1_v2.mp4")
    assert_film(ada, ada.item(first["job_id"]), tmp_path, list(range(150)))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_source_that_is_gone_when_it_is_needed_is_said(
    run_server: RunServer, film: bytes, database_url: str, tmp_path: Path
) -> None:
    """Pain 22."""
    places = {"database": {"url": database_url}, "accounts": {"key_pepper": "p" * 32}}
    with client_of(run_server((), jobs={"loop": False}, **places)) as ada:
        key = ada.upload(film)
        job_id = ada.order(config(key))
        assert ada.http.delete(f"/api/{key}").status_code == 204
        ada.go_on_at(run_server((), **places).address)
        item = assert_failed(ada, job_id, "source_not_found")
        assert "the film" in item["error"]
        assert_only(tmp_path, 0)


def test_who_sees_the_end_sees_the_film(
    server: Running, ada: ExportsClient, film: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is committed between two readings: `complete` comes with its address, in every list."""
    list_exports = repository.list_exports

    async def slowly(tx: Tx, owner: str, **which: Any) -> Any:
        await asyncio.sleep(0.2)
        rows = await list_exports(tx, owner, **which)
        await asyncio.sleep(0.2)
        return rows

    key = ada.upload(film)
    monkeypatch.setattr(repository, "list_exports", slowly)
    job_id = ada.order(config(key))
    status = ""
    while status not in ("complete", "error"):
        (listed,) = ada.get("/api/exports/recent")["exports"]
        for item in (listed, ada.item(job_id)):
            status = item["status"]
            assert (status == "complete") == (item["output_url"] is not None)
    assert status == "complete"


@pytest.mark.slow
def test_a_render_that_is_stuck_is_ended_and_done_again(
    run_server: RunServer, film: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, impatient: None
) -> None:
    """Pain 18: who is slow tells how far it is; who tells nothing is stuck."""
    monkeypatch.setattr(work, "_RENDER", "tests.exports.renders:stuck_once")
    with client_of(run_server((), exports={"segment_seconds": 2, "stall_seconds": 5})) as ada:
        item = ada.complete(ada.order(config(ada.upload(film))))
        assert attempt_of(ada, item) == 2
        assert "child_hung" in ada.http.get(f"/api/jobs/{item['job_id']}/events").text
        assert_film(ada, item, tmp_path, list(range(150)))


@pytest.mark.slow
def test_an_export_in_a_bucket(
    run_server: RunServer,
    film: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    impatient: None,
    s3_endpoint: str,  # noqa: F811
    s3_bucket: str,  # noqa: F811
) -> None:
    """Sources and kept segments are read where they lie, by signed addresses (pain 16); the output is fetched there."""
    keys = {"access_key_id": "key", "secret_access_key": "secret"}
    storage = {"bucket": s3_bucket, "endpoint": s3_endpoint, "region": "us-east-1", **keys}
    store, failures = RenderWork._store, [Unavailable("away")]

    async def fails(self: RenderWork, key: str, path: Path) -> Stored:
        if failures:
            raise failures.pop()
        return await store(self, key, path)

    monkeypatch.setattr(RenderWork, "_store", fails)
    with client_of(run_server((), storage=storage, **CHECKPOINTS)) as ada:
        item = ada.complete(ada.order(config(ada.upload(film))))
        assert (failures, attempt_of(ada, item)) == ([], 2)
        assert item["output_url"].startswith(f"{s3_endpoint}/{s3_bucket}/u/")
        assert_film(ada, item, tmp_path, list(range(150)))
        end = time.monotonic() + 10
        while len(there := keys_in(f"{s3_endpoint}/{s3_bucket}")) != 2:
            assert time.monotonic() < end, there
            time.sleep(0.1)


def keys_in(bucket: str) -> list[str]:
    """Without what the store itself remembers of an upload."""
    return re.findall("<Key>([^.].*?)</Key>", httpx.get(f"{bucket}?list-type=2").text)


async def test_a_long_plan_is_not_read_to_tell_how_an_export_stands(
    run_server: RunServer, film: bytes, tmp_path: Path
) -> None:
    """Pain 15: a hundred plans of a megabyte each would stop the event loop for seconds."""
    server = run_server((), jobs={"loop": False})
    with client_of(server) as ada:
        points = [keyframe(time=number / 2000) for number in range(10_000)]
        job_id = ada.order(config(ada.upload(film), keyframes=points))
        owner = ada.get("/api/me")["user"]["id"]
    database = Database.open(sqlite_url(tmp_path / "data" / "backline.db"))
    async with database.read() as tx:
        (listed,) = await jobs.of_owner(tx, owner, states=(), kinds=(), before=None, limit=10)
        (one,) = await jobs.of_ids(tx, owner, [job_id])
        whole = await jobs.get(tx, job_id)
    await database.close()
    assert (listed.id, one.id) == (job_id, job_id)
    assert listed.input == one.input == {}
    assert whole is not None
    assert len(whole.input["plan"]["clips"][0]["crop"]) == 10_000


# What a dead process leaves


async def test_folders_of_the_dead_are_removed_and_those_of_the_living_are_not(tmp_path: Path) -> None:
    """Also one whose removal was cut off, of which only the lock had gone."""
    root = tmp_path / "exports"
    ours, theirs = Scratch(root), Scratch(root)
    async with ours.folder("job_a", 1) as folder:
        (folder / "film.mp4").write_bytes(b"x")
        for name in ("dead", "half-gone"):
            (root / name).mkdir()
            (root / name / "film.mp4").write_bytes(b"x")
        (root / "dead" / "lock").touch()
        await theirs.sweep()
        assert [path.name for path in root.iterdir()] == ["job_a-1"]
        assert (folder / "film.mp4").exists()
        async with theirs.folder("job_b", 1):
            assert sorted(path.name for path in root.iterdir()) == ["job_a-1", "job_b-1"]
    assert list(root.iterdir()) == []
    await Scratch(tmp_path / "never").sweep()
    assert not (tmp_path / "never").exists()


async def test_a_cancel_while_a_folder_is_made_leaves_none(tmp_path: Path) -> None:
    async def work() -> None:
        async with Scratch(tmp_path / "exports").folder("job_a", 1):
            await asyncio.sleep(60)

    for rounds in range(20):
        task = asyncio.create_task(work())
        for _ in range(rounds % 4):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    await Scratch(tmp_path / "exports").sweep()
    assert not (tmp_path / "exports").exists() or list((tmp_path / "exports").iterdir()) == []
