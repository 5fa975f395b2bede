"""Every engine of the catalogue, each where its entry says, and the worker threads beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

from backline.compute.base import SpeechEngineStatus, SpeechHost
from backline.compute.in_pool import EngineProcess, InPool
from backline.compute.in_process import InProcess
from backline.compute.instances import Instance, InstancePool
from backline.compute.turns import Turns
from backline.compute.workers import Workers
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind, Isolation, find
from backline.errors import BacklineError, Unavailable
from backline.observability.logging import get_logger

T = TypeVar("T")


class Runner:
    """The `Compute` of one machine.

    workers: instances of each engine, and threads for `run`. patience_seconds: how long an engine may be silent.
    """

    def __init__(
        self, workers: int, patience_seconds: float = 30.0, catalog: tuple[EngineEntry, ...] = CATALOG
    ) -> None:
        self._catalog = catalog
        self._workers = workers
        self._patience_seconds = patience_seconds
        self._hosts: dict[str, SpeechHost] = {}
        self._statuses: dict[str, SpeechEngineStatus] = {}
        self._turns = Turns(workers)
        self._threads = Workers(workers, "worker")

    async def start(self) -> None:
        """Bring up every engine that is installed; one that fails is reported, and does not keep the others down."""
        entries = [entry for entry in self._catalog if entry.kind is EngineKind.SPEECH]
        await asyncio.gather(*(self._start_speech(entry) for entry in entries))

    def speech_engines(self) -> Sequence[SpeechEngineStatus]:
        return [self._statuses[entry.name] for entry in self._catalog if entry.name in self._statuses]

    def speech(self, engine: str) -> SpeechHost:
        host = self._hosts.get(engine)
        if host is None:
            entry = find(engine, self._catalog)
            reason = self._statuses[engine].reason if engine in self._statuses else None
            raise (
                Unavailable(reason, code="engine_not_started") if reason and entry.installed else entry.not_installed()
            )
        return host

    async def run(self, order: float, function: Callable[[], T]) -> T:
        async with self._turns.turn(order):
            return await self._threads.run(function)

    async def close(self) -> None:
        await asyncio.gather(*(host.close() for host in self._hosts.values()))
        self._threads.end()

    def _new_instances(self, entry: EngineEntry) -> list[Instance]:
        if entry.isolation is Isolation.THREAD:
            return [InProcess(entry) for _ in range(self._workers)]
        processes = [EngineProcess(entry) for _ in range(self._workers)]
        return [InPool(process) for process in processes for _ in range(entry.instances)]

    async def _start_speech(self, entry: EngineEntry) -> None:
        try:
            if not entry.installed:
                raise entry.not_installed()
            host = InstancePool(self._new_instances(entry), self._patience_seconds)
            capabilities = await host.start()
        except BacklineError as error:
            get_logger().warning("compute.engine_unavailable", engine=entry.name, code=error.code)
            self._statuses[entry.name] = SpeechEngineStatus(entry, None, error.detail)
        else:
            self._hosts[entry.name] = host
            self._statuses[entry.name] = SpeechEngineStatus(entry, capabilities)
