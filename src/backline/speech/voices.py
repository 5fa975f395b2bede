"""Voices: those of the engines, and what callers make of them."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from typing import Any, Literal

from backline.accounts.principal import Principal
from backline.clock import Clock, Monotonic, monotonic, utc_now
from backline.db.database import Database
from backline.engines.speech.base import Voice
from backline.errors import Conflict, Denied, Invalid, NotFound
from backline.ids import new_id
from backline.speech import voice_repository as repository
from backline.speech.plan import Planner
from backline.speech.schemas import Manner
from backline.speech.voice_repository import CustomVoice

MAX_VOICES = 1_000
"""Custom ones of one owner."""

KNOWN_SECONDS = 30.0
"""How long a voice is used as it was read; that is how late another server may notice a change."""

_KNOWN = 10_000
"""Voices that are remembered at once."""

_OURS = re.compile(r"voice_[0-9a-z]{26}")

Source = Literal["built_in", "custom"]


@dataclass(frozen=True, slots=True)
class VoiceWish:
    """What a custom voice is to be. voice: an engine's, or a custom one whose engine's voice and manner are taken over
    where this one says nothing of its own. The words are trimmed and composed already."""

    name: str
    voice: str
    description: str = ""
    language: str | None = None
    speed: float | None = None
    emotion: str | None = None
    public: bool = False


@dataclass(frozen=True, slots=True)
class BuiltInVoice:
    """A voice of an engine that runs."""

    engine: str
    voice: Voice


@dataclass(frozen=True, slots=True)
class VoicePage:
    voices: list[CustomVoice | BuiltInVoice]
    total: int
    pages: int


class Voices:
    """monotonic: by which what was read grows old; may be exchanged while running, by tests."""

    def __init__(
        self, database: Database, planner: Planner, *, clock: Clock = utc_now, monotonic: Monotonic = monotonic
    ) -> None:
        self._database = database
        self.planner = planner
        self._clock = clock
        self.monotonic = monotonic
        self._known: OrderedDict[str, tuple[CustomVoice, float]] = OrderedDict()
        self._changes = 0

    async def create(self, caller: Principal, wish: VoiceWish) -> CustomVoice:
        """Raises Invalid for what the engine cannot do, and Conflict when there are too many."""
        base = await self.resolve(caller, wish.voice)
        now = self._clock()
        voice = CustomVoice(
            id=new_id("voice"),
            owner_id=caller.id,
            name=wish.name,
            description=wish.description,
            voice=base.voice if base else wish.voice,
            language=wish.language or (base.language if base else None),
            speed=wish.speed or (base.speed if base else None),
            emotion=wish.emotion or (base.emotion if base else None),
            public=wish.public,
            created_at=now,
            updated_at=now,
        )
        self._check(voice)
        async with self._database.write() as tx:
            if await repository.count_voices(tx, caller.id) >= MAX_VOICES:
                raise Conflict(f"You have {MAX_VOICES} voices; delete one.", code="too_many_voices")
            await repository.insert_voice(tx, voice)
        return voice

    async def get(self, caller: Principal, voice_id: str) -> CustomVoice | BuiltInVoice:
        """An engine's, one's own, or a public one. Raises NotFound for any other."""
        return self.built_in(voice_id) or await self._readable(caller, voice_id)

    def built_in(self, voice_id: str) -> BuiltInVoice | None:
        """An engine's voice, while the engine runs."""
        return next((known for known in self._built_in() if known.voice.id == voice_id), None)

    async def page(
        self, caller: Principal, *, source: Source | None, search: str, page: int, per_page: int
    ) -> VoicePage:
        """Custom ones first, the newest before the others, then those of the engines in their own order. page: from 1.
        search: what the name or the description must hold, in any case."""
        built_in = [] if source == "custom" else [known for known in self._built_in() if _matches(known, search)]
        offset = (page - 1) * per_page
        custom: list[CustomVoice] = []
        customs = 0
        if source != "built_in":
            async with self._database.read() as tx:
                customs = await repository.count_readable(tx, caller.id, search)
                custom = await repository.list_readable(tx, caller.id, search, offset=offset, limit=per_page)
        first = max(0, offset - customs)
        rest = built_in[first : first + per_page - len(custom)] if offset + per_page > customs else []
        total = customs + len(built_in)
        return VoicePage([*custom, *rest], total, ceil(total / per_page))

    async def change(self, caller: Principal, voice_id: str, changes: dict[str, Any]) -> CustomVoice:
        """changes: fields of VoiceWish. Raises Denied for a voice that is readable only."""
        own = await self._own(caller, voice_id)
        if "voice" in changes:
            base = await self.resolve(caller, changes["voice"])
            changes = {**changes, "voice": base.voice if base else changes["voice"]}
        changed = replace(own, **changes, updated_at=self._clock())
        self._check(changed)
        async with self._database.write() as tx:
            await repository.change_voice(tx, changed)
        self._forget(voice_id)
        return changed

    async def delete(self, caller: Principal, voice_id: str) -> None:
        own = await self._own(caller, voice_id)
        async with self._database.write() as tx:
            await repository.delete_voice(tx, own.id, self._clock())
        self._forget(voice_id)

    async def resolve(self, caller: Principal, voice_id: str) -> CustomVoice | None:
        """What a request means by a voice; None for one that is no custom voice, without a query. A custom one is
        looked up at most every 30 s. Raises Invalid for one that the caller cannot read."""
        if not is_custom(voice_id):
            return None
        known = self._known.get(voice_id)
        voice: CustomVoice | None
        if known is not None and known[1] > self.monotonic():
            voice = known[0]
        else:
            voice = await self._look_up(voice_id)
        if voice is None or not _may_read(caller, voice):
            raise Invalid("There is no such voice. GET /v1/voices lists them.", code="unknown_voice")
        return voice

    async def _look_up(self, voice_id: str) -> CustomVoice | None:
        until, changes = self.monotonic() + KNOWN_SECONDS, self._changes
        async with self._database.read() as tx:
            voice = await repository.find_voice(tx, voice_id)
        if voice is not None and changes == self._changes:  # else it may be what was there before
            self._known[voice_id] = (voice, until)
            while len(self._known) > _KNOWN:
                self._known.popitem(last=False)
        return voice

    def _forget(self, voice_id: str) -> None:
        self._known.pop(voice_id, None)
        self._changes += 1

    async def _readable(self, caller: Principal, voice_id: str) -> CustomVoice:
        async with self._database.read() as tx:
            voice = await repository.find_voice(tx, voice_id) if is_custom(voice_id) else None
        if voice is None or not _may_read(caller, voice):
            raise NotFound("There is no such voice.", code="voice_not_found")
        return voice

    async def _own(self, caller: Principal, voice_id: str) -> CustomVoice:
        voice = await self.get(caller, voice_id)
        if isinstance(voice, BuiltInVoice) or voice.owner_id != caller.id:
            raise Denied("Only its owner changes a voice.", code="not_your_voice")
        return voice

    def _check(self, voice: CustomVoice) -> None:
        """Raises Invalid for what the engine cannot do, saying what it can."""
        self.planner.plan(
            Manner(voice=voice.voice, language=voice.language, speed=voice.speed or 1.0, emotion=voice.emotion)
        )

    def _built_in(self) -> Iterator[BuiltInVoice]:
        for status in self.planner.engines():
            for voice in status.capabilities.voices if status.capabilities else ():
                yield BuiltInVoice(status.entry.name, voice)


def is_custom(voice_id: str) -> bool:
    return _OURS.fullmatch(voice_id) is not None


def _may_read(caller: Principal, voice: CustomVoice) -> bool:
    return voice.public or voice.owner_id == caller.id


def _matches(known: BuiltInVoice, search: str) -> bool:
    words = (known.voice.id, known.voice.name, known.voice.description)
    return any(search.casefold() in text.casefold() for text in words)
