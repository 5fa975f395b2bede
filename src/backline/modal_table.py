"""The rows of the table that a deployment to Modal is built from: one for each function, as the settings have it.

`backline.deploy` turns rows into functions; `backline modal plan` prints them. What a row leaves open is taken from
the engine's catalogue entry or from the operation's.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Gpu = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*!?(:[1-8])?$")]
"""A type, as Modal calls it, and how many of it: `L40S`, `A100-80GB:2`."""


class Row(BaseModel):
    """What the machines of one function are."""

    model_config = ConfigDict(extra="forbid")

    gpu: list[Gpu] | None = None
    """GPU types, the first that is free is taken: `["L40S", "A100"]`, `["A10G:2"]`; [] is none; None is what the
    engine or operation itself wants."""
    cpu: float = Field(1.0, gt=0, le=64)
    """Cores."""
    memory_mb: int = Field(2048, ge=128, le=345_000)
    min_containers: int = Field(0, ge=0, le=1000)
    """Kept warm, and paid for, when nobody asks."""
    buffer_containers: int = Field(0, ge=0, le=1000)
    """Kept free beyond those that work, while any works."""
    max_containers: int | None = Field(None, ge=1, le=1000)
    scaledown_seconds: int = Field(300, ge=2, le=1200)
    """How long a container that has nothing to do is kept."""
    startup_seconds: int = Field(600, ge=10, le=3600)
    """How long a container may take until it is ready: weights are loaded meanwhile."""
    region: str | None = None

    @model_validator(mode="after")
    def _counts_agree(self) -> Self:
        if self.max_containers is not None and self.min_containers > self.max_containers:
            raise ValueError("min_containers is more than max_containers")
        return self


class InputsRow(Row):
    """Machines that do several things at once."""

    target_inputs: int = Field(ge=1, le=1000)
    max_inputs: int = Field(ge=1, le=1000)

    @model_validator(mode="after")
    def _inputs_agree(self) -> Self:
        if self.target_inputs > self.max_inputs:
            raise ValueError("target_inputs is more than max_inputs")
        return self


class GatewayRow(InputsRow):
    """The gateway: no GPU, and never without a container, since jobs and bills are looked after there."""

    cpu: float = Field(2.0, gt=0, le=64)
    min_containers: int = Field(1, ge=1, le=1000)
    target_inputs: int = Field(100, ge=1, le=1000)
    """Requests at once in one container until another is started."""
    max_inputs: int = Field(400, ge=1, le=1000)
    timeout_seconds: int = Field(3600, ge=60, le=86_400)
    """Of one request: a socket may stay open so long."""


class SpeechRow(InputsRow):
    """Speech engines."""

    engines: list[str] = ["espeak"]
    """Names of the catalogue; [] leaves speech to the gateway."""
    cpu: float = Field(2.0, gt=0, le=64)
    memory_mb: int = Field(4096, ge=128, le=345_000)
    target_inputs: int = Field(8, ge=1, le=1000)
    """Sentences at once in one container until another is started."""
    max_inputs: int = Field(16, ge=1, le=1000)
    timeout_seconds: int = Field(600, ge=10, le=86_400)
    """Of one sentence."""
    queue_limit: int = Field(32, ge=0)
    """Sentences that may wait for a container; one more is answered 429."""
    snapshot: bool = True
    """Start from a picture of the memory, made after the imports and before the GPU."""
    gpu_snapshot: bool = False
    """The GPU's memory in the picture too (an alpha feature of Modal)."""


class JamRow(Row):
    """Live jams: one container for each session."""

    enabled: bool = True
    """Without, jams are played as the group `jam` says; to be switched off where an account has no sticky sessions. A
    `worker_url` there goes before this row."""
    engine: str | None = None
    """Of the catalogue; None takes the default one."""
    max_sessions: int = Field(10, ge=1, le=1000)
    """At once, over all gateways."""
    cpu: float = Field(2.0, gt=0, le=64)
    memory_mb: int = Field(4096, ge=128, le=345_000)
    region: str | None = "us-east"
    """Where requests enter, and where containers run."""
    snapshot: bool = False

    @model_validator(mode="after")
    def _sessions_agree(self) -> Self:
        if self.min_containers > self.max_sessions:
            raise ValueError("min_containers is more than max_sessions, each of which has one container")
        return self


class JobRow(Row):
    """One operation of jobs."""

    cpu: float = Field(4.0, gt=0, le=64)
    memory_mb: int = Field(8192, ge=128, le=345_000)
    scaledown_seconds: int = Field(60, ge=2, le=1200)
    timeout_seconds: int = Field(21_600, ge=60, le=86_400)
    """Of one run."""
    retries: int = Field(2, ge=0, le=10)
    """After a run that crashed; one that failed with a reason is tried again by the jobs themselves."""
    stall_seconds: float = Field(300.0, ge=10, le=3600)
    """How long a run may tell nothing before it is ended."""
