"""Run as a program: numbers by digit and by word through espeak-ng's phonemes; prints the ones that differ, as JSON.

Its own process, as everything that loads espeak-ng. Arguments: a language, the number to stop before, and the step.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
import unicodedata

import espeakng_loader

from backline.speech.text.normalise.normaliser import Normaliser

_UTF8, _IPA, _NO_AUDIO = 1, 2, 2
# The engine's own names of numbers differ from its reading of the words by length, aspiration, place of t and d, and
# by short vowels; what is left tells one number from another. It also says हजार for हज़ार, and పందొమ్మిది for పంతొమ్మిది.
_SAME = {"ɟ": "z", "w": "ʋ", "ʈ": "t", "ɖ": "d", "r.": "ɾ", "r": "ɾ", "ɲ": "n", "m": "n", "ɦ": "h"}
_SILENT = re.compile(r"[ˈˌː ʲʰj.əʌɪiaɛuʊ]")


def skeleton(phonemes: str) -> str:
    """Consonants and clear vowels, each once."""
    phonemes = unicodedata.normalize("NFD", phonemes).replace("\u0303", "n")
    for written, same in _SAME.items():
        phonemes = phonemes.replace(written, same)
    return re.sub(r"(.)\1+", r"\1", _SILENT.sub("", phonemes)).replace("pndond", "pntond")


class Ear:
    """espeak-ng's reading of a text, as phonemes."""

    def __init__(self, language: str) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        read = self._library.espeak_TextToPhonemes
        read.restype = ctypes.c_char_p
        read.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_int, ctypes.c_int]
        self._library.espeak_Initialize(_NO_AUDIO, 0, str(espeakng_loader.get_data_path()).encode(), 0)
        self._library.espeak_SetVoiceByName(language.encode())

    def phonemes(self, text: str) -> str:
        buffer = ctypes.create_string_buffer(text.encode())
        place = ctypes.c_void_p(ctypes.addressof(buffer))
        heard = []
        while place.value:
            heard.append((self._library.espeak_TextToPhonemes(ctypes.byref(place), _UTF8, _IPA) or b"").decode())
        return " ".join(heard)


def main() -> None:
    language, limit, step = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    ear, normaliser = Ear(language), Normaliser()
    differing = []
    for n in range(0, limit, step):
        words = normaliser.normalise(str(n), language).text
        if skeleton(ear.phonemes(str(n))) != skeleton(ear.phonemes(words)):
            differing.append(n)
    json.dump(differing, sys.stdout)


if __name__ == "__main__":
    main()
