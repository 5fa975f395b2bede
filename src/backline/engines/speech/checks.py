"""What every speech engine refuses before it speaks, in the same words."""

from __future__ import annotations

from backline.engines.speech.base import SpeechCapabilities, SpeechParams
from backline.errors import Invalid


def check_voice(capabilities: SpeechCapabilities, voice: str) -> None:
    """Raises Invalid when the engine has no such voice."""
    if all(known.id != voice for known in capabilities.voices):
        raise Invalid("This engine has no such voice.", code="voice_not_found")


def check_unit(capabilities: SpeechCapabilities, text: str, params: SpeechParams) -> None:
    """Raises Invalid when the text is too long or the engine cannot speak it as `params` ask."""
    slowest, fastest = capabilities.speed_range
    if len(text) > capabilities.max_characters:
        raise Invalid(f"One unit holds at most {capabilities.max_characters} characters.", code="text_too_long")
    if all(language.code != params.language for language in capabilities.languages):
        raise Invalid("This engine does not speak that language.", code="language_not_supported")
    if not slowest <= params.speed <= fastest:
        raise Invalid(f"This engine speaks at {slowest:g} to {fastest:g} times its speed.", code="speed_not_supported")
    if params.emotion is not None and params.emotion not in capabilities.emotions:
        raise Invalid("This engine does not perform that emotion.", code="emotion_not_supported")
