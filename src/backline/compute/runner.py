"""Every engine of the catalogue, each where its entry or the settings say, and the worker threads beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
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

_ELSEWHERE_SECONDS = 10.0
"""How long a start waits for a machine elsewhere; after that it is waited for beside everything else."""

_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 1.0, 30.0
"""Before an engine elsewhere that is away is asked for again; twice as long each time."""


OnFault = Callable[[str], None]
"""Called with the name of an engine whose GPU is broken."""


def no_fault(_engine: str) -> None:
    """For who does nothing about it."""


class Runner:
    """The `Compute` of one machine.

    workers: instances of each engine, and threads for `run`. patience_seconds: how long an engine may be silent.
    elsewhere: hosts of engines, by name, that speak on other machines and not here; closed with the others.
    """

    def __init__(
        self,
        workers: int,
        patience_seconds: float = 30.0,
        catalog: tuple[EngineEntry, ...] = CATALOG,
        elsewhere: Mapping[str, SpeechHost] | None = None,
        on_fault: OnFault = no_fault,
    ) -> None:
        self._catalog = catalog
        self._workers = workers
        self._patience_seconds = patience_seconds
        self._elsewhere = elsewhere or {}
        self._on_fault = on_fault
        self._hosts: dict[str, SpeechHost] = {}
        self._statuses: dict[str, SpeechEngineStatus] = {}
        self._failures: dict[str, BacklineError] = {}
        self._coming: list[asyncio.Task[None]] = []
        self._turns = Turns(workers)
        self._threads = Workers(workers, "worker")

    async def start(self) -> None:
        """Bring up every engine that is installed; one that fails is reported, and does not keep the others down. One
        that is away on another machine is tried again from then on. Again: those that failed here."""
        entries = [entry for entry in self._catalog if entry.kind is EngineKind.SPEECH]
        await asyncio.gather(*(self._start_speech(entry) for entry in entries if entry.name not in self._hosts))

    def speech_engines(self) -> Sequence[SpeechEngineStatus]:
        return [self._statuses[entry.name] for entry in self._catalog if entry.name in self._statuses]

    def speech(self, engine: str) -> SpeechHost:
        host = self._hosts.get(engine)
        if host is None:
            failure = self._failures.get(engine)
            if failure is None:
                raise find(engine, self._catalog).not_installed()
            raise Unavailable(failure.detail, code=failure.code, retryable=failure.retryable)
        return host

    async def run(self, order: float, function: Callable[[], T]) -> T:
        async with self._turns.turn(order):
            return await self._threads.run(function)

    async def close(self) -> None:
        for coming in self._coming:
            coming.cancel()
        await asyncio.gather(*self._coming, return_exceptions=True)
        await asyncio.gather(*(host.close() for host in {**self._elsewhere, **self._hosts}.values()))
        self._threads.end()

    def _new_instances(self, entry: EngineEntry) -> list[Instance]:
        if entry.isolation is Isolation.THREAD:
            return [InProcess(entry) for _ in range(self._workers)]
        processes = [EngineProcess(entry) for _ in range(self._workers)]
        return [InPool(process) for process in processes for _ in range(entry.instances)]

    async def _start_speech(self, entry: EngineEntry) -> None:
        there = self._elsewhere.get(entry.name)
        if there is not None:
            await self._start_elsewhere(replace(entry, requires=()), there)  # its libraries are not needed here
        elif entry.installed:
            on_fault = partial(self._on_fault, entry.name)
            host = InstancePool(self._new_instances(entry), self._patience_seconds, on_fault)
            await self._bring_up(entry, host)
        else:
            self._failed(entry, entry.not_installed())

    async def _start_elsewhere(self, entry: EngineEntry, host: SpeechHost) -> None:
        attempt = asyncio.create_task(self._bring_up(entry, host))
        await asyncio.wait((attempt,), timeout=_ELSEWHERE_SECONDS)
        if not attempt.done():
            self._failed(entry, Unavailable("The engine is still being started elsewhere.", code="engine_not_started"))
        if entry.name not in self._hosts:
            self._coming.append(asyncio.create_task(self._until_there(attempt, entry, host)))

    async def _until_there(self, attempt: asyncio.Task[None], entry: EngineEntry, host: SpeechHost) -> None:
        await attempt
        pause_seconds = _FIRST_PAUSE_SECONDS
        while entry.name not in self._hosts:
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, _LONGEST_PAUSE_SECONDS)
            await self._bring_up(entry, host)

    async def _bring_up(self, entry: EngineEntry, host: SpeechHost) -> None:
        try:
            capabilities = await host.start()
        except BacklineError as error:
            self._failed(entry, error)
        else:
            self._hosts[entry.name] = host
            self._statuses[entry.name] = SpeechEngineStatus(entry, capabilities)

    def _failed(self, entry: EngineEntry, error: BacklineError) -> None:
        before = self._failures.get(entry.name)
        if before is None or before.code != error.code:  # it is tried again and again, and is told once
            get_logger().warning("compute.engine_unavailable", engine=entry.name, code=error.code)
        self._failures[entry.name] = error
        self._statuses[entry.name] = SpeechEngineStatus(entry, None, error.detail, entry.name in self._elsewhere)
