"""A tune of sine tones, one a letter. The same text, state and parameters give the same samples, bit by bit.

It needs no library beyond NumPy and stands in for a voice wherever a test must know what it will hear.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from backline.engines.speech.base import (
    Cancel,
    SpeechBlock,
    SpeechCapabilities,
    SpeechParams,
    SpeechState,
    Tokens,
    Voice,
    Word,
)
from backline.engines.speech.checks import check_unit, check_voice
from backline.engines.speech.languages import ENGLISH_AND_INDIC
from backline.media.audio import Samples, mono, silence

_RATE_HZ = 24_000
_TONE_FRAMES = 1_920  # 80 ms
_LAUGH_TONE_FRAMES = 960
_EDGE_FRAMES = 120  # 5 ms: a sine that starts or stops at once clicks
_BLOCK_FRAMES = 2_400  # 100 ms
_AMPLITUDE = 0.3
_SEMITONES = 24
_LAUGH_SEMITONES = (36, 33, 36, 31, 34, 28)  # above every letter, so that nobody takes it for one
_BASE_HZ = {"tone-low": 220.0, "tone-high": 440.0}
_LAUGH_TAG = "<laugh>"
_LANGUAGE_CODES = tuple(language.code for language in ENGLISH_AND_INDIC)

_CAPABILITIES = SpeechCapabilities(
    rate_hz=_RATE_HZ,
    languages=ENGLISH_AND_INDIC,
    voices=(
        Voice("tone-low", "Low tone", _LANGUAGE_CODES, "Sine tones from 220 Hz up"),
        Voice("tone-high", "High tone", _LANGUAGE_CODES, "Sine tones from 440 Hz up"),
    ),
    max_characters=5_000,
    speed_range=(0.25, 4.0),
    native_stream=True,
    word_timing=True,
    model_version="tone-1",
    emotions=frozenset({"laugh"}),
    counts_tokens=True,
)


class ToneEngine:
    """Speaks every language alike: a letter's code point is its pitch."""

    def capabilities(self) -> SpeechCapabilities:
        return _CAPABILITIES

    def open(self, voice: str) -> SpeechState:
        check_voice(_CAPABILITIES, voice)
        return SpeechState(voice)

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        check_voice(_CAPABILITIES, state.voice)
        check_unit(_CAPABILITIES, text, params)
        # A request keeps the key of its first unit, as a neural engine keeps the speaker that it drew.
        key = state.data.setdefault("key_semitones", zlib.crc32(text.encode(errors="replace")) % 7 - 3)
        base_hz = _BASE_HZ[state.voice] * 2.0 ** (key / 12)
        notes = (_laugh(0) if params.emotion == "laugh" else []) + _score(text)
        yield from _play(notes, _word_ends(text), base_hz, params.speed, cancel)

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True, slots=True)
class _Note:
    """position: of its character in the text; semitone: above the base, None for a rest; frames: at normal speed."""

    position: int
    semitone: int | None
    frames: int = _TONE_FRAMES
    is_letter: bool = True


def _score(text: str) -> list[_Note]:
    """A note for every letter, mark and digit, one rest for whatever stands between them, a figure for a laugh."""
    notes: list[_Note] = []
    for match in re.finditer(f"{_LAUGH_TAG}|.", text, re.DOTALL):
        position, symbol = match.start(), match.group()
        if symbol == _LAUGH_TAG:
            notes += _laugh(position)
        elif _sounds(symbol):
            notes.append(_Note(position, ord(symbol) % _SEMITONES))
        elif not notes or notes[-1].semitone is not None:
            notes.append(_Note(position, None, is_letter=False))
    return notes


def _laugh(position: int) -> list[_Note]:
    return [_Note(position, semitone, _LAUGH_TONE_FRAMES, is_letter=False) for semitone in _LAUGH_SEMITONES]


def _word_ends(text: str) -> dict[int, int]:
    """Where each word starts, and the end that belongs to it: its first and last sounding character."""
    ends = {}
    for match in re.finditer(r"\S+", text.replace(_LAUGH_TAG, " " * len(_LAUGH_TAG))):
        sounding = [position for position in range(*match.span()) if _sounds(text[position])]
        if sounding:
            ends[sounding[0]] = sounding[-1] + 1
    return ends


def _sounds(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _play(
    notes: list[_Note], word_ends: dict[int, int], base_hz: float, speed: float, cancel: Cancel
) -> Iterator[SpeechBlock]:
    # Borders are rounded from the start of the unit on, not note by note, so that the whole is exact.
    borders = [0, *(round(frames / speed) for frames in accumulate(note.frames for note in notes))]
    words = _timed_words(notes, borders, word_ends)
    for first, end in _block_ranges(borders):
        if cancel.is_set():
            return
        sounds = [_sound(notes[index], borders[index + 1] - borders[index], base_hz) for index in range(first, end)]
        yield SpeechBlock(
            np.concatenate(sounds),
            tuple(words[index] for index in range(first, end) if index in words),
            Tokens(
                read=sum(note.is_letter for note in notes[first:end]),
                written=sum(note.semitone is not None for note in notes[first:end]),
            ),
        )


def _block_ranges(borders: list[int]) -> Iterator[tuple[int, int]]:
    """Ranges of notes that last `_BLOCK_FRAMES` or just over; the last may be shorter."""
    first = 0
    for end in range(1, len(borders)):
        if borders[end] - borders[first] >= _BLOCK_FRAMES or end == len(borders) - 1:
            yield first, end
            first = end


def _timed_words(notes: list[_Note], borders: list[int], word_ends: dict[int, int]) -> dict[int, Word]:
    """Each word under the index of its first note."""
    index_at = {note.position: index for index, note in enumerate(notes) if note.is_letter}
    words = {}
    for start, end in word_ends.items():
        first, last = index_at[start], index_at[end - 1]
        words[first] = Word(borders[first] / _RATE_HZ, borders[last + 1] / _RATE_HZ, start, end)
    return words


def _sound(note: _Note, length_frames: int, base_hz: float) -> Samples:
    """float32 [length_frames, 1]: silence for a rest, else a sine with raised-cosine edges."""
    if note.semitone is None:
        return silence(length_frames)
    time = np.arange(length_frames) / _RATE_HZ
    tone = _AMPLITUDE * np.sin(2 * np.pi * base_hz * 2.0 ** (note.semitone / 12) * time)
    edge_frames = min(_EDGE_FRAMES, length_frames // 2)
    edge = 0.5 - 0.5 * np.cos(np.pi * np.arange(edge_frames) / edge_frames)
    tone[:edge_frames] *= edge
    tone[length_frames - edge_frames :] *= edge[::-1]
    return mono(tone)
