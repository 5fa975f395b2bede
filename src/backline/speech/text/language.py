"""temporary stand-in until the real module lands"""
from __future__ import annotations


def detect_language(text: str, default: str = "en") -> str:
    for c in text:
        if "\u0900" <= c <= "\u097f":
            return "hi"
        if "\u0c00" <= c <= "\u0c7f":
            return "te"
    return default
