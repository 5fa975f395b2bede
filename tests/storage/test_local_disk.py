"""What only the local folder has: disks that are full, read-only or slow, processes that are killed."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backline.errors import BacklineError, Conflict, NotFound, Unavailable
from backline.storage import local_files
from backline.storage.base import Storage
from tests.storage import stores
from tests.storage.stores import MIB, content, keys, pattern, pieces, quick

TYPE = "audio/wav"
LARGE = pattern(11 * MIB)

_CHILD = """
import asyncio, resource, signal, sys
from pathlib import Path
from tests.storage import stores
from tests.storage.stores import MIB, pieces

async def endless(kind):
    for number in range(1000):
        yield bytes(MIB)
        if number == 8 and kind != "full":
            print("half way", flush=True)
            await asyncio.sleep(60)

async def main(kind, root):
    async with stores.local(Path(root)) as storage:
        if kind == "full":
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8 * MIB, 8 * MIB))
            upload = await storage.uploads.begin("b", content_type="audio/wav")
            put = storage.put("a", endless(kind), content_type="audio/wav")
            for call in (put, storage.uploads.append(upload, 0, endless(kind))):
                try:
                    await call
                except Exception as error:
                    print(type(error).__name__, error.code, error.retryable, flush=True)
            print((await storage.uploads.state(upload)).offset, flush=True)
            await storage.uploads.abort(upload)
        elif kind == "put":
            await storage.put("a", endless(kind), content_type="audio/wav")
        else:
            upload = await storage.uploads.begin("a", content_type="audio/wav")
            print(upload, flush=True)
            await storage.uploads.append(upload, 0, endless(kind))

