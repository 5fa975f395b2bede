"""The stand-in's whole state: plain dictionaries in one event loop, and one place where every waiter waits."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.modal_standin.records import App, Call, Container, FunctionRecord, Layout


@dataclass
class Volume:
    """commits, reloads: how often a container or a caller asked for one."""

    name: str
    folder: Path
    commits: int = 0
    reloads: int = 0


@dataclass
class Secret:
    name: str
    values: dict[str, str]


@dataclass
class Options:
    """How the stand-in itself behaves.

    prewarm: honour min_containers. max_processes: containers alive at once, whatever the apps ask for.
    scaledown_seconds: replaces every app's own. environment: variables that every container gets.
    web_ports: of web functions by their names; the others get free ones.
    """

    prewarm: bool = True
    max_processes: int = 8
    scaledown_seconds: float | None = None
    environment: dict[str, str] = field(default_factory=dict)
    web_ports: dict[str, int] = field(default_factory=dict)


class Hub:
    """Everything that was deployed, called and started. Only the stand-in's own loop may touch it."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.options = options
        self.apps: dict[str, App] = {}
        self.functions: dict[str, FunctionRecord] = {}
        self.calls: dict[str, Call] = {}
        self.containers: dict[str, Container] = {}
        self.images: dict[str, api_pb2.Image] = {}
        self.mounts: dict[str, list[api_pb2.MountFile]] = {}
        self.secrets: dict[str, Secret] = {}
        self.volumes: dict[str, Volume] = {}
        self.dicts: dict[str, dict[bytes, bytes]] = {}
        self.queues: dict[str, dict[bytes, list[bytes]]] = {}
        self.names: dict[tuple[str, str], str] = {}
        self.unimplemented: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.faults: dict[str, tuple[Status, str]] = {}
        self._numbers: Counter[str] = Counter()
        self._waiters: set[asyncio.Future[None]] = set()

    def new_id(self, prefix: str) -> str:
        self._numbers[prefix] += 1
        return f"{prefix}-{self._numbers[prefix]:06d}"

    def notify(self) -> None:
        """Tell every waiter that something changed."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_until(self, ready: Callable[[], bool], seconds: float | None = None) -> bool:
        """Wait for something to become true; False when the time has passed before it did."""
        try:
            async with asyncio.timeout(seconds):
                while not ready():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.add(waiter)
                    try:
                        await waiter
                    finally:
                        self._waiters.discard(waiter)
        except TimeoutError:
            return ready()
        return True

    async def follow(
        self, chunks: list[api_pb2.DataChunk], after: int, ended: Callable[[], bool], seconds: float | None = None
    ) -> AsyncIterator[api_pb2.DataChunk]:
        """What came on a stream after an index, then what still comes, until it has ended or been still so long."""
        position = after

        def more() -> bool:
            return len(chunks) > position

        while await self.wait_until(lambda: more() or ended(), seconds) and more():
            for chunk in chunks[position:]:
                position += 1
                yield chunk

    def app_named(self, name: str) -> App | None:
        return next((one for one in self.apps.values() if one.name == name and one.deployed and not one.stopped), None)

    def require_app(self, name: str) -> App:
        app = self.app_named(name)
        if app is None:
            raise GRPCError(Status.NOT_FOUND, f"App '{name}' not found")
        return app

    def function(self, function_id: str) -> FunctionRecord:
        if function_id not in self.functions:
            raise GRPCError(Status.NOT_FOUND, f"Function {function_id} not found")
        return self.functions[function_id]

    def call(self, call_id: str) -> Call:
        if call_id not in self.calls:
            raise GRPCError(Status.NOT_FOUND, f"Function call {call_id} not found")
        return self.calls[call_id]

    def layout_of(self, record: FunctionRecord) -> Layout:
        """The version of the app that this function belongs to."""
        return record.app.versions.get(record.version, record.app.layout)

    def containers_of(self, record: FunctionRecord) -> list[Container]:
        return [one for one in self.containers.values() if one.function is record and one.alive]
