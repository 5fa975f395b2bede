"""Queries on custom voices and on the words of accounts. Each runs in the caller's transaction and never commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, insert, or_, select, update

from backline.db.database import Tx
from backline.speech.models import speech_lexicon, speech_voices
from backline.speech.repository import lock_owner

_voices, _lexicon = speech_voices.c, speech_lexicon.c


@dataclass(frozen=True, slots=True)
class CustomVoice:
    """An engine's voice under a name of one's own, with a manner. voice: the engine's. language, speed, emotion: for
    requests that name none; None leaves it to the engine, or to the text."""

    id: str
    owner_id: str
    name: str
    description: str
    voice: str
    language: str | None
    speed: float | None
    emotion: str | None
    public: bool
    created_at: datetime
    updated_at: datetime


_VOICE = [_voices[field.name] for field in fields(CustomVoice)]


async def insert_voice(tx: Tx, voice: CustomVoice) -> None:
    await tx.execute(insert(speech_voices).values(asdict(voice)))


async def count_voices(tx: Tx, owner_id: str) -> int:
    """Of one owner, for a change of their number: nobody else changes it until the end of the transaction."""
    await lock_owner(tx, owner_id)
    query = select(func.count()).where(_voices.owner_id == owner_id, _voices.deleted_at.is_(None))
    return (await tx.execute(query)).scalar_one()


async def find_voice(tx: Tx, voice_id: str) -> CustomVoice | None:
    """Whosever it is; None for a deleted one."""
    query = select(*_VOICE).where(_voices.id == voice_id, _voices.deleted_at.is_(None))
    row = (await tx.execute(query)).first()
    return None if row is None else _voice(row)


async def change_voice(tx: Tx, voice: CustomVoice) -> None:
    """Nothing happens to one that was deleted."""
    query = update(speech_voices).where(_voices.id == voice.id, _voices.deleted_at.is_(None))
    await tx.execute(query.values(asdict(voice)))


async def delete_voice(tx: Tx, voice_id: str, now: datetime) -> None:
    """Its row stays, so that what was made with it can be named."""
    query = update(speech_voices).where(_voices.id == voice_id, _voices.deleted_at.is_(None))
    await tx.execute(query.values(deleted_at=now))


async def count_readable(tx: Tx, caller_id: str, search: str) -> int:
    return (await tx.execute(select(func.count()).where(*_readable(caller_id, search)))).scalar_one()


async def list_readable(tx: Tx, caller_id: str, search: str, *, offset: int, limit: int) -> list[CustomVoice]:
    """One's own and public ones, the newest first. search: what the name or the description must hold, in any case."""
    query = select(*_VOICE).where(*_readable(caller_id, search)).order_by(_voices.id.desc())
    return [_voice(row) for row in await tx.execute(query.offset(offset).limit(limit))]


async def read_lexicon(tx: Tx, owner_id: str) -> dict[str, str]:
    query = select(_lexicon.word, _lexicon.spoken).where(_lexicon.owner_id == owner_id)
    return dict(sorted((row.word, row.spoken) for row in await tx.execute(query)))


async def replace_lexicon(tx: Tx, owner_id: str, words: Mapping[str, str]) -> None:
    await lock_owner(tx, owner_id)
    await tx.execute(delete(speech_lexicon).where(_lexicon.owner_id == owner_id))
    if words:
        rows = [{"owner_id": owner_id, "word": word, "spoken": spoken} for word, spoken in words.items()]
        await tx.execute(insert(speech_lexicon), rows)


def _readable(caller_id: str, search: str) -> list[ColumnElement[bool]]:
    where = [_voices.deleted_at.is_(None), or_(_voices.owner_id == caller_id, _voices.public)]
    if search:
        where.append(
            or_(
                _voices.name.icontains(search, autoescape=True),
                _voices.description.icontains(search, autoescape=True),
            )
        )
    return where


def _voice(row: Row[*tuple[Any, ...]]) -> CustomVoice:
    return CustomVoice(**{field.name: row._mapping[field.name] for field in fields(CustomVoice)})
