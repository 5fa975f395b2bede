"""Jobs on Modal: `Remote` over spawned calls, which outlive every gateway and every deploy."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from modal.exception import (
    ExecutionError,
    FunctionTimeoutError,
    ImageBuildError,
    InternalFailure,
    NotFoundError,
    OutputExpiredError,
    RemoteError,
)

from backline.clock import Monotonic, monotonic
from backline.compute.on_modal.board import Board
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.entry import Entry, key_of
from backline.compute.on_modal.failures import PLATFORM_ERRORS
from backline.compute.remote import Answer, Done, Running, Unknown
from backline.errors import BacklineError, Conflict, Failed, Unavailable, from_data
from backline.observability.logging import get_logger

_FIRST_ASK_SECONDS = 3.0
_LAST_ASK_SECONDS = 60.0
"""A call about which the board is silent is itself asked after the first, then after twice that, up to the last."""

_ENDING_SECONDS = 0.25
"""How long a call that says on the board that it has ended may take to hand its answer over."""

_FORGOTTEN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Handle:
    """All there is to know of a call, kept as text with its job. version: of the app when it was started; 0 where
    Modal did not say."""

    app: str
    version: int
    function: str
    job_id: str
    attempt: int
    call_id: str

    def __str__(self) -> str:
        return f"{self.app}/{self.version}/{self.function}/{self.job_id}/{self.attempt}/{self.call_id}"

    @property
    def key(self) -> str:
        return key_of(self.job_id, self.attempt)

    @classmethod
    def read(cls, text: str) -> Handle:
        """Raises ValueError for what is none."""
        app, version, function, job_id, attempt, call_id = text.split("/")
        return cls(app, int(version), function, job_id, int(attempt), call_id)


@dataclass(slots=True)
class _Watch:
    """A call that is asked about. entry: the last news. asked_for: whether a cancel was sent."""

    next_ask: float
    polled: float
    pause: float = _FIRST_ASK_SECONDS
    entry: Entry | None = None
    asked_for: bool = False

    def hear(self, entry: Entry | None, now: float) -> None:
        """News put off the next question."""
        if entry is not None and entry != self.entry:
            if self.entry is not None:  # the first may be old: left by one who has died
                self.pause, self.next_ask = _LAST_ASK_SECONDS, now + _LAST_ASK_SECONDS
            self.entry = entry

    def asked(self, now: float) -> None:
        self.pause = min(2 * self.pause, _LAST_ASK_SECONDS)
        self.next_ask = now + self.pause


class ModalCalls:
    """One for a process: its polls share one reading of the board."""

    def __init__(self, app: ModalApp, clock: Monotonic = monotonic) -> None:
        self._app = app
        self._board = Board(app, clock)
        self._clock = clock
        self._watched: dict[str, _Watch] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self._board.aclose()

    async def spawn(self, function: str, job_id: str, attempt: int, data: Mapping[str, Any]) -> str:
        version = await self._app.deployed_version()
        call = await self._app.ask(
            lambda: self._app.function(function).spawn.aio(function, job_id, attempt, dict(data))
        )
        return str(Handle(self._app.name, version, function, job_id, attempt, call.object_id))

    async def poll(self, call: str) -> Answer:
        try:
            handle = Handle.read(call)
        except ValueError:
            return Unknown("this is no handle of a call on Modal")
        watch = self._watch(call)
        try:
            answer = await self._look(handle, watch)
        except BacklineError as error:
            return Unknown(error.code)
        if isinstance(answer, Done):
            self._watched.pop(call, None)
            await self._board.remove(handle.key)
        return answer

    async def cancel(self, call: str) -> None:
        try:
            handle = Handle.read(call)
        except ValueError:
            return
        self._watch(call).asked_for = True
        await self._app.ask(lambda: self._cancel(handle.call_id))

    async def _cancel(self, call_id: str) -> None:
        with contextlib.suppress(NotFoundError):
            await self._app.call(call_id).cancel.aio()

    def _watch(self, call: str) -> _Watch:
        now = self._clock()
        watch = self._watched.get(call)
        if watch is None:
            self._watched = {
                one: known for one, known in self._watched.items() if now - known.polled < _FORGOTTEN_SECONDS
            }
            watch = self._watched[call] = _Watch(now + _FIRST_ASK_SECONDS, now)
        watch.polled = now
        return watch

    async def _look(self, handle: Handle, watch: _Watch) -> Answer:
        watch.hear(await self._board.entry(handle.key), self._clock())
        running = watch.entry.running if watch.entry is not None else Running()
        ended = watch.entry is not None and watch.entry.ended
        if not ended and not watch.asked_for and self._clock() < watch.next_ask:
            return running
        watch.asked(self._clock())
        wait_seconds = _ENDING_SECONDS if ended else 0.0
        answer = await self._app.ask(lambda: self._outcome(handle, wait_seconds, watch.asked_for))
        return running if answer is None else answer

    async def _outcome(self, handle: Handle, wait_seconds: float, cancelled: bool) -> Answer | None:
        """None while it runs. What the body itself raises is a crash: failures with a reason are told as data."""
        try:
            result = await self._app.call(handle.call_id).get.aio(timeout=wait_seconds)
        except OutputExpiredError:  # of the family of time-outs, and so first
            return Done(error=Unavailable("The result was not fetched in time.", code="remote_expired"))
        except FunctionTimeoutError:
            return Done(error=Failed("The work took longer than it may.", code="remote_timed_out"))
        except NotFoundError:
            return Unknown("Modal does not know the call")
        except RemoteError as error:
            if cancelled or ("cancel" in str(error).lower() and not isinstance(error, ImageBuildError)):
                return Done(error=Conflict("The work was cancelled.", code="remote_cancelled"))
            return _crashed(handle, error)
        except (InternalFailure, ExecutionError) as error:
            return _crashed(handle, error)
        except TimeoutError:
            return None
        except PLATFORM_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001 - an exception of the body arrives as itself
            return _crashed(handle, error)
        return _done(handle, result)


def _done(handle: Handle, result: object) -> Done:
    """result: of the deployed body: {"result": {...}} or {"error": ...}."""
    if isinstance(result, Mapping) and isinstance(error := result.get("error"), Mapping):
        return Done(error=from_data(error))
    if isinstance(result, Mapping) and isinstance(made := result.get("result"), Mapping):
        return Done(result=made)
    return _crashed(handle, TypeError("an answer of another kind"))


def _crashed(handle: Handle, error: Exception) -> Done:
    get_logger().warning(
        "modal.call_crashed",
        job_id=handle.job_id,
        attempt=handle.attempt,
        call=handle.call_id,
        error_type=type(error).__name__,
    )
    return Done(error=Unavailable("The machine that did the work, or the code on it, failed.", code="remote_crashed"))
