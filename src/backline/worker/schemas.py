"""What the worker is sent: forms and queries. Here texts become values; whether a value makes sense, the session says.

An empty field is one that was not sent: clients of the older worker send all that they have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from backline.compute.jam_wire import list_of
from backline.engines.jam.orders import ChunkFormat, JamChange, JamOptions, LoudnessMode
from backline.errors import Invalid
from backline.ids import ID_PATTERN
from backline.web.problems import describe_validation


def _words(text: str) -> tuple[str, ...]:
    return list_of(text)


def _numbers(text: str) -> tuple[float, ...]:
    """One that is left out between two commas is 1."""
    try:
        return tuple(float(number.strip() or 1) for number in text.split(",")) if text.strip() else ()
    except ValueError:
        raise ValueError("numbers, parted by commas") from None


SessionId = Annotated[str, Field(pattern=f"^{ID_PATTERN.pattern}$")]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Numbers = Annotated[tuple[float, ...], BeforeValidator(_numbers)]
Index = Annotated[int, Field(ge=0, lt=2**63)]


class Fields(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WarmUp(Fields):
    """session_id: made here when there is none."""

    session_id: SessionId | None = None


class OfSession(Fields):
    session_id: SessionId


class Status(OfSession):
    """keepalive: 0 only looks."""

    keepalive: bool = True


class Start(OfSession):
    bpm: float
    bars_per_chunk: int = 4
    beats_per_bar: int = 4
    styles: Words = ()
    style_weights: Numbers = ()
    loop_weight: float = 1.0
    loudness_mode: LoudnessMode = "auto"
    loudness_headroom_db: float = 1.0
    guidance_weight: float = 1.1
    temperature: float = 1.1
    topk: int = 40
    target_sample_rate: int | None = None
    seed: int | None = None

    def options(self) -> JamOptions:
        return JamOptions(**self.model_dump(exclude={"session_id"}))


class Update(OfSession):
    styles: Words = ()
    style_weights: Numbers = ()
    clear_styles: bool = False
    loop_weight: float | None = None
    guidance_weight: float | None = None
    temperature: float | None = None
    topk: int | None = None

    def change(self) -> JamChange:
        return JamChange(**self.model_dump(exclude={"session_id"}))


class Splice(OfSession):
    anchor_bars: float = 2.0


class Consume(OfSession):
    chunk_index: Index


class Close(OfSession):
    reason: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] = "manual_close"


class Next(OfSession):
    """timeout_seconds: more than 25 is 25."""

    timeout_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 25.0
    format: ChunkFormat = "wav"
    index: Index | None = None


F = TypeVar("F", bound=Fields)


def parsed(kind: type[F], values: Mapping[str, Any]) -> F:
    """Raises Invalid, which names the fields and never repeats what they hold."""
    told = {name: value for name, value in values.items() if isinstance(value, str) and value.strip()}
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        sentence, fields = describe_validation(error.errors(include_input=False, include_url=False))
        raise Invalid(sentence, more={"errors": fields}) from None
