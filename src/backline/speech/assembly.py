"""What speech keeps in the database, put together for whoever serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from backline.assets.service import Assets
from backline.credits.ledger import Ledger
from backline.credits.pricing import Pricing
from backline.db.database import Database
from backline.jobs.leftovers import Leftovers
from backline.observability.logging import get_logger
from backline.observability.metrics import Metrics
from backline.settings import SpeechSettings
from backline.speech.casting import Casting
from backline.speech.copies import Copies
from backline.speech.lexicon import Lexicons
from backline.speech.long_charges import LongCharges
from backline.speech.long_file import Binder
from backline.speech.long_maker import LongMaker
from backline.speech.long_speech import LongSpeech
from backline.speech.plan import Planner
from backline.speech.record_writer import RecordsInDatabase
from backline.speech.sentence_store import SentenceStore
from backline.speech.service import SpeechService
from backline.speech.supabase import Supabase
from backline.speech.voices import Voices
from backline.storage.base import Storage


@asynccontextmanager
async def open_speech_store(
    settings: SpeechSettings, database: Database, metrics: Metrics
) -> AsyncIterator[dict[type[Any], Any]]:
    """To be closed after the streams have ended: then what waits is stored."""
    async with AsyncExitStack() as stack:
        retention = timedelta(days=settings.retention_days)
        copies = await _open_copies(settings, database, metrics, stack)
        wake = copies.wake if copies else lambda: None
        store = SentenceStore(database, retention, copied=copies is not None, on_forgotten=wake)
        store.start()
        stack.push_async_callback(store.close)
        records = RecordsInDatabase(
            database, metrics, keep_texts=bool(retention), copied=copies is not None, on_stored=wake
        )
        records.start()
        stack.push_async_callback(records.close)
        yield {RecordsInDatabase: records, SentenceStore: store}


def speech_of_accounts(database: Database, planner: Planner) -> dict[type[Any], Any]:
    """What accounts add to their requests: voices and words."""
    voices, lexicons = Voices(database, planner), Lexicons(database)
    return {Voices: voices, Lexicons: lexicons, Casting: Casting(voices, lexicons)}


def long_speech_of(
    database: Database,
    parts: Mapping[type[Any], Any],
    speech: SpeechService,
    leftovers: Leftovers,
    folder: Path,
    kept_days: float,
) -> LongSpeech:
    """The job. parts: what it stands on. folder: for files while they are written. kept_days: how long results stay."""
    storage: Storage = parts[Storage]
    charges = LongCharges(database, parts[Ledger], parts[Pricing].speech)
    return LongSpeech(
        database=database,
        storage=storage,
        assets=parts[Assets],
        records=parts[RecordsInDatabase],
        charges=charges,
        maker=LongMaker(database, storage, speech, charges),
        binder=Binder(speech.studio, storage, folder),
        leftovers=leftovers,
        kept_days=kept_days,
    )


async def _open_copies(
    settings: SpeechSettings, database: Database, metrics: Metrics, stack: AsyncExitStack
) -> Copies | None:
    if settings.supabase_url is None or settings.supabase_service_key is None:
        if settings.supabase_url or settings.supabase_service_key:
            get_logger().warning("speech.copies_off", reason="supabase_url and supabase_service_key need each other")
        return None
    place = Supabase(settings.supabase_url, settings.supabase_service_key.get_secret_value())
    copies = Copies(database, await stack.enter_async_context(place), metrics)
    copies.start()
    stack.push_async_callback(copies.close)
    return copies
