"""An engine in processes of its own: for code that is not thread safe, may crash, or has a licence to keep apart."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from dataclasses import asdict
from typing import Any

from backline.compute.spool import BlockSpool
from backline.compute.wire import HEADER, Frame, capabilities_from_data, unpack_block
from backline.engines.catalog import EngineEntry
from backline.engines.faults import GPU_FAULT
from backline.engines.speech.base import SpeechCapabilities, SpeechParams, SpeechState
from backline.errors import BacklineError, Unavailable, from_data
from backline.observability.logging import get_logger

START_SECONDS = 60.0
"""How long a process may take until its engine is loaded."""

STOP_SECONDS = 1.0
"""How long an engine may go on after it was told to stop, before its process is killed."""


class EngineProcess:
    """A child process with several instances of an engine; started again when it has died."""

    def __init__(self, entry: EngineEntry) -> None:
        self.entry = entry
        self.calls: dict[int, Call] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._capabilities: SpeechCapabilities | None = None
        self._count = 0
        self._killed = False  # its last frames, and its end, are still to be read

    async def start(self) -> SpeechCapabilities:
        """The process that runs already, or a new one. Raises Unavailable when it does not come up."""
        async with self._starting:
            if self._killed and self._reading is not None:
                await asyncio.wait((self._reading,))
            self._killed = False
            if self._capabilities is None:
                self._capabilities = await self._launch()
            return self._capabilities

    def begin(self, call: Call) -> int:
        self._count += 1
        self.calls[self._count] = call
        return self._count

    def send(self, command: dict[str, Any]) -> None:
        """Harmless when the process has just ended: whoever waits for an answer is told by the reader."""
        if self._process is not None and self._process.stdin is not None and not self._process.stdin.is_closing():
            self._process.stdin.write(json.dumps(command).encode() + b"\n")

    def kill(self) -> None:
        get_logger().warning("compute.engine_killed", engine=self.entry.name)
        if self._process is not None:
            self._killed = True
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        process.stdin.close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading

    async def _launch(self) -> SpeechCapabilities:
        if not self.entry.installed:
            raise self.entry.not_installed()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "backline.compute.pool_worker",
            self.entry.path,
            str(self.entry.instances),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=1 << 20,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(START_SECONDS):
                _, _, data, _ = await _read_frame(self._process.stdout)
        except (TimeoutError, asyncio.IncompleteReadError):
            await self.close()
            raise Unavailable(
                f"The engine '{self.entry.name}' did not start. Run: backline doctor", code="engine_not_started"
            ) from None
        self._reading = asyncio.create_task(self._read(self._process))
        return capabilities_from_data(json.loads(data))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand every frame to its call, until the process ends; then tell those that still wait."""
        assert process.stdout is not None
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, number, data, samples = await _read_frame(process.stdout)
                self.calls[number].take(kind, data, samples)
        await process.wait()
        self._capabilities = None
        for call in list(self.calls.values()):
            call.fail(Unavailable("The engine's process ended. Try again.", code="engine_crashed"))


class Call:
    """One unit's frames, on their way into its spool."""

    def __init__(self, state: SpeechState, spool: BlockSpool) -> None:
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.spool = spool
        self._state = state

    def take(self, kind: Frame, data: bytes, samples: bytes) -> None:
        if kind is Frame.BLOCK:
            self.spool.put([unpack_block(data, samples)])
        elif kind is Frame.ERROR:
            self.fail(from_data(json.loads(data)))
        elif not self.finished.done():
            self._state.data = json.loads(data)["data"]
            self.finished.set_result(None)

    def fail(self, error: BacklineError) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)


class InPool:
    """One instance of a process: a place for one call at a time."""

    def __init__(self, process: EngineProcess) -> None:
        self._process = process
        self._number: int | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def load(self) -> int:
        return len(self._process.calls)

    async def start(self) -> SpeechCapabilities:
        return await self._process.start()

    async def speak(self, text: str, state: SpeechState, params: SpeechParams, order: float, spool: BlockSpool) -> None:
        call = Call(state, spool)
        number = self._number = self._process.begin(call)
        spool.on_full = lambda: self._process.send({"do": "pause", "id": number})
        spool.on_room = lambda: self._process.send({"do": "resume", "id": number})
        try:
            if not spool.abandoned:
                self._process.send(
                    {
                        "do": "speak",
                        "id": number,
                        "text": text,
                        "state": asdict(state),
                        "params": asdict(params),
                        "order": order,
                    }
                )
                await call.finished
        except BacklineError as error:
            if error.code == GPU_FAULT:
                self._process.kill()  # the next call begins another, which may find the GPU well
            raise
        finally:
            self._number = None
            del self._process.calls[number]
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    def cancel(self) -> None:
        if self._number is not None and self._deadline is None:
            self._process.send({"do": "cancel", "id": self._number})
            self._deadline = asyncio.get_running_loop().call_later(STOP_SECONDS, self._process.kill)

    async def close(self) -> None:
        await self._process.close()


async def _read_frame(stdout: asyncio.StreamReader) -> tuple[Frame, int, bytes, bytes]:
    kind, number, data_bytes, sample_bytes = HEADER.unpack(await stdout.readexactly(HEADER.size))
    body = await stdout.readexactly(data_bytes + sample_bytes)
    return Frame(kind), number, body[:data_bytes], body[data_bytes:]
