"""espeak-ng: small formant speech in English and 17 Indic languages. Sound leaves while the text is still being said.

The library and its data come from the wheel `espeakng-loader`.
Synthesis in the library is one blocking call that hands out sound through a callback. That call runs in a thread of its
own and fills a bounded pipe, which `synthesize` empties.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import partial

import espeakng_loader

from backline.engines.speech.base import (
    Cancel,
    SpeechBlock,
    SpeechCapabilities,
    SpeechParams,
    SpeechState,
)
from backline.engines.speech.checks import check_unit, check_voice
from backline.engines.speech.espeak_library import EspeakLibrary, Prosody, WordEvent
from backline.engines.speech.espeak_pipe import SoundPipe
from backline.engines.speech.espeak_voices import MOODS, NEUTRAL, SPEAKERS, Mood, Variant, speaker_named, voice_file
from backline.engines.speech.espeak_words import Breathing, WordTimes
from backline.engines.speech.languages import ENGLISH_AND_INDIC
from backline.media.audio import from_pcm16

_NORMAL_WPM = 175
_FASTEST_WPM = 450  # espeakRATE_MAXIMUM
_MOOD_TAG = re.compile("<(" + "|".join(MOODS) + ")>")
# U+0001 begins an inline command of the library; the other controls mean nothing to it.
_CONTROLS = dict.fromkeys((*range(32), 127), " ") | {0x0A: "\n"}


class EspeakEngine:
    """Each instance has a copy of the library to itself, so several can speak in one process."""

    def __init__(self) -> None:
        self._library = EspeakLibrary(espeakng_loader.get_library_path(), espeakng_loader.get_data_path())
        self._capabilities = SpeechCapabilities(
            rate_hz=self._library.rate_hz,
            languages=ENGLISH_AND_INDIC,
            voices=tuple(speaker.voice for speaker in SPEAKERS),
            max_characters=2_000,
            speed_range=(0.5, 2.5),
            native_stream=True,
            word_timing=True,
            model_version=f"espeak-ng-{self._library.version}",
            emotions=frozenset(MOODS),
        )

    def capabilities(self) -> SpeechCapabilities:
        return self._capabilities

    def open(self, voice: str) -> SpeechState:
        check_voice(self._capabilities, voice)
        return SpeechState(voice)

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Generator[SpeechBlock]:
        check_voice(self._capabilities, state.voice)
        check_unit(self._capabilities, text, params)
        if cancel.is_set():
            return
        plain = text.translate(_CONTROLS)
        passages = _passages(plain, params.emotion)
        pipe = SoundPipe(cancel)
        speaking = threading.Thread(
            target=self._speak, args=(passages, state.voice, params, pipe), name="espeak", daemon=True
        )
        speaking.start()
        try:
            yield from _blocks(pipe, WordTimes(_MOOD_TAG.sub(_blank, plain), self._library.rate_hz))
        finally:
            pipe.stop()
            speaking.join()

    def close(self) -> None:
        self._library.close()

    def _speak(self, passages: list[_Passage], voice: str, params: SpeechParams, pipe: SoundPipe) -> None:
        speaker = speaker_named(voice)
        with pipe.filling():
            for passage in passages:
                variant = speaker.whispering if passage.mood.whispers else speaker.speaking
                self._library.select(
                    voice_file(params.language, variant), _prosody(params.speed, variant, passage.mood)
                )
                breathing = Breathing(passage.text)
                receive = partial(_put_shifted, pipe, pipe.frames_put, passage.start, breathing)
                self._library.speak(breathing.text, receive, pause_after=passage.pauses)


def _prosody(speed: float, variant: Variant, mood: Mood) -> Prosody:
    return Prosody(
        rate_wpm=min(_FASTEST_WPM, round(_NORMAL_WPM * speed * mood.rate)),
        volume=round(variant.volume * mood.volume),
        pitch=variant.pitch + mood.pitch,
        pitch_range=50 + mood.pitch_range,
    )


def _put_shifted(
    pipe: SoundPipe, frame: int, position: int, breathing: Breathing, pcm: bytes, events: list[WordEvent]
) -> bool:
    """Put what a passage gave, its events counted from the start of the unit."""
    shifted = [
        WordEvent(event.frame + frame, breathing.original(event.position) + position, event.length) for event in events
    ]
    return pipe.put(pcm, shifted)


def _blocks(pipe: SoundPipe, words: WordTimes) -> Iterator[SpeechBlock]:
    for pcm, events in pipe:
        yield SpeechBlock(from_pcm16(pcm), words.begun(events))
    if last := words.ended(pipe.frames_put):
        yield SpeechBlock(from_pcm16(b""), last)


@dataclass(frozen=True, slots=True)
class _Passage:
    """A part of the unit in one mood. start: its place in the unit; pauses: whether to rest at its last mark."""

    text: str
    start: int
    mood: Mood
    pauses: bool


def _passages(text: str, emotion: str | None) -> list[_Passage]:
    """The unit cut at its emotion tags, each of which holds to the next one or to the end."""
    passages = []
    start, mood = 0, MOODS[emotion] if emotion else NEUTRAL
    for tag in _MOOD_TAG.finditer(text):
        passages.append(_passage(text, start, tag.start(), mood))
        start, mood = tag.end(), MOODS[tag[1]]
    passages.append(_passage(text, start, len(text), mood))
    return [passage for passage in passages if passage.text.strip()]


def _passage(text: str, start: int, end: int, mood: Mood) -> _Passage:
    ends_at_mark = unicodedata.category(text[start:end].rstrip()[-1:] or " ") == "Po"
    return _Passage(text[start:end], start, mood, pauses=ends_at_mark and end < len(text))


def _blank(match: re.Match[str]) -> str:
    return " " * len(match[0])
