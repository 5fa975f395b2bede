"""What a speech engine is: plain data in, blocks of sound out, one unit of text at a time.

The contract every engine keeps (tests/contracts/test_speech_engines.py runs it over the whole catalogue):

* It is made without arguments, in the process and the thread that will use it, and may take long: that is where
  libraries and weights load. It may be told to `close`.
* `open` begins a request. The state it returns is used for every unit of that request, in order, and only there. It is
  plain data (`voice`, and `data` of JSON values) because it may cross to another process or machine between two units;
  the engine may write to `data` (a neural engine keeps its speaker tokens there, so one voice lasts a whole book).
* `synthesize` blocks. It yields as soon as it has sound, looks at `cancel` at least every 50 ms of its own time,
  and returns early, without an error, once `cancel` is set. One call at a time per engine instance.
* It never learns about users, money, HTTP or storage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from backline.media.audio import Samples

EMOTION_TAGS = (
    "laugh",
    "laugh_harder",
    "sigh",
    "chuckle",
    "gasp",
    "angry",
    "excited",
    "whisper",
    "cry",
    "scream",
    "sing",
    "snort",
    "exhale",
    "gulp",
    "giggle",
    "sarcastic",
    "curious",
)
"""The emotion tags that a text may hold, written `<laugh>` or `[laugh]`: the list of the Maya1 model card."""


@dataclass(frozen=True, slots=True)
class Language:
    """code: lower-case BCP 47 (`hi`, `en-in`); name: its English name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Voice:
    """One speaker. id: unique over all engines, `[A-Za-z0-9_-]{1,64}`; languages: codes it speaks, its own first."""

    id: str
    name: str
    languages: tuple[str, ...]
    description: str = ""


@dataclass(frozen=True, slots=True)
class SpeechCapabilities:
    """What an engine can do; the same for every instance of one installation.

    rate_hz: of every block it yields. channels is always 1.
    voices: the first is its default.
    max_characters: the longest text of one `synthesize` call.
    speed_range: slowest and fastest factor it reaches by itself.
    native_stream: whether sound leaves before the unit is finished.
    word_timing: whether blocks carry words.
    emotions: the tags of `EMOTION_TAGS` it can perform; others never reach it.
    counts_tokens: whether blocks carry `tokens`.
    model_version: what made the sound, for X-Model-Version.
    """

    rate_hz: int
    languages: tuple[Language, ...]
    voices: tuple[Voice, ...]
    max_characters: int
    speed_range: tuple[float, float]
    native_stream: bool
    word_timing: bool
    model_version: str
    emotions: frozenset[str] = frozenset()
    counts_tokens: bool = False


@dataclass(slots=True)
class SpeechState:
    """One request's memory. voice: a `Voice.id`; data: JSON values that belong to the engine."""

    voice: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SpeechParams:
    """How a unit is spoken. language: a code of the engine; speed: factor, 1 is normal; emotion: a tag it performs."""

    language: str
    speed: float = 1.0
    emotion: str | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is heard. Times in seconds from the unit's first sample; offsets are characters of the unit's text,
    `source_end` exclusive. `end_s` is never before `start_s`; words ascend."""

    start_s: float
    end_s: float
    source_start: int
    source_end: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """Model tokens read and written since the previous block."""

    read: int
    written: int


@dataclass(frozen=True, slots=True)
class SpeechBlock:
    """Sound as it is made. samples: float32 [frames, 1] at the engine's rate; may be empty when only words are news.
    A word may arrive before or after the block that holds its sound, but never after the unit's last block."""

    samples: Samples
    words: tuple[Word, ...] = ()
    tokens: Tokens | None = None


class Cancel(Protocol):
    """A flag that another thread raises; `threading.Event` is one."""

    def is_set(self) -> bool: ...


class SpeechEngine(Protocol):
    def capabilities(self) -> SpeechCapabilities: ...

    def open(self, voice: str) -> SpeechState:
        """Begin a request. voice: a `Voice.id` of this engine. Raises Invalid for an unknown one."""
        ...

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        """Speak one unit of at most `max_characters`. Emotion tags that the engine performs stand in it as `<tag>`."""
        ...

    def close(self) -> None:
        """Free what the engine holds; it is not used again."""
        ...
