"""What the speech routes take and give."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from backline.jobs.schemas import JobView
from backline.speech.plan import FASTEST, SLOWEST
from backline.speech.service import MAX_TEXT_CHARACTERS

MAX_LONG_TEXT_CHARACTERS = 1_000_000
MAX_LEXICON_ENTRIES = 500
MAX_WORD_CHARACTERS = 100
MAX_SPOKEN_CHARACTERS = 300

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def has_control_characters(text: str) -> bool:
    """Those that no engine reads and some stumble over; tabs and line ends are fine."""
    return _CONTROL.search(text) is not None


def speakable(text: str) -> str:
    if has_control_characters(text):
        raise ValueError("control characters such as NUL are not allowed")
    if not text.strip():
        raise ValueError("the text is empty")
    return text


def _rate(value: Any) -> Any:
    """`16k` and `48k` are what older clients write."""
    match = re.fullmatch(r"(\d{1,3})k", value, re.IGNORECASE) if isinstance(value, str) else None
    return int(match[1]) * 1000 if match else value


def check_lexicon(value: Any) -> dict[str, str]:
    """`value` as a lexicon. Raises ValueError with the position of an entry that is none, and never with its words."""
    if not isinstance(value, dict):
        raise ValueError("not an object of words and how each is spoken")
    if len(value) > MAX_LEXICON_ENTRIES:
        raise ValueError(f"more than {MAX_LEXICON_ENTRIES} entries")
    for position, (word, spoken) in enumerate(value.items(), start=1):
        for what, text, longest in (
            ("word", word, MAX_WORD_CHARACTERS),
            ("spoken form", spoken, MAX_SPOKEN_CHARACTERS),
        ):
            if not isinstance(text, str) or not 1 <= len(text) <= longest or not text.strip():
                raise ValueError(f"entry {position}: the {what} is no text of 1 to {longest} characters")
            if _UNPRINTABLE.search(text):
                raise ValueError(f"entry {position}: control characters are not allowed in the {what}")
    return value


Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_CHARACTERS), AfterValidator(speakable)]
Rate = Annotated[Literal[8000, 16000, 22050, 24000, 48000], BeforeValidator(_rate)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


Lexicon = Annotated[dict[str, str], BeforeValidator(check_lexicon), Field(max_length=MAX_LEXICON_ENTRIES)]


class Manner(BaseModel):
    """How to speak. Unknown fields are refused; a field and its alias may both be given only if they agree.

    format: wav, pcm, opus, webm, mp3, aac, mp4, flac or mulaw. sample_rate: Hz; None is the format's own.
    speed: factor, 1 is normal. emotion: a tag that the engine performs. language: a code, or `auto`.
    lexicon: written word or phrase to how it is spoken; heeded whether or not the rest is normalised.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    voice: Name | None = None
    speaker: Name | None = None
    language: Name | None = None
    format: Name = "wav"
    sample_rate: Rate | None = None
    output: Rate | None = None
    speed: float = Field(1.0, ge=SLOWEST, le=FASTEST)
    normalize: bool = True
    emotion: Name | None = None
    lexicon: Lexicon = Field(default_factory=dict)

    @model_validator(mode="after")
    def _settle_aliases(self) -> Self:
        for name, alias in (("voice", "speaker"), ("sample_rate", "output")):
            value, other = getattr(self, name), getattr(self, alias)
            if value is not None and other is not None and value != other:
                raise ValueError(f"{name} and its alias {alias} disagree")
            if value is None:
                setattr(self, name, other)
        return self


class GenerateRequest(Manner):
    """`POST /v1/tts/generate`. stream: send while it is made. chunking: False reads the text as one unit."""

    text: Text
    stream: bool = False
    chunking: bool = True


class LongSpeechRequest(Manner):
    """`POST /v1/tts/jobs`. title: what the files are called. chunking: False reads each passage of SSML as one unit."""

    text: Annotated[str, Field(min_length=1, max_length=MAX_LONG_TEXT_CHARACTERS), AfterValidator(speakable)]
    title: Annotated[str, Field(min_length=1, max_length=150), AfterValidator(speakable)] | None = None
    chunking: bool = True


class LongSpeechView(JobView):
    """A job, and what it has made. characters_done: what would not be done again. The addresses are good for a while;
    null before the job has succeeded, and once a file was removed."""

    characters: int
    characters_done: int
    audio_seconds: float | None
    credits_consumed: str | None
    url: str | None
    chapters_url: str | None
    vtt_url: str | None


class SessionConfig(Manner):
    """`session.config` of the WebSocket. peaks: send the outline of the sound too."""

    type: Literal["session.config"] = "session.config"
    peaks: bool = False


class NormalizeRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Text
    language: Name = "auto"
    lexicon: Lexicon = Field(default_factory=dict)


class SpanOut(BaseModel):
    """`text[start:end]` of the answer was made from `text[source_start:source_end]` of the request (code points)."""

    start: int
    end: int
    source_start: int
    source_end: int


class NormalizeReply(BaseModel):
    text: str
    language: str
    spans: list[SpanOut]
