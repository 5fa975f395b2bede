"""What the stand-in knows: plain records, each of which a test may read."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from modal_proto import api_pb2

TERMINATED = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED
SUCCESS = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS


@dataclass(eq=False, repr=False)
class Definition:
    """One function as one deploy sent it. request: everything received, the GPU fall-backs included."""

    definition_id: str
    request: api_pb2.FunctionCreateRequest

    @property
    def function(self) -> api_pb2.Function:
        """The definition proper; of several ranked ones (a list of GPUs) the first choice."""
        if self.request.HasField("function"):
            return self.request.function
        return self.request.function_data.ranked_functions[0].function

    @property
    def choices(self) -> list[api_pb2.Function]:
        """The definition proper and its fall-backs, in their order; they differ in the GPU."""
        if self.request.HasField("function"):
            return [self.request.function]
        return [ranked.function for ranked in self.request.function_data.ranked_functions]


@dataclass(eq=False, repr=False)
class Input:
    """One call's one input, through all its attempts. task_ids: the containers that began it."""

    input_id: str
    call: Call
    index: int
    value: api_pb2.FunctionInput
    task_ids: list[str] = field(default_factory=list)
    container: Container | None = None
    started_at: float = 0.0
    failures: int = 0
    lost: int = 0
    output: api_pb2.FunctionGetOutputsItem | None = None

    @property
    def attempt(self) -> int:
        """Counted from 0; a container tells by it what it has been given already."""
        return self.failures + self.lost


@dataclass(eq=False, repr=False)
class Call:
    """One function call. incoming, outgoing: the data streams of generators and of web requests."""

    call_id: str
    function: FunctionRecord
    invocation: int
    parent_input_id: str = ""
    inputs: list[Input] = field(default_factory=list)
    incoming: list[api_pb2.DataChunk] = field(default_factory=list)
    outgoing: list[api_pb2.DataChunk] = field(default_factory=list)
    expired: bool = False
    created_at: float = field(default_factory=time.time)

    @property
    def unfinished(self) -> int:
        return sum(one.output is None for one in self.inputs)


@dataclass(eq=False, repr=False)
class FunctionRecord:
    """A function, a class's service function, or one of them with parameters, options or a version bound to it.

    definitions: what each deploy sent, in order. live: the published one. base: what this one was bound from.
    waiting: requests to a server for which no container has room yet.
    """

    function_id: str
    app: App
    tag: str
    definitions: list[Definition] = field(default_factory=list)
    live: Definition | None = None
    base: FunctionRecord | None = None
    parameters: bytes = b""
    options: api_pb2.FunctionOptions | None = None
    version: int = 0
    urls: dict[str, str] = field(default_factory=dict)
    pending: deque[Input] = field(default_factory=deque)
    scaling: api_pb2.AutoscalerSettings | None = None
    failed_starts: int = 0
    waiting: int = 0

    @property
    def root(self) -> FunctionRecord:
        return self.base.root if self.base else self

    @property
    def definition(self) -> Definition:
        """What runs when this is called now."""
        if self.version:
            return self.app.versions[self.version].definitions[self.root.function_id]
        if self.base:
            return self.base.definition
        if self.live is None:
            raise LookupError(f"{self.tag} is not published")
        return self.live


@dataclass
class Layout:
    """What one version of an app consists of, by tag."""

    functions: dict[str, str] = field(default_factory=dict)
    classes: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class App:
    """An app and all its versions, the first is 1. deployed: it can be found by its name. history: the oldest first."""

    app_id: str
    name: str
    layout: Layout = field(default_factory=Layout)
    versions: dict[int, Layout] = field(default_factory=dict)
    history: list[api_pb2.AppDeploymentHistory] = field(default_factory=list)
    version: int = 0
    deployed: bool = False
    stopped: bool = False
    deployed_at: float = 0.0
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Container:
    """One real container process.

    draining: it gets no further input. process_id: its own process group. log_path: all it printed.
    """

    task_id: str
    function: FunctionRecord
    definition: Definition
    folder: Path
    enqueued_at: float = field(default_factory=time.time)
    ready_at: float = 0.0
    idle_since: float = 0.0
    process_id: int = 0
    exit_status: int | None = None
    draining: bool = False
    killed: bool = False
    running: dict[str, Input] = field(default_factory=dict)
    cancelled: list[str] = field(default_factory=list)
    failure: api_pb2.GenericResult | None = None
    port: int = 0
    port_open: bool = False
    sessions: set[str] = field(default_factory=set)

    @property
    def log_path(self) -> Path:
        return self.folder / "log.txt"

    @property
    def alive(self) -> bool:
        return self.exit_status is None
