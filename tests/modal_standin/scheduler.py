"""Who runs what: starts containers for what waits, hands out inputs, retries, times out, survives a death."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Protocol

from modal_proto import api_pb2

from tests.modal_standin.definitions import (
    effective,
    inputs_per_container,
    is_template,
    scaledown_seconds,
    sessions_per_container,
)
from tests.modal_standin.hub import Hub
from tests.modal_standin.records import SUCCESS, TERMINATED, App, Call, Container, FunctionRecord, Input

TICK_SECONDS = 0.1
START_ATTEMPTS = 3
"""After so many containers that never got ready, what waits for them fails."""
LOST_ATTEMPTS = 8
"""An input whose container died so often fails; each death alone is not the input's fault."""
UNLIMITED = 1_000

Result = api_pb2.GenericResult


class ContainerProcesses(Protocol):
    def start(self, container: Container) -> None: ...

    def stop_server(self, container: Container) -> None: ...

    def kill(self, container: Container) -> None: ...


class Scheduler:
    """processes: begins and ends what a container is; `lost` must be called when one has ended."""

    def __init__(self, hub: Hub, processes: ContainerProcesses) -> None:
        self._hub, self._processes = hub, processes

    async def run(self) -> None:
        """What happens by the clock alone, until cancelled."""
        while True:
            for container in list(self._hub.containers.values()):
                if container.alive:
                    self._check_clock(container)
            for record in list(self._hub.functions.values()):
                self.balance(record)
            await asyncio.sleep(TICK_SECONDS)

    # Containers

    def balance(self, record: FunctionRecord) -> None:
        """Start what is missing for the inputs that wait and for the least number of containers."""
        if record.app.stopped or not self._published(record):
            return
        function = effective(record)
        current = [one for one in self.current(record) if not one.draining]
        limit = function.autoscaler_settings.max_containers or function.concurrency_limit or UNLIMITED
        wanted = min(max(self._demand(record, function, current), self._least(record, function)), limit)
        for _ in range(len(current), wanted):
            if not self._has_room(record):
                return
            self.add(record)

    def _has_room(self, record: FunctionRecord) -> bool:
        """Whether one more process may start; if not, the longest idle one of another function is let go."""
        alive = [one for one in self._hub.containers.values() if one.alive]
        if len(alive) < self._hub.options.max_processes:
            return True
        others = [one for one in alive if one.function is not record and not one.draining]
        idle = [one for one in others if one.ready_at and not self._wanted(one)]
        if idle and not any(one.draining and not one.running for one in alive):
            self.drain(min(idle, key=lambda one: one.idle_since))
        return False

    def _wanted(self, container: Container) -> bool:
        record = container.function
        return bool(container.running or container.sessions or record.pending or record.waiting)

    def add(self, record: FunctionRecord) -> Container:
        task_id = self._hub.new_id("ta")
        container = Container(task_id, record, record.definition, self._hub.folder / task_id)
        self._hub.containers[task_id] = container
        self._processes.start(container)
        return container

    def current(self, record: FunctionRecord) -> list[Container]:
        """The containers that run what is published now."""
        return [one for one in self._hub.containers_of(record) if one.definition is record.definition]

    def _demand(self, record: FunctionRecord, function: api_pb2.Function, current: list[Container]) -> int:
        if function.is_server:
            sessions = sum(len(one.sessions) for one in current)
            return math.ceil((sessions + record.waiting) / sessions_per_container(function))
        busy = sum(len(one.running) for one in current)
        return math.ceil((len(record.pending) + busy) / inputs_per_container(function)[0])

    def _least(self, record: FunctionRecord, function: api_pb2.Function) -> int:
        published = record.app.deployed and record.function_id in record.app.layout.functions.values()
        if not self._hub.options.prewarm or not published or is_template(function):
            return 0
        return function.autoscaler_settings.min_containers if record.failed_starts < START_ATTEMPTS else 0

    def _published(self, record: FunctionRecord) -> bool:
        return record.version > 0 or record.root.live is not None

    def _check_clock(self, container: Container) -> None:
        now, function = time.time(), effective(container.function)
        if not container.ready_at:
            if now - container.enqueued_at > (function.startup_timeout_secs or function.timeout_secs or math.inf):
                container.failure = Result(status=Result.GENERIC_STATUS_TIMEOUT, exception="Start-up took too long")
                self._processes.kill(container)
            return
        for one in list(container.running.values()):
            if one.container is container and now - one.started_at > (function.timeout_secs or math.inf):
                self._time_out(container, one)
        idle_seconds = self._hub.options.scaledown_seconds or scaledown_seconds(function)
        busy = container.running or container.sessions or container.draining
        if busy or now - container.idle_since < idle_seconds:
            return
        kept = [one for one in self.current(container.function) if not one.draining]
        if len(kept) > self._least(container.function, function) or container not in kept:
            self.drain(container)

    def _time_out(self, container: Container, one: Input) -> None:
        most = inputs_per_container(effective(container.function))[1]
        self._settle(one, Result(status=Result.GENERIC_STATUS_TIMEOUT, exception="Function timed out"))
        if most > 1:
            container.cancelled.append(one.input_id)
            self._hub.notify()
        else:
            self._processes.kill(container)

    def drain(self, container: Container) -> None:
        """Give it no further input; it ends when those that it has are done."""
        container.draining = True
        if container.definition.function.is_server:
            self._processes.stop_server(container)
        self._hub.notify()

    def ready(self, container: Container) -> None:
        if not container.ready_at:
            container.ready_at = container.idle_since = time.time()
            container.function.failed_starts = 0
            self._hub.notify()

    def lost(self, container: Container) -> None:
        """Its process has ended: what it had not finished begins anew elsewhere, as on the platform."""
        record = container.function
        for one in container.running.values():
            if one.container is container and one.output is None:
                one.container, one.lost = None, one.lost + 1
                begun = one.call.incoming and one.call.outgoing  # half a web answer cannot be followed by another's
                if begun or one.lost >= LOST_ATTEMPTS:
                    self._finish(one, Result(status=Result.GENERIC_STATUS_INTERNAL_FAILURE, exception="Container lost"))
                else:
                    record.pending.appendleft(one)
        container.running.clear()
        if not container.ready_at and not container.killed:
            record.failed_starts += 1
            if record.failed_starts >= START_ATTEMPTS:
                self._fail_waiting(container)
        self._hub.notify()
        self.balance(record)

    def _fail_waiting(self, container: Container) -> None:
        reason = container.failure or Result(
            status=Result.GENERIC_STATUS_INTERNAL_FAILURE, exception=f"Container {container.task_id} did not start"
        )
        record = container.function
        while record.pending:
            self._finish(record.pending.popleft(), reason)

    def app_changed(self, app: App) -> None:
        """A new version: old containers finish what they have, new ones get what waits."""
        for container in self._hub.containers.values():
            mine = container.alive and container.function.app is app
            if mine and container.definition is not container.function.definition:
                self.drain(container)
        for record in list(self._hub.functions.values()):
            if record.app is app:
                self.balance(record)

    def stop_app(self, app: App) -> None:
        app.stopped = True
        for call in self._hub.calls.values():
            if call.function.app is app:
                self.cancel(call, terminate=False)
        for container in self._hub.containers.values():
            if container.alive and container.function.app is app:
                self._processes.kill(container)

    # Inputs

    def submit(self, one: Input) -> None:
        one.call.function.pending.append(one)
        self._hub.notify()
        self.balance(one.call.function)

    def take(self, container: Container) -> Input | None:
        """The next input for a container that asks for one; None when it must wait or stop."""
        pending = container.function.pending
        if container.draining or not pending:
            return None
        one = pending.popleft()
        one.container, one.started_at = container, time.time()
        one.task_ids.append(container.task_id)
        container.running[one.input_id] = one
        self._hub.notify()
        return one

    def put_output(self, container: Container, item: api_pb2.FunctionPutOutputsItem) -> None:
        """A container's answer; one that has lost the input in the meantime is not listened to."""
        one = container.running.get(item.input_id)
        if one is None or (one.container is container and item.retry_count != one.attempt):
            return
        del container.running[item.input_id]
        container.idle_since = time.time()
        if one.container is container and one.output is None:
            self._settle(one, item.result, item)
        self._hub.notify()

    def cancel(self, call: Call, terminate: bool) -> None:
        """Tell the caller at once; tell the containers, or end them."""
        for one in call.inputs:
            if one.output is not None:
                continue
            container = one.container
            if one in call.function.pending:
                call.function.pending.remove(one)
            self._finish(one, Result(status=TERMINATED, exception="Input was cancelled by user"))
            if container is not None and container.alive:
                container.cancelled.append(one.input_id)
                if terminate:
                    self._processes.kill(container)
        self._hub.notify()

    def _settle(
        self, one: Input, result: api_pb2.GenericResult, item: api_pb2.FunctionPutOutputsItem | None = None
    ) -> None:
        """An attempt's end: success and cancellation are final, a failure is retried while the policy allows it."""
        policy = effective(one.call.function).retry_policy
        final = result.status in (SUCCESS, TERMINATED)
        if final or one.failures >= policy.retries:
            self._finish(one, result, item)
            return
        one.failures += 1
        one.container = None
        delay_ms = policy.initial_delay_ms * (policy.backoff_coefficient or 1.0) ** (one.failures - 1)
        delay_seconds = min(delay_ms, policy.max_delay_ms or math.inf) / 1000
        asyncio.get_running_loop().call_later(delay_seconds, self._again, one)

    def _again(self, one: Input) -> None:
        if one.output is None:
            self.submit(one)

    def _finish(
        self, one: Input, result: api_pb2.GenericResult, item: api_pb2.FunctionPutOutputsItem | None = None
    ) -> None:
        output = api_pb2.FunctionGetOutputsItem(idx=one.index, input_id=one.input_id, retry_count=one.failures)
        output.result.CopyFrom(result)
        output.input_started_at, output.output_created_at = one.started_at, time.time()
        output.data_format = item.data_format if item else api_pb2.DATA_FORMAT_UNSPECIFIED
        output.task_id = one.task_ids[-1] if one.task_ids else ""
        one.output = output
        self._hub.notify()
