"""Emotion tags in a text: found in both spellings, handed to engines that perform them, never spoken by the others."""

from __future__ import annotations

import re

from backline.engines.speech.base import EMOTION_TAGS
from backline.speech.text.spans import SpokenText

_TAG = re.compile(
    rf"<\s*({'|'.join(EMOTION_TAGS)})\s*/?>|\[\s*({'|'.join(EMOTION_TAGS)})\s*\]",
    re.IGNORECASE,
)


def settle_tags(spoken: SpokenText, performed: frozenset[str]) -> SpokenText:
    """Every tag as `<tag>` where an engine performs it (`performed`), and gone where it does not.

    A dropped tag takes the blank before it along, so that no double blank remains. Anything else in brackets is text.
    """
    text = spoken.text
    if "<" not in text and "[" not in text:
        return spoken
    pieces: list[tuple[str, int, int]] = []
    at = 0
    for match in _TAG.finditer(text):
        tag = (match[1] or match[2]).lower()
        start = match.start()
        if tag not in performed and start > at and text[start - 1] == " ":
            start -= 1
        pieces.append((text[at:start], at, start))
        if tag in performed:
            pieces.append((f"<{tag}>", start, match.end()))
        at = match.end()
    pieces.append((text[at:], at, len(text)))
    return SpokenText.of_pieces(pieces).after(spoken)
