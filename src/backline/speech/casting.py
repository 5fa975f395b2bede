"""What an account adds to a request: its voices and its words."""

from __future__ import annotations

from typing import Any, TypeVar

from backline.accounts.principal import Principal
from backline.speech.lexicon import Lexicons
from backline.speech.schemas import Manner
from backline.speech.voice_repository import CustomVoice
from backline.speech.voices import Voices

M = TypeVar("M", bound=Manner)


class Casting:
    def __init__(self, voices: Voices, lexicons: Lexicons) -> None:
        self._voices = voices
        self._lexicons = lexicons

    async def cast(self, manner: M, caller: Principal) -> tuple[M, CustomVoice | None]:
        """The same manner in an engine's terms, and the custom voice that it named, if it did. What the request says
        itself goes before what its voice says. Raises Invalid for a voice that is not there."""
        changes: dict[str, Any] = {}
        voice = await self._voices.resolve(caller, manner.voice) if manner.voice else None
        if voice is not None:
            changes = {
                "voice": voice.voice,
                "language": manner.language or voice.language,
                "emotion": manner.emotion or voice.emotion,
            }
            if "speed" not in manner.model_fields_set and voice.speed is not None:
                changes["speed"] = voice.speed
        lexicon = await self._lexicons.words_for(caller.id, manner.lexicon)
        if lexicon is not manner.lexicon and lexicon:
            changes["lexicon"] = lexicon
        return (manner.model_copy(update=changes) if changes else manner), voice
