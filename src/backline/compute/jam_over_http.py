"""Jam sessions of a worker on another machine, or in another process of this one: `JamLink` over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from backline.clock import monotonic
from backline.compute.jam_places import Place, Places
from backline.compute.jam_requests import Call, JamRequests
from backline.compute.jam_wire import change_as_fields, chunk_of, options_as_fields, rubbish, status_of
from backline.engines.jam.orders import ChunkFormat, JamChange, JamChunk, JamOptions, JamStatus
from backline.errors import NotFound, Unavailable

_WARM_UP_SECONDS = 120.0
"""A worker answers after 110, warm or not."""

_LOOP_SECONDS = 30.0
"""50 MB on their way, and ten minutes of sound heard."""

_NEXT_SECONDS = 5.0
"""Beyond what the worker was asked to wait."""


class JamOverHttp:
    """One worker. `aclose` ends the client; sessions live on over there."""

    def __init__(self, requests: JamRequests) -> None:
        self._requests = requests
        self._places = Places()

    async def warm_up(self, session_id: str) -> JamStatus:
        data = await self._requests.ask(
            Call("POST", "/warmup", session_id, repeatable=True, patience_seconds=_WARM_UP_SECONDS)
        )
        return status_of(data) if "billing_state" in data else await self.peek(session_id)

    async def status(self, session_id: str) -> JamStatus:
        return status_of(
            await self._requests.ask(Call("POST", "/status", session_id, {"keepalive": "1"}, repeatable=True))
        )

    async def peek(self, session_id: str) -> JamStatus:
        return status_of(await self._requests.ask(Call("POST", "/status/peek", session_id, repeatable=True)))

    async def start(self, session_id: str, loop: bytes, options: JamOptions) -> None:
        await self._send("/jam/start", session_id, options_as_fields(options), ("loop_audio", loop))

    async def next(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat = "wav", index: int | None = None
    ) -> JamChunk | None:
        """An answer that was lost on the way is asked for again, by the index that it should have had."""
        if index is not None:
            return await self._asked_for(session_id, timeout_seconds, chunk_format, index)
        place, began = self._places.of(session_id), monotonic()
        if not place.unsure:
            try:
                return place.arrived(await self._next(session_id, timeout_seconds, chunk_format))
            except (Unavailable, asyncio.CancelledError) as error:
                place.unsure = True
                timeout_seconds -= monotonic() - began
                if isinstance(error, asyncio.CancelledError) or timeout_seconds < -_NEXT_SECONDS / 2:
                    raise
        return place.arrived(await self._found_again(session_id, max(0.0, timeout_seconds), chunk_format, place))

    async def consume(self, session_id: str, index: int) -> None:
        await self._requests.ask(Call("POST", "/jam/consume", session_id, {"chunk_index": str(index)}, repeatable=True))

    async def update(self, session_id: str, change: JamChange) -> None:
        await self._requests.ask(Call("POST", "/jam/update", session_id, change_as_fields(change)))

    async def reseed(self, session_id: str, loop: bytes | None) -> None:
        await self._send("/jam/reseed", session_id, {}, None if loop is None else ("loop_audio", loop))

    async def reseed_splice(self, session_id: str, loop: bytes | None, anchor_bars: float) -> None:
        fields = {"anchor_bars": str(anchor_bars)}
        await self._send("/jam/reseed_splice", session_id, fields, None if loop is None else ("combined_audio", loop))

    async def stop(self, session_id: str) -> None:
        await self._requests.ask(Call("POST", "/jam/stop", session_id))

    async def close(self, session_id: str, reason: str) -> JamStatus:
        data = await self._requests.ask(Call("POST", "/session/close", session_id, {"reason": reason}, repeatable=True))
        self._places.forget(session_id)
        return status_of(data) if "billable_elapsed_seconds" in data else await self.peek(session_id)

    async def aclose(self) -> None:
        await self._requests.aclose()

    async def _send(
        self, path: str, session_id: str, fields: Mapping[str, str], file: tuple[str, bytes] | None
    ) -> None:
        await self._requests.ask(Call("POST", path, session_id, fields, file, patience_seconds=_LOOP_SECONDS))

    async def _asked_for(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat, index: int
    ) -> JamChunk | None:
        chunk = await self._next(session_id, timeout_seconds, chunk_format, index)
        if chunk is not None and chunk.index != index:  # an older worker knows no index
            raise NotFound("This chunk cannot be had again.", code="chunk_gone")
        return chunk

    async def _found_again(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat, place: Place
    ) -> JamChunk | None:
        """The chunk after the one that was received, whether it was lost or is still to be made."""
        if place.received is not None:
            wanted: int | None = place.received + 1
        else:
            wanted = (await self.peek(session_id)).last_delivered_index
        try:
            return await self._next(session_id, timeout_seconds, chunk_format, wanted)
        except NotFound as error:
            if error.code != "chunk_gone":
                raise
            return await self._next(session_id, timeout_seconds, chunk_format)

    async def _next(
        self, session_id: str, timeout_seconds: float, chunk_format: ChunkFormat, index: int | None = None
    ) -> JamChunk | None:
        fields = {"timeout_seconds": str(timeout_seconds), "format": chunk_format}
        if index is not None:
            fields["index"] = str(index)
        patience_seconds = timeout_seconds + _NEXT_SECONDS
        call = Call(
            "GET", "/jam/next", session_id, fields, repeatable=index is not None, patience_seconds=patience_seconds
        )
        data = await self._requests.ask(call)
        if "chunk" not in data:
            raise rubbish()
        return None if data["chunk"] is None else chunk_of(data["chunk"])
