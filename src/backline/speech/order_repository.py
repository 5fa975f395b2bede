"""Queries on what running jobs are to say. Each runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import delete, select

from backline.db.database import Tx
from backline.db.statements import insert_if_absent
from backline.errors import NotFound
from backline.speech.models import speech_orders

_orders = speech_orders.c


@dataclass(frozen=True, slots=True)
class SpeechOrder:
    """A user's words: kept apart from the job's row, which stays when the job is over and is read at every poll."""

    job_id: str
    owner_id: str
    title: str | None
    text: str
    lexicon: Mapping[str, str]


async def add_order(tx: Tx, order: SpeechOrder) -> None:
    """Nothing happens where there is one for this job already."""
    await insert_if_absent(tx, speech_orders, asdict(order))


async def find_order(tx: Tx, job_id: str) -> SpeechOrder | None:
    row = (await tx.execute(select(speech_orders).where(_orders.job_id == job_id))).mappings().first()
    return None if row is None else SpeechOrder(**row)


async def order_of(tx: Tx, job_id: str) -> SpeechOrder:
    """The same. Raises NotFound: its owner's data was deleted."""
    order = await find_order(tx, job_id)
    if order is None:
        raise NotFound("The text of this job is gone.", code="text_gone")
    return order


async def remove_order(tx: Tx, job_id: str) -> None:
    await tx.execute(delete(speech_orders).where(_orders.job_id == job_id))
