"""espeak-ng through ctypes: the part of its C interface (`espeak-ng/speak_lib.h`) that speaking needs.

It is GPL code: nothing but the engine module beside this one loads it, and that runs in a worker process. Its state is
global, one a loaded file; so every `EspeakLibrary` loads a copy (0.7 MB, 1 ms), and several can speak at once.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from backline.errors import Failed

_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS: `espeak_Synth` returns when all is said
_DONT_EXIT = 0x8000  # espeakINITIALIZE_DONT_EXIT: without it missing data ends the process
_BUFFER_MS = 60  # the least that the library hands over at once
_LONGEST_DATA_PATH_BYTES = 140  # the library cuts a path at 160, the names of its files included
_UTF8 = 1  # espeakCHARS_UTF8. Neither espeakSSML nor espeakPHONEMES is ever set: the text is plain text.
_END_PAUSE = 0x1000  # espeakENDPAUSE
_POSITION_CHARACTER = 1
_WORD = 1  # espeakEVENT_WORD
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4  # espeak_PARAMETER
_OK = 0  # EE_OK


class _Event(ctypes.Structure):
    """espeak_EVENT. The last field is a union of which the widest member has eight bytes."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class WordEvent:
    """A word begins: at `frame` of the sound, `length` characters from character `position` (from 0) of the text."""

    frame: int
    position: int
    length: int


@dataclass(frozen=True, slots=True)
class Prosody:
    """Words a minute (80 to 450, 175 is normal); volume (100 is normal); pitch and range (0 to 99, 50 is normal)."""

    rate_wpm: int = 175
    volume: int = 100
    pitch: int = 50
    pitch_range: int = 50


Receive = Callable[[bytes, list[WordEvent]], bool]
"""Takes 16-bit PCM as it is made and the words that begin in it; False makes the library stop."""


class EspeakLibrary:
    """The loaded library. library_path: the shared library; data_path: its folder of voices and dictionaries.

    Raises Failed where it cannot start.
    """

    def __init__(self, library_path: str, data_path: str) -> None:
        self._library = _load_copy(library_path)
        self._library.espeak_Info.restype = ctypes.c_char_p
        self._library.espeak_Synth.argtypes = (
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        )
        self._opened = ExitStack()
        data = os.fsencode(self._opened.enter_context(_short_path(data_path)))
        self.rate_hz = int(self._library.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, data, _DONT_EXIT))
        if self.rate_hz <= 0:
            self._opened.close()
            raise Failed("espeak-ng could not read its data.", code="engine_failed")

    @property
    def version(self) -> str:
        """As `1.52.0`; what follows the number in a build from source is left out."""
        match = re.match(rb"[0-9.]+", self._library.espeak_Info(None) or b"")
        return match.group().decode() if match else "unknown"

    def select(self, voice: str, prosody: Prosody) -> None:
        """Choose a voice file, perhaps with a variant (`te+f2`), and how it speaks. Raises Failed if it is missing."""
        if self._library.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise Failed(f"espeak-ng has no voice file {voice}.", code="engine_failed")
        for parameter, value in (
            (_RATE, prosody.rate_wpm),
            (_VOLUME, prosody.volume),
            (_PITCH, prosody.pitch),
            (_RANGE, prosody.pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def speak(self, text: str, receive: Receive, *, pause_after: bool) -> None:
        """Say plain text; returns when all is said or `receive` answered False. Raises what `receive` raises.

        pause_after: keep the pause that the last punctuation mark asks for.
        """
        errors: list[Exception] = []

        def on_sound(pcm: int | None, length_frames: int, events: ctypes._Pointer[_Event]) -> int:
            try:
                block = ctypes.string_at(pcm, 2 * length_frames) if pcm and length_frames > 0 else b""
                return 0 if receive(block, _word_events(events)) else 1
            except Exception as error:  # noqa: BLE001 - C cannot carry it; raised below
                errors.append(error)
                return 1

        callback = _Callback(on_sound)  # must outlive the call
        self._library.espeak_SetSynthCallback(callback)
        data = text.encode(errors="replace")
        flags = _UTF8 | (_END_PAUSE if pause_after else 0)
        status = self._library.espeak_Synth(data, len(data) + 1, 0, _POSITION_CHARACTER, 0, flags, None, None)
        if errors:
            raise errors[0]
        if status != _OK:
            raise Failed("espeak-ng could not speak.", code="engine_failed")

    def close(self) -> None:
        self._library.espeak_Terminate()
        self._opened.close()


def _load_copy(path: str) -> ctypes.CDLL:
    """The loader knows files by their path: the same one loaded twice would be one library with one state."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # what is loaded needs no name any more
        try:
            return ctypes.CDLL(shutil.copy(path, folder))
        except OSError as error:
            detail = "espeak-ng could not be loaded from the folder for temporary files; TMPDIR may name another."
            raise Failed(detail, code="engine_failed") from error


@contextmanager
def _short_path(path: str) -> Iterator[str]:
    """The path itself, or a link to it where it is too long for the library."""
    if len(os.fsencode(path)) <= _LONGEST_DATA_PATH_BYTES:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="espeak-", ignore_cleanup_errors=True) as folder:
        link = os.path.join(folder, "data")
        os.symlink(path, link, target_is_directory=True)
        yield link


def _word_events(events: ctypes._Pointer[_Event]) -> list[WordEvent]:
    """The words of a list that ends with type 0. The library counts characters from 1."""
    words = []
    index = 0
    while (event := events[index]).type:
        if event.type == _WORD and event.length > 0:
            words.append(WordEvent(event.sample, event.text_position - 1, event.length))
        index += 1
    return words
