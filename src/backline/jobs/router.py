"""Jobs over HTTP, the same for every kind; they are made by the routes of their products."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.routing import APIRoute
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.responses import JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from backline.accounts.caller import Caller
from backline.errors import Busy, Invalid
from backline.jobs.following import Follower, Following
from backline.jobs.job import Job, JobState
from backline.jobs.queue import Jobs
from backline.jobs.schemas import JobEventView, JobList, JobView, poll_after_ms
from backline.observability.logging import get_logger
from backline.realtime.sessions import Sessions
from backline.web.provide import provide

Queue = Annotated[Jobs, Depends(provide(Jobs))]

IdempotencyKey = Annotated[
    str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")
]
"""For routes that make jobs: the same key and the same body again give the same job."""

_PATIENCE_SECONDS = 30.0
"""How long a listener may take none of what it is sent."""


def described(job: Job, jobs: Jobs, status: int = 200, more: Mapping[str, Any] | None = None) -> Response:
    """The answer about one job; 202 from a route that makes one, with where to look and when. more: of its product."""
    now = jobs.clock()
    headers = {} if job.terminal else {"Retry-After": str(round(poll_after_ms(job, now) / 1000))}
    if status == 202:
        headers["Location"] = f"/api/jobs/{job.id}"
    return JSONResponse({**JobView.of(job, now).model_dump(mode="json"), **(more or {})}, status, headers)


class _PatientRoute(APIRoute):
    """Drops a client that takes nothing: the framework's stream of events would wait for it for ever."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def patiently(request: Request) -> Response:
            return _Patient(await handle(request))

        return patiently


class _Patient(Response):
    def __init__(self, inner: Response) -> None:
        self._inner = inner
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        follower: Follower | None = None

        async def send_in_time(message: Message) -> None:
            """Once given up, nothing is sent any more, the last chunk neither: so the client knows that it was cut."""
            nonlocal follower
            if follower is not None:
                return
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await send(message)
            except TimeoutError:
                get_logger().warning("web.stream_broken", reason="TimeoutError")
                follower = Request(scope).state.follower
                follower.leave(Busy("You take nothing.", code="slow_listener"))

        await self._inner(scope, receive, send_in_time)


router = APIRouter(tags=["jobs"])
streams = APIRouter(tags=["jobs"], route_class=_PatientRoute)


@router.get("/api/jobs", response_model=JobList)
async def list_jobs(
    caller: Caller,
    jobs: Queue,
    state: Annotated[list[JobState] | None, Query()] = None,
    kind: Annotated[list[str] | None, Query()] = None,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> JobList:
    """One's own jobs, the newest first."""
    found = await jobs.of_owner(caller.id, states=state or (), kinds=kind or (), before=cursor, limit=limit + 1)
    now, page = jobs.clock(), found[:limit]
    more = len(found) > limit
    return JobList(jobs=[JobView.of(job, now) for job in page], next_cursor=page[-1].id if more else None)


@router.get("/api/jobs/{job_id}", response_model=JobView)
async def get_job(job_id: str, caller: Caller, jobs: Queue) -> Response:
    """One job as it stands. `Retry-After` and `poll_after_ms` say when to ask again."""
    return described(await jobs.get(caller.id, job_id), jobs)


@router.post("/api/jobs/{job_id}/cancel", response_model=JobView)
async def cancel_job(job_id: str, caller: Caller, jobs: Queue) -> Response:
    """Ask for its end. 200 once it is over, 202 while its work is still being stopped. Asking twice changes nothing."""
    job = await jobs.cancel(caller.id, job_id)
    return described(job, jobs, 200 if job.terminal else 202)


async def followed_job(
    job_id: str,
    caller: Caller,
    jobs: Queue,
    response: Response,
    last_event_id: Annotated[str | None, Header(alias="Last-Event-ID")] = None,
) -> tuple[str, int]:
    """The job and the number of the last event that the client has. An EventSource that comes back after the end is
    told to stay away: 204."""
    job = await jobs.get(caller.id, job_id)
    after = parse_seq(last_event_id)
    if job.terminal and after >= job.seq:
        response.status_code = 204
    return job.id, min(after, job.seq)  # of another log: it would wait for events that may never come


@streams.get("/api/jobs/{job_id}/events", response_class=EventSourceResponse)
async def job_events(
    request: Request,
    followed: Annotated[tuple[str, int], Depends(followed_job)],
    response: Response,
    following: Annotated[Following, Depends(provide(Following))],
    sessions: Annotated[Sessions, Depends(provide(Sessions))],
) -> AsyncIterator[ServerSentEvent]:
    """What happens to it, as it happens, until it is over; goes on after `Last-Event-ID`."""
    if response.status_code == 204:
        return
    follower = request.state.follower = following.follow(*followed)
    with sessions.present(follower):
        async for events in follower.events():
            for event in events:
                yield ServerSentEvent(data=JobEventView.of(event), event=event.kind, id=str(event.seq))


def parse_seq(text: str | None) -> int:
    """Raises Invalid for what is no event's number."""
    if text is None:
        return 0
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise Invalid("The last event's id is a number.", code="bad_event_id")
    return int(text)
