"""A speech engine that does what its text says; each word is a block of 0.1 s, or something that goes wrong."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import numpy as np

from backline.engines.catalog import EngineEntry, EngineKind, Isolation
from backline.engines.speech.base import (
    Cancel,
    Language,
    SpeechBlock,
    SpeechCapabilities,
    SpeechParams,
    SpeechState,
    Voice,
)

RATE_HZ = 8000
BLOCK_SECONDS = 0.1

CATALOG = (
    EngineEntry(
        name="odd",
        kind=EngineKind.SPEECH,
        path="odd_engines:OddEngine",
        isolation=Isolation.THREAD,
        licence="Apache-2.0",
        about="For tests.",
        source="this package",
    ),
)


class AcceleratorError(RuntimeError):
    """By this name it is told from others."""


class OddEngine:
    """Words: a number is a block of that value, in thousandths; `wait` takes 0.1 s; `die` ends the process, `fault` is
    a broken GPU: both once only where a file is named after a colon, which is made then."""

    def capabilities(self) -> SpeechCapabilities:
        return SpeechCapabilities(
            rate_hz=RATE_HZ,
            languages=(Language("en", "English"),),
            voices=(Voice("odd-one", "Odd", ("en",)),),
            max_characters=10_000,
            speed_range=(1.0, 1.0),
            native_stream=True,
            word_timing=False,
            model_version=f"odd {os.environ.get('MODAL_TASK_ID', '')}",
        )

    def open(self, voice: str) -> SpeechState:
        return SpeechState(voice)

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        for word in text.split():
            if cancel.is_set():
                return
            kind, _, once = word.partition(":")
            if kind == "wait":
                time.sleep(BLOCK_SECONDS)
            elif not kind.isdigit():
                self._go_wrong(kind, once)
            else:
                state.data["last"] = int(kind)
                yield SpeechBlock(np.full((int(RATE_HZ * BLOCK_SECONDS), 1), int(kind) / 1000, np.float32))

    def _go_wrong(self, kind: str, once: str) -> None:
        if once and os.path.exists(once):
            return
        if once:
            open(once, "w").close()
        if kind == "die":
            os._exit(3)
        raise AcceleratorError("CUDA error: an illegal memory access was encountered")

    def close(self) -> None:
        pass
