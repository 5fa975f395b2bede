"""What containers printed, for `modal run` and `modal app logs`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

from modal_proto import api_pb2

from tests.modal_standin.hub import Hub
from tests.modal_standin.records import Container

LOOK_SECONDS = 0.1


class LogSide:
    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def app_fetch_logs(
        self, request: api_pb2.AppFetchLogsRequest, _: Container | None
    ) -> api_pb2.AppFetchLogsResponse:
        """Everything so far; a container's lines are all as old as its last one."""
        answer = api_pb2.AppFetchLogsResponse()
        for container in self._of_app(request.app_id):
            when = container.log_path.stat().st_mtime
            lines = container.log_path.read_text(errors="replace").splitlines(keepends=True)
            wanted = request.task_id in ("", container.task_id)
            if lines and wanted and request.since.ToSeconds() <= when <= request.until.ToSeconds() + 1:
                answer.batches.append(_batch(container, lines, when))
        return answer

    async def app_count_logs(
        self, request: api_pb2.AppCountLogsRequest, _: Container | None
    ) -> api_pb2.AppCountLogsResponse:
        """How many lines there are in each stretch of time, by which the command line decides what it fetches."""
        answer = api_pb2.AppCountLogsResponse(app_id=request.app_id)
        since, until = request.since.ToSeconds(), request.until.ToSeconds() + 1
        for container in self._of_app(request.app_id):
            when = container.log_path.stat().st_mtime
            if since <= when <= until and request.task_id in ("", container.task_id):
                start = since + int((when - since) // request.bucket_secs) * request.bucket_secs
                bucket = answer.buckets.add(
                    stdout_logs=len(container.log_path.read_text(errors="replace").splitlines())
                )
                bucket.bucket_start_at.FromSeconds(start)
        return answer

    async def app_get_logs(
        self, request: api_pb2.AppGetLogsRequest, _: Container | None
    ) -> AsyncIterator[api_pb2.TaskLogsBatch]:
        """Lines as they are printed, until the app has ended or the caller's time is over."""
        read: dict[str, int] = {}
        deadline = time.monotonic() + (request.timeout or LOOK_SECONDS)
        while time.monotonic() < deadline:
            done = self._hub.apps[request.app_id].stopped
            for container in self._of_app(request.app_id):
                text = container.log_path.read_text(errors="replace")
                new = text[read.get(container.task_id, 0) :]
                read[container.task_id] = len(text)
                if new:
                    yield _batch(container, [new], time.time())
            if done:
                yield api_pb2.TaskLogsBatch(app_done=True)
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _of_app(self, app_id: str) -> Iterator[Container]:
        for container in self._hub.containers.values():
            if container.function.app.app_id == app_id and container.log_path.exists():
                yield container


def _batch(container: Container, lines: list[str], when: float) -> api_pb2.TaskLogsBatch:
    function_id = container.function.root.function_id
    batch = api_pb2.TaskLogsBatch(task_id=container.task_id, function_id=function_id)
    for line in lines:
        batch.items.add(
            data=line, timestamp=when, timestamp_ns=int(when * 1e9), file_descriptor=api_pb2.FILE_DESCRIPTOR_STDOUT
        )
    return batch
