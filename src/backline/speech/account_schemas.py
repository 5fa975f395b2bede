"""What the routes of voices, words and texts take and give."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from backline.speech.plan import FASTEST, SLOWEST
from backline.speech.records import Outcome
from backline.speech.schemas import Lexicon, Name
from backline.speech.voices import Source

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LINE_ENDS = re.compile(r"\r\n?|\n")


def _tidy(value: object) -> object:
    """Trimmed and composed (NFC), so that what looks the same is the same."""
    if not isinstance(value, str):
        return value
    if _UNPRINTABLE.search(value):
        raise ValueError("control characters are not allowed")
    return unicodedata.normalize("NFC", value).strip()


def _tidy_lines(value: object) -> object:
    if not isinstance(value, str):
        return value
    return "\n".join(str(_tidy(line)) for line in _LINE_ENDS.split(value)).strip()


VoiceName = Annotated[str, BeforeValidator(_tidy), StringConstraints(min_length=1, max_length=100)]
Description = Annotated[str, BeforeValidator(_tidy_lines), StringConstraints(max_length=500)]
Speed = Annotated[float, Field(ge=SLOWEST, le=FASTEST)]


class VoiceBody(BaseModel):
    """`POST /v1/voices`. voice: an engine's, or a custom one to begin from. language, speed, emotion: for requests that
    name none. public: whether others may use it too."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: VoiceName
    voice: Name
    description: Description = ""
    language: Name | None = None
    speed: Speed | None = None
    emotion: Name | None = None
    public: bool = False


class VoiceChange(BaseModel):
    """`PATCH /v1/voices/{id}`: only what is given changes; null takes a default away."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: VoiceName | None = None
    voice: Name | None = None
    description: Description | None = None
    language: Name | None = None
    speed: Speed | None = None
    emotion: Name | None = None
    public: bool | None = None

    @model_validator(mode="after")
    def _keep_what_is_needed(self) -> Self:
        for name in self.model_fields_set & {"name", "voice", "description", "public"}:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null")
        return self


class VoiceOut(BaseModel):
    """voice: the engine's. engine, languages: null and empty while the engine does not run. own: whether the caller may
    change it."""

    id: str
    name: str
    description: str
    source: Source
    voice: str
    engine: str | None
    languages: list[str]
    language: str | None
    speed: float | None
    emotion: str | None
    public: bool
    own: bool
    created_at: datetime | None
    updated_at: datetime | None


class Pagination(BaseModel):
    page: int
    per_page: int
    total: int
    pages: int


class VoiceList(BaseModel):
    voices: list[VoiceOut]
    pagination: Pagination


class LexiconBody(BaseModel):
    """The whole set: a word or phrase to how it is spoken."""

    model_config = ConfigDict(extra="forbid")

    lexicon: Lexicon


class TextOut(BaseModel):
    """A text that was spoken. text: as it was received. languages: those that were heard."""

    id: str
    request_id: str
    text: str
    characters: int
    voice: str
    voice_name: str
    engine: str
    format: str
    stream: bool
    languages: list[str]
    audio_seconds: float
    outcome: Outcome
    created_at: datetime


class TextList(BaseModel):
    texts: list[TextOut]
    next_cursor: str | None
    """For the next page; null on the last."""
