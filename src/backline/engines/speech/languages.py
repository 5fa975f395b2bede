"""The languages that the embedded engines share, named in one place. Loads no engine."""

from __future__ import annotations

from backline.engines.speech.base import Language

ENGLISH_AND_INDIC: tuple[Language, ...] = (
    Language("en", "English"),
    Language("en-us", "English (United States)"),
    Language("en-gb", "English (United Kingdom)"),
    Language("en-in", "English (India)"),
    Language("hi", "Hindi"),
    Language("te", "Telugu"),
    Language("ta", "Tamil"),
    Language("bn", "Bengali"),
    Language("mr", "Marathi"),
    Language("gu", "Gujarati"),
    Language("kn", "Kannada"),
    Language("ml", "Malayalam"),
    Language("pa", "Punjabi"),
    Language("or", "Odia"),
    Language("as", "Assamese"),
    Language("ur", "Urdu"),
    Language("ne", "Nepali"),
    Language("kok", "Konkani"),
    Language("sd", "Sindhi"),
    Language("si", "Sinhala"),
    Language("bpy", "Bishnupriya Manipuri"),
)
"""Four kinds of English and 17 Indic languages, by lower-case BCP 47 code."""
