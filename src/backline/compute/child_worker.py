"""The program of one child: `python -m backline.compute.child_worker module:function PARENT_PID`.

Standard input brings the data, as one line, and then stays open for as long as the parent lives; when it closes, the
child kills its whole group. What it tells goes up as frames: kind (1 byte), length (4 bytes, big-endian), JSON. The
programs it starts get neither pipe: they read nothing, and what they print goes to standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
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


def _die_with(parent: int) -> None:
    """The kernel's help where there is one: should this process be too busy to see its pipe close."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        _end()


def _watch(lifeline: BinaryIO) -> None:
    lifeline.read()
    _end()


def _end() -> NoReturn:
    os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _on_sigterm(_number: int, _frame: object) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise Told


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # from a terminal; the parent decides
    signal.signal(signal.SIGTERM, _on_sigterm)
    _die_with(int(sys.argv[2]))
    lifeline = os.fdopen(os.dup(0), "rb")
    frames = Frames(os.fdopen(os.dup(1), "wb"))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    with contextlib.suppress(Told):  # told to end before it began, or after it was done
        data = json.loads(lifeline.readline() or "null")
        threading.Thread(target=_watch, args=(lifeline,), daemon=True).start()
        run(sys.argv[1], data, frames)


if __name__ == "__main__":
    main()
