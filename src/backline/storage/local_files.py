"""Files that appear whole or not at all. Everything here blocks: it runs in threads."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from backline.errors import Conflict
from backline.storage.base import ObjectInfo
from backline.storage.failures import away, not_found, object_exists
from backline.storage.streams import Digest

_PUBLISH_ATTEMPTS = 20


class IncomingFile:
    """A new object while it is written, under a name that is no key.

    The lock makes `discard` wait for a write that goes on in another thread after its caller was cancelled.
    """

    def __init__(self, path: Path) -> None:
        self.digest = Digest()
        self.etag = ""
        self._path = path
        self._lock = threading.Lock()
        self._file: int | None = None
        self._discarded = False

    def write(self, block: bytes) -> None:
        with self._lock:
            if self._discarded:
                return
            if self._file is None:
                self._file = create(self._path)
            write_all(self._file, block)
            self.digest.update(block)

    def publish(self, target: Path, root: Path, *, if_absent: bool) -> None:
        with self._lock:
            if self._discarded:
                return
            if self._file is None:
                self._file = create(self._path)
            os.fsync(self._file)
            self.etag = etag(os.fstat(self._file))
            publish(self._path, target, root, if_absent=if_absent)

    def discard(self) -> None:
        """Closes; removes what was not published. May be repeated."""
        with self._lock:
            self._discarded = True
            if self._file is not None:
                os.close(self._file)
                self._file = None
                self._path.unlink(missing_ok=True)


def create(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def write_all(file: int, block: bytes) -> None:
    view = memoryview(block)
    while view:
        view = view[os.write(file, view) :]


def write_small(path: Path, content: bytes) -> None:
    """Replace a small file of our own, whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        write_all(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    temporary.replace(path)


def publish(path: Path, target: Path, root: Path, *, if_absent: bool) -> None:
    """Give a finished, synced file its name. Repeating it after a crash is harmless.

    A hard link is the one way to a new name that fails if it is taken; a rename replaces. Folders are made anew when
    somebody's `remove` has just cleared them away.
    """
    for _ in range(_PUBLISH_ATTEMPTS):
        with suppress(FileNotFoundError):
            made = _make_folders(target.parent, root)
            if if_absent:
                _link(path, target)
            else:
                path.replace(target)
            for folder in (target.parent, *made):
                _sync_folder(folder)
            return
    raise away("lost a file while it was written")


def _link(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path)
    except FileExistsError:
        if not path.samefile(target):
            raise object_exists() from None
    path.unlink()


def _make_folders(folder: Path, root: Path) -> list[Path]:
    """Returns the folders whose entries have changed."""
    missing = []
    while folder != root and not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        try:
            one.mkdir(exist_ok=True)
        except FileExistsError:
            raise Conflict("One key cannot be both a file and a folder of others.", code="key_taken") from None
    return [one.parent for one in missing]


def _sync_folder(folder: Path) -> None:
    """Makes the name itself last. The folder may be gone again."""
    with suppress(FileNotFoundError):
        file = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def copy_file(source: Path, temporary: Path, target: Path, root: Path) -> None:
    """A real copy: a link would carry the old file's time, by which sweeps judge."""
    try:
        with _open_object(source) as reader, os.fdopen(create(temporary), "wb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fsync(writer.fileno())
        publish(temporary, target, root, if_absent=False)
    finally:
        temporary.unlink(missing_ok=True)


def _open_object(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (IsADirectoryError, NotADirectoryError):
        raise not_found() from None


def remove(paths: list[Path], root: Path) -> None:
    """Files, and the folders that become empty. What is not there, or is a folder, is no object."""
    for path in paths:
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError):
            path.unlink()
        for folder in path.parents:
            if folder == root:
                break
            try:
                folder.rmdir()
            except OSError:  # not empty, or gone
                break


def walk(root: Path, prefix: str, after: str) -> Iterator[ObjectInfo]:
    """Objects in the order of their keys, from behind `after`; folders that lie before it are not opened.

    A folder is sorted as if its name ended in a slash: so `a-b` comes before `a/b`, as in S3.
    """
    try:
        entries = list(os.scandir(root / prefix))
    except (FileNotFoundError, NotADirectoryError):
        return
    names = {entry.name + "/" * entry.is_dir(follow_symlinks=False): entry for entry in entries}
    for name, entry in sorted(names.items()):
        if name.startswith("."):
            continue
        key = prefix + name
        if name.endswith("/"):
            if key > after or after.startswith(key):
                yield from walk(root, key, after)
        elif key > after:
            with suppress(FileNotFoundError):
                yield _info(key, entry.stat(follow_symlinks=False))


def info(root: Path, key: str) -> ObjectInfo:
    try:
        status = (root / key).stat()
    except NotADirectoryError:
        raise not_found() from None
    if not stat.S_ISREG(status.st_mode):
        raise not_found()
    return _info(key, status)


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    moment = datetime.fromtimestamp(status.st_mtime_ns // 1000 / 1e6, UTC)
    return ObjectInfo(key, status.st_size, moment, etag(status))


def etag(status: os.stat_result) -> str:
    """Made as obstore makes it, so that `put`, `list` and `head` agree: inode, microseconds, size."""
    return f'"{status.st_ino:x}-{status.st_mtime_ns // 1000:x}-{status.st_size:x}"'


def ages(folder: Path, before: float) -> Iterator[tuple[Path, bool]]:
    """Files in a folder of ours, and whether they were last written before that moment (seconds since 1970)."""
    with suppress(FileNotFoundError):
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):
                yield Path(entry.path), entry.stat().st_mtime <= before
