"""What a caller wishes, held against what the engines can do: every wish is fulfilled or refused, none is dropped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from backline.compute.base import Compute, SpeechEngineStatus
from backline.engines.speech.base import EMOTION_TAGS, SpeechCapabilities, Voice
from backline.engines.speech.languages import ENGLISH_AND_INDIC
from backline.errors import Invalid, Unavailable
from backline.media.encode.formats import AudioFormat, choose_rate, find_format
from backline.speech.text.language import detect_language
from backline.speech.text.ssml import Passage

SLOWEST, FASTEST = 0.25, 4.0
"""Factors of speed; what an engine does not reach by itself is stretched (`media/tempo`)."""


class Wishes(Protocol):
    """What a caller may ask for; None means: choose for me."""

    @property
    def voice(self) -> str | None: ...

    @property
    def language(self) -> str | None: ...

    @property
    def format(self) -> str: ...

    @property
    def sample_rate(self) -> int | None: ...

    @property
    def speed(self) -> float: ...

    @property
    def normalize(self) -> bool: ...

    @property
    def emotion(self) -> str | None: ...

    @property
    def lexicon(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """A request whose every wish was found possible. language: one the voice speaks, or None to follow the text.

    lexicon: written word or phrase to how it is spoken, whether or not the rest is normalised.
    """

    engine: str
    capabilities: SpeechCapabilities
    voice: Voice
    language: str | None
    audio_format: AudioFormat
    rate_hz: int
    speed: float
    normalize: bool
    emotion: str | None
    lexicon: Mapping[str, str]


class Planner:
    """default_engine: its name; None takes the first default of the catalogue that runs."""

    def __init__(self, compute: Compute, default_engine: str | None = None) -> None:
        self._compute = compute
        self._default_engine = default_engine

    def engines(self) -> Sequence[SpeechEngineStatus]:
        return self._compute.speech_engines()

    def default_engine(self) -> SpeechEngineStatus:
        """Raises Unavailable, naming what to install, when there is none."""
        name = self._default_engine
        candidates = [s for s in self.engines() if (s.entry.name == name if name else s.entry.default)]
        for status in candidates:
            if status.capabilities is not None:
                return status
        if not candidates:
            raise Unavailable(f"There is no speech engine '{name}'.", code="engine_unavailable", retryable=False)
        installed = candidates[0].entry.installed
        raise Unavailable(
            candidates[0].reason or "No speech engine runs.",
            code="engine_unavailable" if installed else "engine_not_installed",
            retryable=installed,
        )

    def plan(self, wishes: Wishes) -> Plan:
        """Touches no engine. Raises Invalid, saying what would be possible."""
        engine, capabilities, voice = self._find_voice(wishes.voice)
        audio_format = find_format(wishes.format)
        return Plan(
            engine=engine,
            capabilities=capabilities,
            voice=voice,
            language=match_language(wishes.language, capabilities, voice),
            audio_format=audio_format,
            rate_hz=choose_rate(audio_format, wishes.sample_rate, capabilities.rate_hz),
            speed=wishes.speed,
            normalize=wishes.normalize,
            emotion=_find_emotion(wishes.emotion, engine, capabilities),
            lexicon=wishes.lexicon,
        )

    def _find_voice(self, voice_id: str | None) -> tuple[str, SpeechCapabilities, Voice]:
        if voice_id is None:
            status = self.default_engine()
            assert status.capabilities is not None
            return status.entry.name, status.capabilities, status.capabilities.voices[0]
        for status in self.engines():
            capabilities = status.capabilities
            for voice in capabilities.voices if capabilities else ():
                if voice.id == voice_id:
                    assert capabilities is not None
                    return status.entry.name, capabilities, voice
        self.default_engine()  # a voice may be unknown because nothing is installed; then say that
        if away := [status.entry.name for status in self.engines() if status.awaited]:
            raise Unavailable(
                f"No engine that is there has this voice, and {' and '.join(away)} cannot be reached now. Try again.",
                code="engine_unavailable",
            )
        raise Invalid("There is no such voice. GET /v1/audio/voices lists them.", code="unknown_voice")


def fit_passage(passage: Passage, plan: Plan) -> Passage:
    """A passage's own language and speed, held against the voice like the request's. Raises Invalid."""
    if not SLOWEST <= plan.speed * passage.speed <= FASTEST:
        raise Invalid(f"Speech has a speed of {SLOWEST:g} to {FASTEST:g}, all factors together.", code="bad_speed")
    if passage.language is None:
        return passage
    return replace(passage, language=match_language(passage.language, plan.capabilities, plan.voice))


def language_to_read(text: str, wanted: str) -> str:
    """The language that `text` is to be normalised in: as wanted, or found. Raises Invalid for one nobody speaks."""
    if wanted == "auto":
        return detect_language(text)
    code = wanted.lower().replace("_", "-")
    if code.partition("-")[0] not in {language.code for language in ENGLISH_AND_INDIC}:
        known = ", ".join(language.code for language in ENGLISH_AND_INDIC)
        raise Invalid(f"That language is unknown. Known are auto, {known}.", code="unknown_language")
    return code


def match_language(wanted: str | None, capabilities: SpeechCapabilities, voice: Voice) -> str | None:
    """`hi-IN` is `hi` to an engine that knows no `hi-in`; `auto` is None. Raises Invalid when the voice lacks it."""
    if wanted is None or wanted == "auto":
        return None
    code = wanted.lower().replace("_", "-")
    for candidate in (code, code.partition("-")[0]):
        if candidate in voice.languages:
            return candidate
    known = ", ".join(language.code for language in capabilities.languages if language.code in voice.languages)
    raise Invalid(f"The voice '{voice.id}' does not speak that language. It speaks: {known}.", code="unknown_language")


def _find_emotion(wanted: str | None, engine: str, capabilities: SpeechCapabilities) -> str | None:
    name = (wanted or "none").strip("<>[] ").lower()
    if name == "none":
        return None
    if name in capabilities.emotions:
        return name
    known = ", ".join(sorted(capabilities.emotions)) or "none"
    problem = "cannot perform that emotion" if name in EMOTION_TAGS else "knows no such emotion"
    raise Invalid(f"The engine '{engine}' {problem}. It performs: {known}.", code="unsupported_emotion")
