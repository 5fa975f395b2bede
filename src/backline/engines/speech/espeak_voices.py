"""Which voice files of espeak-ng stand behind the names that we give to languages, speakers and moods."""

from __future__ import annotations

from dataclasses import dataclass

from backline.engines.speech.base import Voice
from backline.engines.speech.languages import ENGLISH_AND_INDIC

_LANGUAGE_CODES = tuple(language.code for language in ENGLISH_AND_INDIC)

# The library names its British voice `en` and has none for India, whose English is nearest to the British one.
_FILES = {"en-gb": "en", "en-in": "en"}


@dataclass(frozen=True, slots=True)
class Variant:
    """A voice variant of espeak-ng. volume: 100 is the library's own, chosen so that all are about equally loud;
    pitch: 0 to 99, 50 is the variant's own."""

    name: str
    volume: int = 100
    pitch: int = 50


@dataclass(frozen=True, slots=True)
class Speaker:
    """speaking: the variant that makes the speaker; whispering: the one that whispers in its place."""

    voice: Voice
    speaking: Variant
    whispering: Variant


_MALE_WHISPER = Variant("whisper")
_FEMALE_WHISPER = Variant("whisperf", volume=60)


def _speaker(id_: str, description: str, speaking: Variant, whispering: Variant) -> Speaker:
    name = id_.replace("-", " ").capitalize()
    return Speaker(Voice(id_, name, _LANGUAGE_CODES, description), speaking, whispering)


SPEAKERS: tuple[Speaker, ...] = (
    _speaker("male-1", "A clear male voice, about 102 Hz", Variant("adam"), _MALE_WHISPER),
    _speaker("female-1", "A clear female voice, about 206 Hz", Variant("f5"), _FEMALE_WHISPER),
    _speaker("male-2", "A brighter male voice, about 110 Hz", Variant("m6", pitch=58), _MALE_WHISPER),
    _speaker("female-2", "A lower female voice, about 180 Hz", Variant("f1", volume=85), _FEMALE_WHISPER),
    _speaker("male-3", "A deep male voice, about 86 Hz", Variant("m8", volume=155), _MALE_WHISPER),
    _speaker("female-3", "A high female voice, about 220 Hz", Variant("f2", volume=85, pitch=60), _FEMALE_WHISPER),
    _speaker("whisper", "A whisper, without a pitch", Variant("whisper", volume=140), _MALE_WHISPER),
)


@dataclass(frozen=True, slots=True)
class Mood:
    """What an emotion adds: to pitch and range (of 0 to 99), and as factors of rate and volume."""

    pitch: int = 0
    pitch_range: int = 0
    rate: float = 1.0
    volume: float = 1.0
    whispers: bool = False


NEUTRAL = Mood()
MOODS: dict[str, Mood] = {
    "whisper": Mood(rate=0.9, whispers=True),
    "excited": Mood(pitch=25, pitch_range=40, rate=1.15, volume=1.15),
    "angry": Mood(pitch=-15, pitch_range=30, rate=1.1, volume=1.35),
}


def voice_file(language: str, variant: Variant) -> str:
    return f"{_FILES.get(language, language)}+{variant.name}"


def speaker_named(voice: str) -> Speaker:
    return next(speaker for speaker in SPEAKERS if speaker.voice.id == voice)
