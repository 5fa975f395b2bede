"""One attempt at one job, from the claim to what is told of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from backline.clock import Monotonic, monotonic
from backline.compute.in_child import run_in_child
from backline.errors import BacklineError, Failed, Unavailable
from backline.jobs.advance import (
    Broke,
    Cause,
    Finalising,
    GivenBack,
    OfAttempt,
    Stopped,
    Succeeded,
    delay_seconds,
)
from backline.jobs.job import Data, Job, JobState
from backline.jobs.kinds import InChild, InProcess, JobKind, Remotely
from backline.jobs.progress import LeaseLost, Progress
from backline.jobs.queue import Jobs, Observed
from backline.jobs.remote_work import RemoteFailed, RemoteStopped, RemoteWork
from backline.observability.logging import get_logger

_AGAIN_SECONDS = 0.2
_AGAIN_AT_MOST_SECONDS = 2.0


class Stop(StrEnum):
    """Why an attempt ends before its work does."""

    CANCEL = "cancel"
    LOST = "lost"
    SHUTDOWN = "shutdown"


class Attempt:
    """job: as it was claimed. Only the work and the storing of its output can be interrupted; what is then told to the
    row goes through, and the row decides."""

    def __init__(self, job: Job, kind: JobKind, jobs: Jobs, clock: Monotonic = monotonic) -> None:
        self.job = job
        self.progress = Progress(jobs, job, self._lost, clock=clock)
        self.stopped = asyncio.Event()
        self._kind = kind
        self._jobs = jobs
        self._clock = clock
        self._reason: Stop | None = None
        self._making: asyncio.Task[Data] | None = None
        self._remote: RemoteWork | None = None

    @property
    def cancelled(self) -> bool:
        return self._reason is Stop.CANCEL

    def stop(self, reason: Stop) -> None:
        """End the work; the first reason counts. Work elsewhere is not interrupted but no longer waited for."""
        if self._reason is None:
            self._reason = reason
            self.stopped.set()
            if self._remote is not None:
                self._remote.wake()
            elif self._making is not None:
                self._making.cancel()

    async def run(self) -> None:
        """Never raises, except when it is itself cancelled."""
        if self.job.cancel_requested:
            self.stop(Stop.CANCEL)
        try:
            observation = await self._observation()
            if observation is not None:
                await self._conclude(observation)
        except Exception as error:  # noqa: BLE001 - one job's trouble must not end the loop; its lease will end
            get_logger().error("jobs.attempt_failed", job_id=self.job.id, kind=self.job.kind, exc_info=error)

    async def tell(self, observation: OfAttempt) -> Observed:
        """Until the database takes it. What has been lost meanwhile is refused there."""
        pause = _AGAIN_SECONDS
        while True:
            try:
                return await self._jobs.observe(self.job.id, observation)
            except Unavailable as error:
                if self._reason is Stop.LOST:
                    return Observed(None, None)
                get_logger().warning("jobs.not_told", job_id=self.job.id, code=error.code)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _AGAIN_AT_MOST_SECONDS)

    async def _observation(self) -> OfAttempt | None:
        """Run the work. What came of it, None where that is nobody's business any more."""
        if isinstance(self._kind.work, Remotely):
            self._remote = RemoteWork(self._kind.work, self, self._clock)
        if self._reason and (self._remote is None or self.job.call is None):
            return self._interrupted()
        making = self._making = asyncio.create_task(self._make())
        beside = [asyncio.create_task(self.progress.run()), asyncio.create_task(self._watch(making))]
        try:
            await asyncio.wait([making])
        finally:
            for task in (making, *beside):
                task.cancel()
            await asyncio.gather(making, *beside, return_exceptions=True)
        return await self._made(making)

    async def _make(self) -> Data:
        output = await self._work()
        if self._kind.store is None:
            return output
        if not (await self.tell(Finalising(self.job.attempt))).belongs_to(self.job.attempt):
            raise LeaseLost("Another attempt has this job now.")
        return await self._kind.store(self.job, output)

    async def _work(self) -> Data:
        work = self._kind.work
        if isinstance(work, InChild):
            return await run_in_child(work.function, self._child_input(), self._from_child, work.limits)
        if self._remote is not None:
            try:
                return await self._remote.run()
            finally:
                self._remote = None  # what comes after it is done here
        assert isinstance(work, InProcess)
        return await work.handler(InProcessWork(self.job, self.progress))

    async def _made(self, making: asyncio.Task[Data]) -> OfAttempt | None:
        attempt = self.job.attempt
        error = asyncio.CancelledError() if making.cancelled() else making.exception()
        if isinstance(error, LeaseLost):
            return None
        with contextlib.suppress(BacklineError):
            await self.progress.flush()  # the last words, while they still count
        if error is None:
            return Succeeded(attempt, making.result())
        if isinstance(error, RemoteStopped | asyncio.CancelledError) or self._reason is not None:
            return self._interrupted()
        return self._broke(error)

    def _interrupted(self) -> OfAttempt | None:
        attempt = self.job.attempt
        match self._reason:
            case Stop.CANCEL:
                return Stopped(attempt)
            case Stop.SHUTDOWN:
                return GivenBack(attempt)
            case Stop.LOST:
                return None
        return self._broke(Unavailable("The work told nothing for too long, and was ended.", code="work_hung"))

    def _broke(self, error: BaseException) -> Broke:
        cause = _cause(error)
        if isinstance(error, RemoteFailed):
            error = error.error
        if not isinstance(error, BacklineError):
            get_logger().error("jobs.work_failed", job_id=self.job.id, kind=self.job.kind, exc_info=error)
            error = Failed(f"The work failed ({type(error).__name__}).", code="work_failed")
        pause = delay_seconds(self.job.id, self.job.failures, self._kind.retry_seconds)
        if error.retry_after_seconds is not None:
            pause = max(pause, min(error.retry_after_seconds, 60.0))
        return Broke(self.job.attempt, cause, error.code, error.detail, pause)

    async def _conclude(self, observation: OfAttempt) -> None:
        try:
            observed = await self.tell(observation)
        except Exception as error:
            if not isinstance(observation, Succeeded):
                raise  # the kind cannot release: the job stays as it is until it can
            get_logger().error("jobs.finish_failed", job_id=self.job.id, kind=self.job.kind, exc_info=error)
            observed = await self.tell(self._broke(error))
        state = observed.transition.state if observed.transition else None
        if state is None and not self._told_before(observed, observation):
            get_logger().warning("jobs.refused", job_id=self.job.id, attempt=self.job.attempt)
        elif state is not None:
            get_logger().info(
                "jobs.attempt_ended", job_id=self.job.id, kind=self.job.kind, attempt=self.job.attempt, state=str(state)
            )

    def _told_before(self, observed: Observed, observation: OfAttempt) -> bool:
        """A commit whose answer was lost: this is what it did."""
        job = observed.job
        ended = job is not None and job.attempt == self.job.attempt and job.state is JobState.SUCCEEDED
        return ended and isinstance(observation, Succeeded)

    async def _watch(self, making: asyncio.Task[Data]) -> None:
        """A handler of this process that says nothing for too long is ended; a child is watched by its caller."""
        work = self._kind.work
        if not isinstance(work, InProcess) or work.stall_seconds is None:
            return
        rest = work.stall_seconds
        while rest > 0:
            await asyncio.sleep(rest)
            rest = self.progress.last_sign + work.stall_seconds - self._clock()
        making.cancel()

    def _lost(self) -> None:
        self.stop(Stop.LOST)

    def _child_input(self) -> dict[str, Any]:
        job = self.job
        return {**job.input, "job_id": job.id, "attempt": job.attempt, "checkpoint": job.checkpoint}

    def _from_child(self, told: Mapping[str, Any]) -> None:
        rest = dict(told)
        if (checkpoint := rest.pop("checkpoint", None)) is not None:
            self.progress.keep(checkpoint)
        if kind := rest.pop("note", None):
            self.progress.note(str(kind), rest)
        elif "progress" in rest:
            self.progress.report(float(rest.pop("progress")), rest.pop("message", None), rest)


class InProcessWork:
    """`kinds.Work`, for a handler."""

    def __init__(self, job: Job, progress: Progress) -> None:
        self.job = job
        self._progress = progress

    def report(self, progress: float, message: str | None = None, **more: Any) -> None:
        self._progress.report(progress, message, more)

    def note(self, kind: str, **data: Any) -> None:
        self._progress.note(kind, data)

    async def checkpoint(self, data: Data) -> None:
        await self._progress.checkpoint(data)


def _cause(error: BaseException) -> Cause:
    if isinstance(error, RemoteFailed):  # the handle has been asked: this was its answer
        return Cause.TRANSIENT if error.error.retryable else Cause.LASTING
    if isinstance(error, BacklineError) and error.retryable:
        return Cause.TRANSIENT
    if isinstance(error, BacklineError) and not isinstance(error, Failed):
        return Cause.LASTING
    return Cause.UNKNOWN  # our own mistake, or something nobody foresaw
