"""Voices over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backline.accounts.caller import SpeechCaller as Caller
from backline.accounts.principal import Principal
from backline.speech.account_schemas import Pagination, VoiceBody, VoiceChange, VoiceList, VoiceOut
from backline.speech.voice_repository import CustomVoice
from backline.speech.voices import BuiltInVoice, Source, Voices, VoiceWish
from backline.web.provide import provide

router = APIRouter(prefix="/v1/voices", tags=["voices"])

Service = Annotated[Voices, Depends(provide(Voices))]


@router.get("")
async def list_voices(
    caller: Caller,
    voices: Service,
    source: Source | None = None,
    search: Annotated[str, Query(max_length=100)] = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    per_page: Annotated[int, Query(ge=1, le=100)] = 20,
) -> VoiceList:
    """One's own and public ones, the newest first, then those of the engines."""
    found = await voices.page(caller, source=source, search=search.strip(), page=page, per_page=per_page)
    return VoiceList(
        voices=[_out(voice, caller, voices) for voice in found.voices],
        pagination=Pagination(page=page, per_page=per_page, total=found.total, pages=found.pages),
    )


@router.post("", status_code=201)
async def create_voice(body: VoiceBody, caller: Caller, voices: Service) -> VoiceOut:
    """An engine's voice under a name of one's own, with a manner."""
    return _out(await voices.create(caller, VoiceWish(**body.model_dump())), caller, voices)


@router.get("/{voice_id}")
async def get_voice(voice_id: str, caller: Caller, voices: Service) -> VoiceOut:
    return _out(await voices.get(caller, voice_id), caller, voices)


@router.patch("/{voice_id}")
async def change_voice(voice_id: str, body: VoiceChange, caller: Caller, voices: Service) -> VoiceOut:
    """Only what is given changes. Other servers notice within 30 s."""
    changed = await voices.change(caller, voice_id, body.model_dump(exclude_unset=True))
    return _out(changed, caller, voices)


@router.delete("/{voice_id}", status_code=204)
async def delete_voice(voice_id: str, caller: Caller, voices: Service) -> None:
    """What was made with it keeps its name."""
    await voices.delete(caller, voice_id)


def _out(voice: CustomVoice | BuiltInVoice, caller: Principal, voices: Voices) -> VoiceOut:
    if isinstance(voice, BuiltInVoice):
        return VoiceOut(
            id=voice.voice.id,
            name=voice.voice.name,
            description=voice.voice.description,
            source="built_in",
            voice=voice.voice.id,
            engine=voice.engine,
            languages=list(voice.voice.languages),
            language=None,
            speed=None,
            emotion=None,
            public=True,
            own=False,
            created_at=None,
            updated_at=None,
        )
    base = voices.built_in(voice.voice)
    return VoiceOut(
        id=voice.id,
        name=voice.name,
        description=voice.description,
        source="custom",
        voice=voice.voice,
        engine=base.engine if base else None,
        languages=list(base.voice.languages) if base else [],
        language=voice.language,
        speed=voice.speed,
        emotion=voice.emotion,
        public=voice.public,
        own=voice.owner_id == caller.id,
        created_at=voice.created_at,
        updated_at=voice.updated_at,
    )