asyncio.run(main(*sys.argv[1:]))
"""


@contextmanager
def _child(kind: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    arguments = [sys.executable, "-c", _CHILD, kind, str(root)]
    folder = Path(__file__).parents[2]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, cwd=folder) as child:
        try:
            yield child
        finally:
            child.kill()


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def _files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


async def test_what_a_killed_put_leaves_is_invisible_and_swept(tmp_path: Path) -> None:
    async with stores.local(tmp_path) as storage:
        await storage.put("a", b"old", content_type=TYPE)
        with _child("put", tmp_path) as child:
            assert _line(child) == "half way"
            child.send_signal(signal.SIGKILL)
            child.wait(20)
        assert len(_files(tmp_path)) == 2
        assert await keys(storage) == ["a"]
        assert await content(storage, "a") == b"old"
        assert await storage.sweep(3600) == 0
        assert await storage.sweep(0) == 1
        assert _files(tmp_path) == ["a"]


async def test_an_upload_goes_on_where_a_killed_process_was(tmp_path: Path) -> None:
    with _child("upload", tmp_path) as child:
        upload = _line(child)
        assert _line(child) == "half way"
        async with stores.local(tmp_path) as storage:
            with pytest.raises(Conflict) as caught:
                await storage.uploads.append(upload, 0, b"x")
            assert caught.value.code == "upload_in_use"
            assert await storage.sweep(0) == 0
        child.send_signal(signal.SIGKILL)
        child.wait(20)
    async with stores.local(tmp_path) as storage:
        offset = (await storage.uploads.state(upload)).offset
        assert offset >= 7 * MIB
        await storage.uploads.append(upload, offset, b"end")
        stored = await storage.uploads.complete(upload)
        assert stored.sha256 == hashlib.sha256(bytes(offset) + b"end").hexdigest()


def test_a_full_disk_is_a_retryable_error_and_leaves_nothing(tmp_path: Path) -> None:
    with _child("full", tmp_path) as child:
        output, _ = child.communicate(timeout=60)
    assert output.split("\n") == ["Unavailable storage_full True", "Unavailable storage_full True", str(8 * MIB), ""]
    assert _files(tmp_path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="root is needed to write as somebody else")
async def test_a_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    """As another user, for root may write anywhere. tmp_path itself cannot be entered by others: hence the fd."""
    async with stores.local(tmp_path / "files") as storage:
        await storage.put("a/b", b"x", content_type=TYPE)
        for folder in ("", "a", ".incoming"):
            (tmp_path / "files" / folder).chmod(0o555)
        with _nobody():
            for call in (
                storage.put("a/c", b"x", content_type=TYPE),
                storage.uploads.begin("c", content_type=TYPE),
                storage.copy("a/b", "c"),
            ):
                with pytest.raises(Unavailable) as caught:
                    await call
                assert caught.value.code == "storage_read_only"
                assert str(tmp_path) not in "".join(traceback.format_exception(caught.value))


@contextmanager
def _nobody() -> Iterator[None]:
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_disk_that_hangs_is_an_error_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def hangs(*_: object) -> None:
        go_on.wait(20)

    async with stores.local(tmp_path, limits=quick()) as storage:
        monkeypatch.setattr(local_files, "write_all", hangs)
        try:
            for call in (storage.put("a", b"x", content_type=TYPE), storage.uploads.begin("a", content_type=TYPE)):
                with pytest.raises(Unavailable):
                    async with asyncio.timeout(15):
                        await call
        finally:
            go_on.set()


CALLS = ("open", "write", "fsync", "scandir", "stat", "unlink", "rmdir", "replace", "link", "mkdir", "pread", "utime")


async def test_the_event_loop_never_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[tuple[str, bool]] = set()
    async with stores.local(tmp_path) as storage:
        for name in CALLS:
            monkeypatch.setattr(os, name, _watched(getattr(os, name), name, seen))
        await storage.put("a/b", pieces(LARGE), content_type=TYPE)
        await storage.put("a/c", b"x", content_type=TYPE, if_absent=True)
        await content(storage, "a/b")
        await storage.list()
        await storage.copy("a/b", "c")
        upload = await storage.uploads.begin("d", content_type=TYPE)
        await storage.uploads.append(upload, 0, b"x")
        await storage.uploads.state(upload)
        await storage.uploads.complete(upload)
        await storage.uploads.abort(upload)
        await storage.delete_prefix("a")
        await storage.sweep(0)
        monkeypatch.undo()
    assert {name for name, _ in seen} >= {"open", "write", "fsync", "scandir", "stat", "unlink", "mkdir", "utime"}
    assert not [name for name, on_loop in seen if on_loop]


def _watched(real: Callable[..., object], name: str, seen: set[tuple[str, bool]]) -> Callable[..., object]:
    def watched(*arguments: object, **options: object) -> object:
        seen.add((name, threading.current_thread() is threading.main_thread()))
        return real(*arguments, **options)

    return watched


async def test_a_put_is_synced_before_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    real_fsync, real_replace = os.fsync, Path.replace

    def fsync(file: int) -> None:
        order.append("sync")
        real_fsync(file)

    monkeypatch.setattr(os, "fsync", fsync)

    def replace(path: Path, target: Path) -> Path:
        order.append("name")
        return real_replace(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    async with stores.local(tmp_path) as storage:
        await storage.put("a/b", b"x", content_type=TYPE)
    assert order[:2] == ["sync", "name"]
    assert order.count("sync") >= 3  # the file, its folder, and the folder of the new folder


async def test_a_key_cannot_be_a_file_and_a_folder(tmp_path: Path) -> None:
    async with stores.local(tmp_path) as storage:
        await storage.put("a", b"x", content_type=TYPE)
        await storage.put("b/c", b"x", content_type=TYPE)
        for key in ("a/b", "a/b/c", "b"):
            for if_absent in (False, True):
                with pytest.raises(Conflict):
                    await storage.put(key, b"y", content_type=TYPE, if_absent=if_absent)
            with pytest.raises(Conflict):
                await storage.copy("a", key)
        assert await keys(storage) == ["a", "b/c"]
        assert await storage.sweep(0) == 0


async def test_puts_and_deletes_of_neighbours_do_not_disturb_each_other(tmp_path: Path) -> None:
    """A delete removes folders that become empty, also one that a put has just made."""
    async with stores.local(tmp_path) as storage:

        async def put_and_delete(number: int) -> None:
            for _ in range(40):
                await storage.put(f"u/a/{number}", b"x", content_type=TYPE)
                await storage.delete(f"u/a/{number}")

        await asyncio.gather(*(put_and_delete(number) for number in range(4)))
        assert _files(tmp_path) == []
        assert not (tmp_path / "u").exists()


async def test_files_are_for_the_owner_of_the_process_alone(tmp_path: Path) -> None:
    async with stores.local(tmp_path) as storage:
        await storage.put("a", b"x", content_type=TYPE)
        upload = await storage.uploads.begin("b", content_type=TYPE)
        await storage.uploads.complete(upload)
    modes = {name: (tmp_path / name).stat().st_mode & 0o777 for name in _files(tmp_path)}
    assert set(modes.values()) == {0o600}, modes


async def test_a_copy_is_as_young_as_it_is(tmp_path: Path) -> None:
    """Who sweeps by age must not take it for an old file that nobody knows."""
    async with stores.local(tmp_path) as storage:
        await storage.put("a", b"x", content_type=TYPE)
        os.utime(tmp_path / "a", (1, 1))
        await storage.copy("a", "b")
        assert (await storage.head("b")).modified.timestamp() > time.time() - 60
        upload = await storage.uploads.begin("c", content_type=TYPE)
        await storage.uploads.append(upload, 0, b"x")
        os.utime(tmp_path / ".uploads" / f"{upload}.data", (1, 1))
        await storage.uploads.complete(upload)
        assert (await storage.head("c")).modified.timestamp() > time.time() - 60


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("if_absent", [False, True])
async def test_a_kill_while_completing_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool, if_absent: bool
) -> None:
    """The result is written down, and the file has its name already or not yet; with a link it may have both names."""
    async with stores.local(tmp_path) as storage:
        upload = await storage.uploads.begin("a", content_type=TYPE, if_absent=if_absent)
        await storage.uploads.append(upload, 0, pieces(LARGE))
        real = local_files.publish

        def killed(path: Path, target: Path, root: Path, *, if_absent: bool) -> None:
            if named and if_absent:
                os.link(path, target)
            elif named:
                real(path, target, root, if_absent=if_absent)
            raise BacklineError("killed")

        monkeypatch.setattr(local_files, "publish", killed)
        with pytest.raises(BacklineError):
            await storage.uploads.complete(upload)
        monkeypatch.undo()
    async with stores.local(tmp_path) as storage:
        stored = await storage.uploads.complete(upload)
        assert stored.sha256 == hashlib.sha256(LARGE).hexdigest()
        assert await content(storage, "a") == LARGE
        assert await keys(storage) == ["a"]
        assert await storage.uploads.complete(upload) == stored


async def test_an_upload_that_is_gone_on_with_is_not_swept(tmp_path: Path) -> None:
    async with stores.local(tmp_path) as storage:
        upload = await storage.uploads.begin("a", content_type=TYPE)
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def source() -> AsyncIterator[bytes]:
            yield b"x"
            reached.set()
            await go_on.wait()

        append = asyncio.ensure_future(storage.uploads.append(upload, 0, source()))
        await reached.wait()
        assert await storage.sweep(0) == 0
        go_on.set()
        await append
        assert await storage.sweep(0) == 1
        with pytest.raises(NotFound):
            await storage.uploads.state(upload)


async def test_a_put_whose_file_was_swept_is_an_error(tmp_path: Path) -> None:
    async with stores.local(tmp_path) as storage:

        async def source() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield bytes(MIB)
            await asyncio.sleep(0.2)
            assert await storage.sweep(0) == 1
            yield b"x"

        with pytest.raises(Unavailable):
            await storage.put("a", source(), content_type=TYPE)
        assert _files(tmp_path) == []


async def test_the_stores_own_files_are_not_listed(storage: Storage) -> None:
    await storage.put("a", b"x", content_type=TYPE)
    await storage.uploads.begin("b", content_type=TYPE)
    assert await keys(storage) == ["a"]
