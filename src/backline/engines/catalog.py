"""Every engine there is, as data. Adding one is one module and one entry here.

Reading this table imports no engine: an entry names its module by dotted path, and whether its libraries are there is
asked of the import system without running them.
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from backline.errors import NotFound, Unavailable


class EngineKind(StrEnum):
    SPEECH = "speech"
    JAM = "jam"


class Isolation(StrEnum):
    """Where an engine must run: a thread of this process, or a worker process of its own."""

    THREAD = "thread"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class EngineEntry:
    """One engine.

    path: `module:Class`, imported only where it runs.
    requires: top-level modules that must be importable.
    extra: the extra of this package that brings them; None when the base install has all.
    instances: how many live in one worker process, sharing its processor time block by block.
    gpu: types that it wants, the first that is free is taken; empty: none.
    default: may be chosen when nobody asks for an engine by name; the first such entry that is installed wins.
    licence: of the engine's code (SPDX); weights have their own, named in `about`.
    """

    name: str
    kind: EngineKind
    path: str
    isolation: Isolation
    licence: str
    about: str
    source: str
    requires: tuple[str, ...] = ()
    extra: str | None = None
    instances: int = 1
    gpu: tuple[str, ...] = ()
    default: bool = False

    @property
    def installed(self) -> bool:
        return all(importlib.util.find_spec(module) is not None for module in self.requires)

    @property
    def install_command(self) -> str:
        return f"pip install 'backline[{self.extra}]'" if self.extra else "pip install backline"

    def load(self) -> Any:
        """Make the engine, here and now. Raises Unavailable, naming the extra, when a library is missing."""
        if not self.installed:
            raise self.not_installed()
        return load(self.path)

    def not_installed(self) -> Unavailable:
        return Unavailable(
            f"The {self.kind} engine '{self.name}' is not installed. Install it with: {self.install_command}",
            code="engine_not_installed",
            retryable=False,
        )


CATALOG: tuple[EngineEntry, ...] = (
    EngineEntry(
        name="espeak",
        kind=EngineKind.SPEECH,
        path="backline.engines.speech.espeak:EspeakEngine",
        isolation=Isolation.PROCESS,
        licence="GPL-3.0-or-later",
        about="Formant speech in English and 17 Indic languages, about a thousand times real time on one core.",
        source="https://github.com/espeak-ng/espeak-ng",
        requires=("espeakng_loader",),
        extra="espeak",
        instances=32,
        default=True,
    ),
    EngineEntry(
        name="tone",
        kind=EngineKind.SPEECH,
        path="backline.engines.speech.tone:ToneEngine",
        isolation=Isolation.THREAD,
        licence="Apache-2.0",
        about="A tune of sine tones, one a letter: the same samples every time. For tests; speaks only when named.",
        source="this package",
    ),
    EngineEntry(
        name="groove",
        kind=EngineKind.JAM,
        path="backline.engines.jam.groove:GrooveEngine",
        isolation=Isolation.THREAD,
        licence="Apache-2.0",
        about="Plays on from the loop's own beats, with a band in the styles asked for; some hundred times real time.",
        source="this package",
        default=True,
    ),
    EngineEntry(
        name="metronome",
        kind=EngineKind.JAM,
        path="backline.engines.jam.metronome:MetronomeEngine",
        isolation=Isolation.THREAD,
        licence="Apache-2.0",
        about="The loop over and over, with a click at each beat: the same samples every time. For tests.",
        source="this package",
    ),
    EngineEntry(
        name="magenta-rt",
        kind=EngineKind.JAM,
        path="backline.engines.jam.magenta:MagentaEngine",
        isolation=Isolation.PROCESS,
        licence="Apache-2.0",
        about="Magenta RealTime 2: a neural band that plays on in the styles asked for. GPU; weights CC-BY-4.0.",
        source="https://github.com/magenta/magenta-realtime",
        requires=("magenta_rt", "jax"),
        extra="magenta",
        gpu=("L40S",),
    ),
)


def load(path: str) -> Any:
    """Make the engine at `module:Class`. This is where its libraries are imported."""
    module_name, _, class_name = path.partition(":")
    return getattr(importlib.import_module(module_name), class_name)()


def find(name: str, catalog: tuple[EngineEntry, ...] = CATALOG) -> EngineEntry:
    for entry in catalog:
        if entry.name == name:
            return entry
    raise NotFound(f"There is no engine '{name}'.", code="engine_not_found")
