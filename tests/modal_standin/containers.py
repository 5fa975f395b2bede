"""The container side: what a container's own program asks for, on a socket that says which container it is."""

from __future__ import annotations

import json
from pathlib import Path

from google.protobuf.empty_pb2 import Empty
from modal_proto import api_pb2

from tests.modal_standin.definitions import effective, inputs_per_container
from tests.modal_standin.hub import Hub
from tests.modal_standin.records import Container
from tests.modal_standin.scheduler import Scheduler

HEARTBEAT_SECONDS = 14.0
"""A heartbeat is answered when there is something to cancel, or before the SDK's own limit of 15 s."""
RESTORE_FILE = "restore.json"


def restore_path(container: Container) -> Path:
    """The file whose appearance tells a container that it goes on from its memory snapshot."""
    return container.folder / RESTORE_FILE


class ContainerSide:
    def __init__(self, hub: Hub, scheduler: Scheduler) -> None:
        self._hub, self._scheduler = hub, scheduler

    async def container_hello(self, _: Empty, __: Container | None) -> Empty:
        return Empty()

    async def container_heartbeat(
        self, _: api_pb2.ContainerHeartbeatRequest, container: Container | None
    ) -> api_pb2.ContainerHeartbeatResponse:
        assert container is not None
        if not await self._hub.wait_until(lambda: bool(container.cancelled), HEARTBEAT_SECONDS):
            return api_pb2.ContainerHeartbeatResponse()
        cancelled, container.cancelled = container.cancelled, []
        return api_pb2.ContainerHeartbeatResponse(cancel_input_event=api_pb2.CancelInputEvent(input_ids=cancelled))

    async def function_get_inputs(
        self, _: api_pb2.FunctionGetInputsRequest, container: Container | None
    ) -> api_pb2.FunctionGetInputsResponse:
        assert container is not None
        self._scheduler.ready(container)
        one = None
        while one is None and not container.draining:  # another container may have been faster
            await self._hub.wait_until(lambda: container.draining or bool(container.function.pending))
            one = self._scheduler.take(container)
        answer = api_pb2.FunctionGetInputsResponse()
        if one is None:
            answer.inputs.add(kill_switch=True)
            return answer
        call = one.call
        answer.inputs.add(
            input_id=one.input_id,
            input=one.value,
            function_call_id=call.call_id,
            function_call_invocation_type=call.invocation,
            retry_count=one.attempt,
        )
        return answer

    async def function_put_outputs(
        self, request: api_pb2.FunctionPutOutputsRequest, container: Container | None
    ) -> Empty:
        assert container is not None
        for item in request.outputs:
            self._scheduler.put_output(container, item)
        return Empty()

    async def function_get_dynamic_concurrency(
        self, _: api_pb2.FunctionGetDynamicConcurrencyRequest, container: Container | None
    ) -> api_pb2.FunctionGetDynamicConcurrencyResponse:
        assert container is not None
        target, most = inputs_per_container(effective(container.function))
        return api_pb2.FunctionGetDynamicConcurrencyResponse(concurrency=most if container.function.pending else target)

    async def container_checkpoint(
        self, request: api_pb2.ContainerCheckpointRequest, container: Container | None
    ) -> Empty:
        """The snapshot itself is left out: the same process goes on as the restored one."""
        assert container is not None
        restore_path(container).write_text(json.dumps({"task_id": container.task_id}))
        return Empty()

    async def task_result(self, request: api_pb2.TaskResultRequest, container: Container | None) -> Empty:
        assert container is not None
        container.failure = request.result
        return Empty()

    async def container_stop(
        self, request: api_pb2.ContainerStopRequest, _: Container | None
    ) -> api_pb2.ContainerStopResponse:
        """Every stop is a graceful one: what runs is finished first."""
        if request.task_id in self._hub.containers:
            self._scheduler.drain(self._hub.containers[request.task_id])
        return api_pb2.ContainerStopResponse()

    async def container_server_lifecycle_ready(
        self, _: api_pb2.ContainerServerLifecycleReadyRequest, container: Container | None
    ) -> Empty:
        assert container is not None
        container.port_open = True
        self._scheduler.ready(container)
        return Empty()

    async def task_list(self, request: api_pb2.TaskListRequest, _: Container | None) -> api_pb2.TaskListResponse:
        answer = api_pb2.TaskListResponse()
        for one in self._hub.containers.values():
            app = one.function.app
            if one.alive and request.app_id in ("", app.app_id):
                answer.tasks.add(
                    task_id=one.task_id,
                    app_id=app.app_id,
                    app_description=app.name,
                    started_at=one.ready_at,
                    enqueued_at=one.enqueued_at,
                )
        return answer
