"""Which voice files of espeak-ng stand behind the names that we give to languages, speakers and moods."""

from __future__ import annotations

from dataclasses import dataclass

from backline.engines.speech.base import Voice
from backline.engines.speech.languages import ENGLISH_AND_INDIC

_LANGUAGE_CODES = tuple(language.code for language in ENGLISH_AND_INDIC)

# The library names its British voice `en` and has none for India, whose English is nearest to the British one.
_FILES = {"en-gb": "en", "en-in": "en"}


@dataclass(frozen=True, slots=True)
class Speaker:
    """variant: the voice variant of espeak-ng that makes the speaker; whispering: the one that whispers in its place.

    volume: 100 is the library's own; the speakers are brought to about the same loudness.
    """

    voice: Voice
    variant: str
    whispering: str
    volume: int = 100


def _speaker(id_: str, name: str, description: str, variant: str, whispering: str, volume: int) -> Speaker:
    return Speaker(Voice(id_, name, _LANGUAGE_CODES, description), variant, whispering, volume)


SPEAKERS: tuple[Speaker, ...] = (
    _speaker("male-1", "Male 1", "A clear male voice, about 105 Hz", "Michael", "whisper", 80),
    _speaker("female-1", "Female 1", "A clear female voice, about 195 Hz", "f2", "whisperf", 85),
    _speaker("male-2", "Male 2", "A softer male voice, about 100 Hz", "m6", "whisper", 105),
    _speaker("female-2", "Female 2", "A bright female voice, about 230 Hz", "belinda", "whisperf", 75),
    _speaker("male-3", "Male 3", "A deep male voice, about 85 Hz", "m8", "whisper", 160),
    _speaker("female-3", "Female 3", "A lower female voice, about 180 Hz", "f4", "whisperf", 90),
    _speaker("whisper", "Whisper", "A voice without a pitch", "whisper", "whisper", 145),
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


def voice_file(language: str, speaker: Speaker, mood: Mood) -> str:
    variant = speaker.whispering if mood.whispers else speaker.variant
    return f"{_FILES.get(language, language)}+{variant}"


def speaker_named(voice: str) -> Speaker:
    return next(speaker for speaker in SPEAKERS if speaker.voice.id == voice)
