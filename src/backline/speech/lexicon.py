"""The words that an account says its own way, in every request: read rarely, known while speech is made."""

from __future__ import annotations

import asyncio
import unicodedata
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from backline.clock import Monotonic, monotonic
from backline.db.database import Database
from backline.errors import BacklineError
from backline.observability.logging import get_logger
from backline.speech import voice_repository as repository
from backline.speech.text.normalise.normaliser import Normaliser

KNOWN_SECONDS = 30.0
"""How long words are used as they were read; that is how late another server may notice a change."""

_FAILED_SECONDS = 5.0
"""How long after a failure the database is left alone."""

_PATIENCE_SECONDS = 0.5
"""How long speech waits for words at most: a database that is away must not silence it."""

_KNOWN = 10_000
"""Accounts whose words are remembered at once."""


class AccountWords(dict[str, str]):
    """Written word or phrase to how it is spoken."""

    @cached_property
    def normaliser(self) -> Normaliser:
        """Made once: with 500 words it takes milliseconds."""
        return Normaliser(self)


def normaliser_of(lexicon: Mapping[str, str]) -> Normaliser:
    return lexicon.normaliser if isinstance(lexicon, AccountWords) else Normaliser(lexicon)


@dataclass(frozen=True, slots=True)
class _Known:
    words: AccountWords
    until: float


class Lexicons:
    """monotonic: by which what was read grows old; may be exchanged while running, by tests."""

    def __init__(self, database: Database, monotonic: Monotonic = monotonic) -> None:
        self._database = database
        self.monotonic = monotonic
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._reading: dict[str, asyncio.Task[AccountWords]] = {}

    async def read(self, owner_id: str) -> dict[str, str]:
        async with self._database.read() as tx:
            return await repository.read_lexicon(tx, owner_id)

    async def replace(self, owner_id: str, words: Mapping[str, str]) -> None:
        """The whole set."""
        async with self._database.write() as tx:
            await repository.replace_lexicon(tx, owner_id, words)
        self._reading.pop(owner_id, None)  # it may have read what was there before
        self._remember(owner_id, AccountWords(words), KNOWN_SECONDS)

    async def words_for(self, owner_id: str, own: Mapping[str, str]) -> Mapping[str, str]:
        """The words of an account, under those of one request. Never fails: without the database the words last known
        are used, or none, and that is logged."""
        words = await self._words(owner_id)
        if not own or not words:
            return own or words
        spelt = {_folded(word) for word in own}
        return {**{word: spoken for word, spoken in words.items() if _folded(word) not in spelt}, **own}

    async def _words(self, owner_id: str) -> AccountWords:
        known = self._known.get(owner_id)
        if known is not None and known.until > self.monotonic():
            self._known.move_to_end(owner_id)
            return known.words
        reading = self._reading.get(owner_id)
        if reading is None:
            reading = self._reading[owner_id] = asyncio.create_task(self._read_again(owner_id, known))
        await asyncio.wait({reading}, timeout=_PATIENCE_SECONDS)
        if reading.done():
            return reading.result()
        get_logger().warning("speech.lexicon_unknown", reason="slow")
        return known.words if known else AccountWords()

    async def _read_again(self, owner_id: str, known: _Known | None) -> AccountWords:
        """known: what was read before; it stays the same object while nothing has changed."""
        task = asyncio.current_task()
        before = known.words if known else AccountWords()
        seconds = KNOWN_SECONDS
        try:
            words = AccountWords(await self.read(owner_id))
        except BacklineError as error:
            get_logger().warning("speech.lexicon_unknown", reason=error.code)
            words, seconds = before, _FAILED_SECONDS
        except Exception as error:  # noqa: BLE001 - speech goes on without
            get_logger().error("speech.lexicon_unknown", exc_info=error)
            words, seconds = before, _FAILED_SECONDS
        if words == before:
            words = before
        if self._reading.get(owner_id) is task:  # else it was replaced meanwhile
            del self._reading[owner_id]
            self._remember(owner_id, words, seconds)
        return words

    def _remember(self, owner_id: str, words: AccountWords, seconds: float) -> None:
        self._known[owner_id] = _Known(words, self.monotonic() + seconds)
        self._known.move_to_end(owner_id)
        while len(self._known) > _KNOWN:
            self._known.popitem(last=False)


def _folded(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()
