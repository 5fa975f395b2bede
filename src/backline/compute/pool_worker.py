"""The program of one engine process: `python -m backline.compute.pool_worker module:Class INSTANCES`.

Several calls can be under way, each on an instance of its own. They take turns block by block, the one that has been
given the least sound first, so that a newcomer's first block never waits for a long sentence to end. What is far ahead
of its listener is sent in larger blocks: each one costs the parent the same, whatever its length. It ends when its
parent does: standard input closes, and nothing is left behind.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from backline.clock import monotonic
from backline.compute.wire import Frame, capabilities_as_data, pack, pack_block
from backline.engines.catalog import load
from backline.engines.faults import gpu_fault, is_gpu_fault
from backline.engines.speech.base import SpeechBlock, SpeechEngine, SpeechParams, SpeechState, Tokens
from backline.errors import BacklineError, Failed
from backline.media.audio import together

_AHEAD_SECONDS = 0.5
"""How far what was sent must be ahead of its listener before the next blocks may be gathered."""

_GATHERED_SECONDS = 0.5


@dataclass(slots=True)
class Call:
    """One unit that is being spoken. delivered_seconds: what its listener has been given, this unit included, and what
    is gathered for it; made_seconds: the same of this unit alone."""

    number: int
    engine: SpeechEngine
    state: SpeechState
    blocks: Iterator[SpeechBlock]
    delivered_seconds: float
    began: float
    made_seconds: float = 0.0
    gathered: list[SpeechBlock] = field(default_factory=list)
    gathered_seconds: float = 0.0
    paused: bool = False

    def gather(self, block: SpeechBlock, seconds: float) -> None:
        self.gathered.append(block)
        self.gathered_seconds += seconds
        self.made_seconds += seconds
        self.delivered_seconds += seconds

    def is_due(self, now: float) -> bool:
        """Whether what is gathered should be sent: there is much of it, or its listener may need it soon."""
        ahead_seconds = self.made_seconds - self.gathered_seconds - (now - self.began)
        return ahead_seconds < _AHEAD_SECONDS or self.gathered_seconds >= _GATHERED_SECONDS


@dataclass(slots=True)
class Commands:
    """What the parent wants, read by a thread of its own so that a cancel is seen in the middle of a call."""

    waiting: queue.SimpleQueue[dict[str, Any]] = field(default_factory=queue.SimpleQueue)
    cancels: dict[int, threading.Event] = field(default_factory=dict)

    def read(self, lines: BinaryIO) -> None:
        for line in lines:
            command = json.loads(line)
            if command["do"] == "speak":
                self.cancels[command["id"]] = threading.Event()
            elif command["do"] == "cancel" and (cancel := self.cancels.get(command["id"])):
                cancel.set()
            self.waiting.put(command)
        os._exit(0)  # the parent is gone; an engine in a C call could not be asked to stop


class PoolWorker:
    """engines: the instances. The parent never has more calls under way than there are."""

    def __init__(self, engines: Sequence[SpeechEngine], answers: BinaryIO) -> None:
        self._idle = list(engines)
        self._answers = answers
        self._calls: dict[int, Call] = {}
        self._rate_hz = engines[0].capabilities().rate_hz

    def run(self, commands: Commands) -> None:
        self._send(pack(Frame.READY, 0, capabilities_as_data(self._idle[0].capabilities())))
        while True:
            while not commands.waiting.empty() or not self._next_call():
                self._obey(commands.waiting.get(), commands)
            call = self._next_call()
            if call:
                self._advance(call, commands)

    def _next_call(self) -> Call | None:
        ready = (call for call in self._calls.values() if not call.paused)
        return min(ready, key=lambda call: call.delivered_seconds, default=None)

    def _obey(self, command: dict[str, Any], commands: Commands) -> None:
        number = command["id"]
        if command["do"] == "speak":
            self._begin(command, commands.cancels[number])
        elif call := self._calls.get(number):
            call.paused = command["do"] == "pause"

    def _begin(self, command: dict[str, Any], cancel: threading.Event) -> None:
        engine = self._idle.pop()
        state = SpeechState(**command["state"])
        params = SpeechParams(**command["params"])
        blocks = _blocks(engine, command["text"], state, params, cancel)
        self._calls[command["id"]] = Call(command["id"], engine, state, blocks, command["order"], monotonic())

    def _advance(self, call: Call, commands: Commands) -> None:
        try:
            block = next(call.blocks, None)
        except BacklineError as error:
            self._end(call, commands, pack(Frame.ERROR, call.number, error.as_data()))
        except Exception as error:  # noqa: BLE001 - the parent must hear of it, but not its message: it may quote the text
            self._end(call, commands, pack(Frame.ERROR, call.number, _failure(error).as_data()))
        else:
            if block is None:
                self._end(call, commands, pack(Frame.DONE, call.number, {"data": call.state.data}))
            else:
                call.gather(block, len(block.samples) / self._rate_hz)
                if call.is_due(monotonic()):
                    self._send_gathered(call)

    def _end(self, call: Call, commands: Commands, answer: bytes) -> None:
        del self._calls[call.number]
        del commands.cancels[call.number]
        self._idle.append(call.engine)
        self._send_gathered(call)
        self._send(answer)

    def _send_gathered(self, call: Call) -> None:
        if call.gathered:
            self._send(pack_block(call.number, joined(call.gathered)))
            call.gathered, call.gathered_seconds = [], 0.0

    def _send(self, frame: bytes) -> None:
        self._answers.write(frame)
        self._answers.flush()


def _failure(error: Exception) -> BacklineError:
    if is_gpu_fault(error):
        return gpu_fault()
    return Failed(f"The engine failed ({type(error).__name__}).", code="engine_failed", retryable=True)


def joined(blocks: Sequence[SpeechBlock]) -> SpeechBlock:
    """One block of several that follow each other."""
    if len(blocks) == 1:
        return blocks[0]
    counts = [block.tokens for block in blocks if block.tokens]
    return SpeechBlock(
        together([block.samples for block in blocks]),
        tuple(word for block in blocks for word in block.words),
        Tokens(sum(count.read for count in counts), sum(count.written for count in counts)) if counts else None,
    )


def _blocks(
    engine: SpeechEngine, text: str, state: SpeechState, params: SpeechParams, cancel: threading.Event
) -> Iterator[SpeechBlock]:
    if not state.data:
        state.data.update(engine.open(state.voice).data)
    yield from engine.synthesize(text, state, params, cancel)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):  # they reach the whole group; the parent decides when to stop
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints must not end up among the frames
    engines = [load(sys.argv[1]) for _ in range(int(sys.argv[2]))]
    commands = Commands()
    threading.Thread(target=commands.read, args=(sys.stdin.buffer,), daemon=True).start()
    PoolWorker(engines, answers).run(commands)


if __name__ == "__main__":
    main()
