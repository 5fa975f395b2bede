"""Waiting for work elsewhere: started in two phases, so that whoever takes over finds its handle and waits on."""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from dataclasses import replace
from math import ceil
from typing import Protocol

from backline.clock import Monotonic
from backline.compute.remote import EXPIRED, Answer, Done, Running, Unknown
from backline.errors import BacklineError, Conflict, Failed
from backline.jobs.advance import OfAttempt, Spawned, Spawning
from backline.jobs.job import Data, Job
from backline.jobs.kinds import Remotely
from backline.jobs.progress import LeaseLost, Progress
from backline.jobs.queue import Observed
from backline.observability.logging import get_logger

_TICK_SECONDS = 0.1


class RemoteFailed(Exception):
    """The work itself has ended badly, elsewhere: its handle has nothing more to say."""

    def __init__(self, error: BacklineError) -> None:
        super().__init__(error.code)
        self.error = error


class RemoteStopped(Exception):
    """Nobody waits here any more; as far as a cancel was asked for, the work has agreed, or its time to do so is up."""


class Waiter(Protocol):
    """The attempt, as seen from here."""

    job: Job
    progress: Progress
    stopped: asyncio.Event

    @property
    def cancelled(self) -> bool:
        """Once `stopped` is set: whether the work should end too."""
        ...

    async def tell(self, observation: OfAttempt) -> Observed:
        """Through to the row, however often it takes."""
        ...


class RemoteWork:
    def __init__(self, kind: Remotely, waiter: Waiter, clock: Monotonic) -> None:
        self._kind = kind
        self._waiter = waiter
        self._clock = clock
        self._job = waiter.job
        """With the handle as it is now."""
        self._last: Running | None = None
        self._pausing: asyncio.Future[None] | None = None
        # A thousand that began together are not asked about together; each at a pace of its own.
        self._spread = 0.8 + zlib.crc32(waiter.job.id.encode()) % 1000 / 2500

    async def run(self) -> Data:
        """The result. Raises RemoteFailed, RemoteStopped, LeaseLost, and what `order`, `look` and `spawn` raise."""
        job = self._job
        if job.remote and job.remote["provider"] != self._kind.provider:
            raise Conflict("The work runs at a provider that is not configured any more.", code="provider_gone")
        if job.call is None and self._waiter.stopped.is_set():
            raise RemoteStopped
        if job.remote and job.call is None:  # whoever spawned it has died before the handle was known
            get_logger().warning("jobs.spawn_unknown", job_id=job.id, attempt=job.remote["attempt"])
            if (found := await self._kind.look(job)) is not None:
                return found
        call = job.call or await self._spawn(job)
        return await self._wait(call)

    async def _spawn(self, job: Job) -> str:
        kind = self._kind
        order = await kind.order(job)
        observed = await self._waiter.tell(Spawning(job.attempt, kind.provider, kind.function))
        if not observed.belongs_to(job.attempt):
            raise LeaseLost("Another attempt has this job now.")
        call = await self._hand_over(job, order)
        handle = {"provider": kind.provider, "function": kind.function, "attempt": job.attempt, "call": call}
        self._job = replace(job, remote=handle)
        observed = await self._waiter.tell(Spawned(job.attempt, call))
        if not observed.belongs_to(job.attempt):
            await self._ask_to_end(call)
            raise LeaseLost("Another attempt has this job now.")
        return call

    async def _hand_over(self, job: Job, order: Data) -> str:
        """A provider that is away is waited for. If it took an order and only its answer was lost, there are two calls
        of one attempt, and the second finds what the first has left."""
        kind, end = self._kind, self._clock() + self._kind.patience_seconds
        pause = kind.first_poll_seconds
        while not self._waiter.stopped.is_set():
            try:
                return await kind.remote.spawn(kind.function, job.id, job.attempt, order)
            except BacklineError as error:
                if not error.retryable or self._clock() > end:
                    raise
                if pause == kind.first_poll_seconds:  # once is enough
                    get_logger().warning("jobs.spawn_waits", job_id=job.id, attempt=job.attempt, code=error.code)
            await self._pause(pause)
            pause = min(pause * 1.5, kind.last_poll_seconds)
        raise RemoteStopped

    async def _wait(self, call: str) -> Data:
        pause = self._kind.first_poll_seconds
        unknown_since: float | None = None
        while not self._waiter.stopped.is_set():
            answer = await self._poll(call)
            if isinstance(answer, Done):
                return await self._result(answer)
            if isinstance(answer, Unknown):
                unknown_since = self._clock() if unknown_since is None else unknown_since
                if self._clock() - unknown_since > self._kind.patience_seconds:
                    return await self._without(call)
            else:
                unknown_since = None
                self._report(answer)
            await self._pause(pause)
            pause = min(pause * 1.5, self._kind.last_poll_seconds)
        if self._waiter.cancelled:
            await self._until_ended(call)
        raise RemoteStopped

    async def _result(self, answer: Done) -> Data:
        if answer.error is None:
            return answer.result or {}
        if answer.error.code == EXPIRED and (found := await self._kind.look(self._job)) is not None:
            return found
        raise RemoteFailed(answer.error)

    async def _without(self, call: str) -> Data:
        """Nobody says any more what became of it: what it has left decides."""
        if (found := await self._kind.look(self._job)) is not None:
            return found
        await self._ask_to_end(call)
        raise RemoteFailed(Failed("The provider cannot say what became of the work.", code="remote_unknown"))

    async def _until_ended(self, call: str) -> None:
        end = self._clock() + self._kind.cancel_seconds
        pause = self._kind.first_poll_seconds
        while self._clock() < end:
            with contextlib.suppress(BacklineError):
                await self._kind.remote.cancel(call)
            if isinstance(await self._poll(call), Done):
                return
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, self._kind.last_poll_seconds)
        get_logger().warning("jobs.remote_not_cancelled", job_id=self._waiter.job.id)

    async def _poll(self, call: str) -> Answer:
        try:
            return await self._kind.remote.poll(call)
        except BacklineError as error:
            return Unknown(error.code)

    async def _ask_to_end(self, call: str) -> None:
        try:
            await self._kind.remote.cancel(call)
        except BacklineError as error:
            get_logger().warning("jobs.remote_cancel_failed", job_id=self._waiter.job.id, code=error.code)

    def _report(self, answer: Running) -> None:
        last = self._last or Running()
        if answer.checkpoint is not None and answer.checkpoint != last.checkpoint:
            self._waiter.progress.keep(answer.checkpoint)
        told = (answer.progress, answer.message, answer.more)
        if answer.progress is not None and told != (last.progress, last.message, last.more):
            self._waiter.progress.report(answer.progress, answer.message, answer.more)
        self._last = answer

    def wake(self) -> None:
        """End a pause: something has changed."""
        if self._pausing is not None and not self._pausing.done():
            self._pausing.set_result(None)

    async def _pause(self, seconds: float) -> None:
        """A bare timer: a thousand of them are what waiting costs."""
        if self._waiter.stopped.is_set():
            return
        loop = asyncio.get_running_loop()
        self._pausing = loop.create_future()
        timer = loop.call_at(pause_end(loop.time(), seconds * self._spread), self.wake)
        try:
            await self._pausing
        finally:
            timer.cancel()


def pause_end(now: float, seconds: float) -> float:
    """When a pause is over, by the clock of `now`. Long ones of a tenth of a second end together: to be woken costs the
    process as much as to ask."""
    end = now + seconds
    return end if seconds < 10 * _TICK_SECONDS else ceil(end / _TICK_SECONDS) * _TICK_SECONDS
