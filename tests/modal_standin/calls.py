"""The call side: begin a call, wait for its outputs, follow its streams, find it again, cancel it."""

from __future__ import annotations

from collections.abc import AsyncIterator

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_standin.definitions import effective
from tests.modal_standin.hub import Hub
from tests.modal_standin.records import Call, Container, FunctionRecord, Input
from tests.modal_standin.scheduler import Scheduler

FOLLOW_SECONDS = 60.0
"""A stream that nothing comes on ends after so long; the SDK then asks again, from where it is."""


class CallSide:
    def __init__(self, hub: Hub, scheduler: Scheduler) -> None:
        self._hub, self._scheduler = hub, scheduler

    def begin(
        self, record: FunctionRecord, invocation: int, values: list[api_pb2.FunctionPutInputsItem], parent: str = ""
    ) -> Call:
        """A new call of a function with its first inputs."""
        call = Call(self._hub.new_id("fc"), record, invocation, parent)
        self._hub.calls[call.call_id] = call
        self._add(call, values)
        return call

    def _add(self, call: Call, values: list[api_pb2.FunctionPutInputsItem]) -> list[Input]:
        added = [Input(self._hub.new_id("in"), call, value.idx, value.input) for value in values]
        call.inputs.extend(added)
        for one in added:
            self._scheduler.submit(one)
        return added

    async def function_map(
        self, request: api_pb2.FunctionMapRequest, _: Container | None
    ) -> api_pb2.FunctionMapResponse:
        record = self._hub.function(request.function_id)
        if record.app.stopped:
            raise GRPCError(Status.NOT_FOUND, "The app is stopped")
        values = list(request.pipelined_inputs)
        call = self.begin(record, request.function_call_invocation_type, values, request.parent_input_id)
        answer = api_pb2.FunctionMapResponse(
            function_call_id=call.call_id, function_call_jwt=call.call_id, max_inputs_outstanding=1000
        )
        answer.retry_policy.CopyFrom(effective(record).retry_policy)
        answer.pipelined_inputs.extend(_told(one) for one in call.inputs)
        return answer

    async def function_put_inputs(
        self, request: api_pb2.FunctionPutInputsRequest, _: Container | None
    ) -> api_pb2.FunctionPutInputsResponse:
        added = self._add(self._hub.call(request.function_call_id), list(request.inputs))
        return api_pb2.FunctionPutInputsResponse(inputs=[_told(one) for one in added])

    async def function_get_outputs(
        self, request: api_pb2.FunctionGetOutputsRequest, _: Container | None
    ) -> api_pb2.FunctionGetOutputsResponse:
        call = self._hub.call(request.function_call_id)
        first = request.start_idx if request.HasField("start_idx") else 0
        last = request.end_idx if request.HasField("end_idx") else len(call.inputs)

        def done() -> list[api_pb2.FunctionGetOutputsItem]:
            asked = (one for one in call.inputs if first <= one.index <= last)
            return [one.output for one in asked if one.output is not None and not call.expired]

        await self._hub.wait_until(lambda: bool(done()) or call.expired, request.timeout)
        unfinished = 0 if call.expired else call.unfinished
        return api_pb2.FunctionGetOutputsResponse(outputs=done(), last_entry_id="1-0", num_unfinished_inputs=unfinished)

    async def function_call_cancel(self, request: api_pb2.FunctionCallCancelRequest, _: Container | None) -> Empty:
        self._scheduler.cancel(self._hub.call(request.function_call_id), request.terminate_containers)
        return Empty()

    async def function_call_from_id(
        self, request: api_pb2.FunctionCallFromIdRequest, _: Container | None
    ) -> api_pb2.FunctionCallFromIdResponse:
        call = self._hub.call(request.function_call_id)
        answer = api_pb2.FunctionCallFromIdResponse(function_call_id=call.call_id, num_inputs=len(call.inputs))
        answer.metadata.app_id = call.function.app.app_id
        answer.metadata.function_id = call.function.function_id
        return answer

    async def function_get_call_graph(
        self, request: api_pb2.FunctionGetCallGraphRequest, _: Container | None
    ) -> api_pb2.FunctionGetCallGraphResponse:
        call = self._hub.call(request.function_call_id)
        answer = api_pb2.FunctionGetCallGraphResponse()
        function = effective(call.function)
        answer.function_calls.add(
            function_call_id=call.call_id,
            parent_input_id=call.parent_input_id,
            function_name=function.function_name,
            module_name=function.module_name,
        )
        for one in call.inputs:
            status = one.output.result.status if one.output else api_pb2.GenericResult.GENERIC_STATUS_UNSPECIFIED
            task_id = one.task_ids[-1] if one.task_ids else ""
            answer.inputs.add(input_id=one.input_id, status=status, function_call_id=call.call_id, task_id=task_id)
        return answer

    async def function_get_current_stats(
        self, request: api_pb2.FunctionGetCurrentStatsRequest, _: Container | None
    ) -> api_pb2.FunctionStats:
        record = self._hub.function(request.function_id)
        containers = self._hub.containers_of(record)
        running = sum(len(one.running) for one in containers)
        return api_pb2.FunctionStats(
            backlog=len(record.pending), num_total_tasks=len(containers), num_running_inputs=running
        )

    async def function_update_scheduling_params(
        self, request: api_pb2.FunctionUpdateSchedulingParamsRequest, _: Container | None
    ) -> api_pb2.FunctionUpdateSchedulingParamsResponse:
        record = self._hub.function(request.function_id)
        record.scaling = record.scaling or api_pb2.AutoscalerSettings()
        record.scaling.MergeFrom(request.settings)
        self._scheduler.balance(record)
        current = effective(record).autoscaler_settings
        return api_pb2.FunctionUpdateSchedulingParamsResponse(current_settings=current)

    # Streams: outgoing is what a generator or a web app produces, incoming is what a web app reads.

    async def function_call_get_data_out(
        self, request: api_pb2.FunctionCallGetDataRequest, _: Container | None
    ) -> AsyncIterator[api_pb2.DataChunk]:
        call = self._hub.call(request.function_call_id)
        async for chunk in self._hub.follow(call.outgoing, request.last_index, _never, FOLLOW_SECONDS):
            yield chunk

    async def function_call_get_data_in(
        self, request: api_pb2.FunctionCallGetDataRequest, _: Container | None
    ) -> AsyncIterator[api_pb2.DataChunk]:
        call = self._hub.call(request.function_call_id)
        async for chunk in self._hub.follow(call.incoming, request.last_index, _never, FOLLOW_SECONDS):
            yield chunk

    async def function_call_put_data_out(
        self, request: api_pb2.FunctionCallPutDataRequest, _: Container | None
    ) -> Empty:
        call = self._hub.call(request.function_call_id)
        append(call.outgoing, list(request.data_chunks))
        self._hub.notify()
        return Empty()


def append(chunks: list[api_pb2.DataChunk], new: list[api_pb2.DataChunk]) -> None:
    """Chunks are counted from 1. A body that began anew sends them again; those already there stay."""
    chunks.extend(chunk for chunk in new if chunk.index > len(chunks))


def _never() -> bool:
    return False


def _told(one: Input) -> api_pb2.FunctionPutInputsResponseItem:
    return api_pb2.FunctionPutInputsResponseItem(idx=one.index, input_id=one.input_id, input_jwt=one.input_id)
