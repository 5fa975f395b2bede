"""The program of one child: `python -m backline.compute.child_worker module:function PARENT_PID`.

It is two processes in one group. The *leader* only watches: standard input brings the data, as one line, and then stays
open for as long as the parent lives; when it closes, or the worker has ended, the leader kills the whole group. It
shares no interpreter with the work, so that no work is too busy for it. The *worker* calls the function. What that
tells goes up as frames: kind (1 byte), length (4 bytes, big-endian), JSON. The programs it starts get neither pipe:
they read nothing, and what they print goes to standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import struct
import sys
import threading
from collections.abc import Callable
from enum import IntEnum
from importlib import import_module
from typing import Any, BinaryIO, NoReturn

from backline.errors import BacklineError, Failed, Unavailable

HEADER = struct.Struct("!BI")

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

_LOOK_SECONDS = 0.5
"""How often the leader looks whether the worker has ended, where the system does not tell; the parent sees it at once,
by its pipe."""


class ChildFrame(IntEnum):
    PROGRESS = 1
    RESULT = 2
    ERROR = 3


class Told(BaseException):
    """SIGTERM, raised where the function is, so that what it opened is closed."""


class Frames:
    """The way up; functions may tell progress from several threads."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._lock = threading.Lock()

    def send(self, kind: ChildFrame, message: Any) -> None:
        body = json.dumps(message).encode()
        with self._lock:
            self._out.write(HEADER.pack(kind, len(body)) + body)
            self._out.flush()

    def progress(self, **values: Any) -> None:
        self.send(ChildFrame.PROGRESS, values)


def load(path: str) -> Callable[..., Any]:
    module, _, name = path.partition(":")
    function: Callable[..., Any] = getattr(import_module(module), name)
    return function


def run(path: str, data: Any, frames: Frames) -> None:
    try:
        frames.send(ChildFrame.RESULT, load(path)(data, frames.progress))
    except Told:
        told = Unavailable("The process that did the work was told to end.", code="child_told_to_end")
        frames.send(ChildFrame.ERROR, told.as_data())
    except BacklineError as error:
        frames.send(ChildFrame.ERROR, error.as_data())
    except Exception as error:  # noqa: BLE001 - the parent must hear of it, but not its message: it may quote a text
        failed = Failed(f"The work failed ({type(error).__name__}).", code="child_failed")
        frames.send(ChildFrame.ERROR, failed.as_data())


def _work(path: str, data: Any, frames: Frames, leader: int) -> NoReturn:
    """The worker, from its first moment to its last."""
    _signal_when_parent_ends(signal.SIGKILL, leader)
    with contextlib.suppress(Told):  # told to end before it began, or after it was done
        signal.signal(signal.SIGTERM, _on_sigterm)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        run(path, data, frames)
    os._exit(0)  # nothing that a library has registered for the end may hold it up


def _watch(worker: int, lifeline: BinaryIO) -> NoReturn:
    """The leader, for the rest of its life; SIGTERM stays blocked: it is meant for the others."""
    if signal.SIGTERM in signal.sigpending():  # came before there was a worker
        os.kill(worker, signal.SIGTERM)
    signs: list[Any] = [lifeline]
    if hasattr(os, "pidfd_open"):  # on Linux, the worker's end is seen at once
        signs.append(os.pidfd_open(worker))
    ended, _ = os.waitpid(worker, os.WNOHANG)
    while not ended:
        readable, _, _ = select.select(signs, [], [], _LOOK_SECONDS)
        if lifeline in readable and not lifeline.read(1):
            break
        ended, _ = os.waitpid(worker, os.WNOHANG)
    _end()


def _signal_when_parent_ends(number: signal.Signals, parent: int) -> None:
    """The kernel's help where there is one; the pipes are enough where there is none."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        _end()


def _end(*_signal: object) -> NoReturn:
    os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _on_sigterm(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise Told


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal; the parent decides
    signal.signal(signal.SIGUSR1, _end)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    _signal_when_parent_ends(signal.SIGUSR1, int(sys.argv[2]))
    lifeline = os.fdopen(os.dup(0), "rb", buffering=0)
    data = json.loads(_line(lifeline) or b"null")
    up = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    leader = os.getpid()
    worker = os.fork()  # this process has one thread, and has loaded nothing yet
    if worker == 0:
        lifeline.close()
        signal.signal(signal.SIGUSR1, signal.SIG_DFL)
        _work(sys.argv[1], data, Frames(os.fdopen(up, "wb")), leader)
    os.close(up)  # so that its end is the worker's end
    _watch(worker, lifeline)


def _line(lifeline: BinaryIO) -> bytes:
    parts: list[bytes] = []
    while not parts or not parts[-1].endswith(b"\n"):
        part = lifeline.read(1 << 16)
        if not part:
            _end()
        parts.append(part)
    return b"".join(parts)


if __name__ == "__main__":
    main()
