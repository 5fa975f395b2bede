"""temporary stand-in until the real module lands"""
from __future__ import annotations

from backline.speech.text.spans import SpokenText


class Normaliser:
    def normalise(self, text: str, language: str) -> SpokenText:
        return SpokenText.unchanged(text)
