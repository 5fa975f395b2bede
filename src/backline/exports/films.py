"""The films that an export is made of: whose they are, where they lie, and what they are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress

from pydantic import TypeAdapter

from backline.assets.service import Assets
from backline.compute.in_child import ChildLimits, run_in_child
from backline.engines.video.base import Source
from backline.errors import Busy, NotFound
from backline.exports.plan import Film
from backline.ids import is_id
from backline.storage.base import Storage
from backline.storage.paths import is_key, owned_key, owner_prefix

_PROBE = "backline.engines.video.probe:probe_many"
_PROBES = 2
"""At once: each is a process."""

_FILES = "files/"
_PATIENCE_SECONDS = 30.0
_LINK_SECONDS = 3600

_SOURCES = TypeAdapter(list[Source])


class Films:
    def __init__(self, assets: Assets, storage: Storage) -> None:
        self._assets = assets
        self._storage = storage
        self._turns = asyncio.Semaphore(_PROBES)

    async def of(self, owner: str, keys: Sequence[str]) -> dict[str, Film]:
        """By input key. Raises NotFound `input_not_found` for what is not there or not theirs, and what `probe` raises
        for what is no film."""
        wanted = list(dict.fromkeys(keys))
        full = {key: await self._full(owner, key) for key in wanted}
        known = await self._assets.by_keys(owner, list(full.values()))
        for number, key in enumerate(keys, start=1):
            if full[key] not in known:
                raise NotFound(f"There is no file for the input_key of clip {number}.", code="input_not_found")
        sources = await self._probe([(full[key], f"clip {keys.index(key) + 1}") for key in wanted])
        return {key: Film(full[key], source) for key, source in zip(wanted, sources, strict=True)}

    async def _full(self, owner: str, key: str) -> str:
        """A key as clients say it, without the prefix of its owner, or with it. `files/<id>` is any file of that id:
        what an export made lies elsewhere."""
        if key.startswith(_FILES) and is_id(file_id := key.removeprefix(_FILES)):
            with suppress(NotFound):
                return (await self._assets.get(owner, file_id)).key
        whole = key if key.startswith(f"{owner_prefix(owner)}/") else f"{owner_prefix(owner)}/{key}"
        return whole if is_key(whole) else owned_key(owner, "nothing")

    async def _probe(self, named: Sequence[tuple[str, str]]) -> list[Source]:
        links = [
            {"link": self._storage.read_link(key, expires_seconds=_LINK_SECONDS), "name": name} for key, name in named
        ]
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._turns.acquire()
        except TimeoutError:
            raise Busy("Too many films are being looked at. Try again soon.", code="too_many_probes") from None
        try:
            found = await run_in_child(_PROBE, {"links": links}, _unheard, ChildLimits(_PATIENCE_SECONDS, 0.5))
        finally:
            self._turns.release()
        return _SOURCES.validate_python(found["sources"])


def _unheard(_told: Mapping[str, object]) -> None:
    return None
