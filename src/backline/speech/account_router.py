"""What speech keeps for its callers, over HTTP: their words, and the texts that were spoken."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backline.accounts.caller import SpeechCaller as Caller
from backline.speech.account_schemas import LexiconBody, TextList, TextOut
from backline.speech.lexicon import Lexicons
from backline.speech.sentence_store import SentenceStore
from backline.web.provide import provide

router = APIRouter(prefix="/v1/tts", tags=["speech"])

Words = Annotated[Lexicons, Depends(provide(Lexicons))]
Store = Annotated[SentenceStore, Depends(provide(SentenceStore))]


@router.get("/lexicon")
async def get_lexicon(caller: Caller, lexicons: Words) -> LexiconBody:
    """The words that are spoken one's own way in every request."""
    return LexiconBody(lexicon=await lexicons.read(caller.id))


@router.put("/lexicon")
async def put_lexicon(body: LexiconBody, caller: Caller, lexicons: Words) -> LexiconBody:
    """The whole set, in place of the one before. Other servers notice within 30 s."""
    await lexicons.replace(caller.id, body.lexicon)
    return LexiconBody(lexicon=await lexicons.read(caller.id))


@router.get("/texts")
async def list_texts(
    caller: Caller,
    store: Store,
    search: Annotated[str, Query(max_length=200)] = "",
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> TextList:
    """One's own texts, the newest first, a moment after they were spoken. cursor: the `next_cursor` of the page
    before."""
    found = await store.texts(caller.id, search=search, before=cursor, limit=limit + 1)
    page = found[:limit]
    return TextList(
        texts=[
            TextOut(
                text=one.text, **{name: getattr(one.record, name) for name in TextOut.model_fields if name != "text"}
            )
            for one in page
        ],
        next_cursor=page[-1].record.id if len(found) > limit else None,
    )


@router.delete("/texts", status_code=204)
async def delete_texts(caller: Caller, store: Store) -> None:
    """All of one's own, also of requests that are running; what is known of the requests stays, without their texts."""
    await store.forget(caller.id)
