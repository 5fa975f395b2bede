"""A stream of speech as an HTTP answer: sent while it is made, or whole."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import IO

from starlette.requests import Request

from backline.accounts.principal import Principal
from backline.compute.base import Compute
from backline.media.encode.formats import FORMATS
from backline.observability.logging import get_logger
from backline.speech.casting import Casting
from backline.speech.events import Event, Sound
from backline.speech.plan import Plan, fit_passage
from backline.speech.schemas import GenerateRequest
from backline.speech.service import Request as SpeechRequest
from backline.speech.service import SpeechService
from backline.speech.stream import SpeechStream
from backline.speech.text.spans import SpokenText
from backline.speech.text.ssml import Passage, is_ssml, read_ssml
from backline.web.middleware import STARTED
from backline.web.streaming import Stream, StreamedResponse

_IN_MEMORY_BYTES = 4_000_000
"""A whole answer up to this size is kept in memory, a larger one in a file."""

_CHUNK_BYTES = 256_000


class SpeechReplies:
    """Makes answers of requests, here and for `compat`. folder: for answers too large for memory."""

    def __init__(
        self, service: SpeechService, casting: Casting, compute: Compute, folder: Path, patience_seconds: float
    ) -> None:
        self._service = service
        self._casting = casting
        self._compute = compute
        self._folder = folder
        self._patience_seconds = patience_seconds

    async def reply(self, body: GenerateRequest, request: Request, caller: Principal) -> StreamedResponse:
        """Refuses at once what is impossible; the rest is done while the answer is sent."""
        speech = await self.begin(body, request, caller)
        begin = partial(streamed, speech) if body.stream else partial(whole, speech, self._compute, self._folder)
        return StreamedResponse(begin, self._patience_seconds)

    async def begin(self, body: GenerateRequest, request: Request, caller: Principal) -> SpeechStream:
        known = body.format if body.format in FORMATS else None  # anything else is the caller's own words
        get_logger().info("tts.request_received", format=known, stream=body.stream, characters=len(body.text))
        get_logger().debug("tts.auth_validated", user_id=caller.id)
        wishes, voice = await self._casting.cast(body, caller)
        plan = self._service.planner.plan(wishes)
        preparation = self._service.preparation(plan, chunking=body.chunking)
        units = preparation.units_of(passages_of(body.text, plan))
        asked = SpeechRequest(
            caller,
            request.scope["request_id"],
            request.scope[STARTED],
            len(body.text),
            lambda: body.text,
            voice,
            streamed=body.stream,
        )
        return self._service.speak(plan, preparation, units, asked)


def passages_of(text: str, plan: Plan) -> list[Passage]:
    """SSML is read only where a text says that it is. Raises Invalid for what the plan's voice cannot do."""
    if not is_ssml(text):
        return [Passage(SpokenText.unchanged(text))]
    return [fit_passage(passage, plan) for passage in read_ssml(text)]


async def streamed(speech: SpeechStream) -> Stream:
    """Waits for the first audio. The headers are those that are true then."""
    events = speech.events()
    first = await _next_sound(events)
    return Stream(speech.plan.audio_format.media_type, _headers(speech), _sounds(first, events))


async def whole(speech: SpeechStream, compute: Compute, folder: Path) -> Stream:
    """Waits for the last audio; sizes in the file's header, and every header of the answer, are final."""
    spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES, dir=str(folder))  # noqa: SIM115 - closed by `_read`
    try:
        async with aclosing(speech.events()) as events:
            async for sounds in _only_sounds(events):
                if spool.tell() + len(sounds) <= _IN_MEMORY_BYTES:
                    spool.write(sounds)
                else:
                    await compute.run(speech.record.audio_seconds, partial(spool.write, sounds))
        length = spool.tell()
        spool.seek(0)
        spool.write(speech.head())
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    speech.kept_back()
    record = speech.record
    headers = _headers(speech) | {
        "Content-Length": str(length),
        "X-Credits-Consumed": record.credits_consumed,
        "X-Audio-Seconds": f"{record.audio_seconds:.3f}",
    }
    if record.credits_remaining is not None:
        headers["X-Remaining-Credits"] = record.credits_remaining
    if record.rtf is not None:
        headers["X-RTF"] = str(record.rtf)
    if record.input_tokens is not None:
        headers["X-Input-Tokens"] = str(record.input_tokens)
        headers["X-Output-Tokens"] = str(record.output_tokens)
    return Stream(speech.plan.audio_format.media_type, headers, _read(spool, compute, record.audio_seconds))


def _headers(speech: SpeechStream) -> dict[str, str]:
    return {
        "X-TTFB-ms": str(speech.record.ttfb_ms),
        "X-Model-Version": speech.record.model_version,
        "X-Sample-Rate": str(speech.record.sample_rate),
        "X-Super-Resolution": speech.super_resolution_used,
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }


async def _next_sound(events: AsyncGenerator[Sequence[Event], None]) -> bytes:
    async for some in events:
        data = b"".join(event.data for event in some if isinstance(event, Sound))
        if data:
            return data
    return b""


async def _only_sounds(events: AsyncGenerator[Sequence[Event], None]) -> AsyncGenerator[bytes, None]:
    while data := await _next_sound(events):
        yield data


async def _sounds(first: bytes, events: AsyncGenerator[Sequence[Event], None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield first
        async for data in _only_sounds(events):
            yield data


async def _read(spool: IO[bytes], compute: Compute, order: float) -> AsyncGenerator[bytes, None]:
    with spool:
        while data := await compute.run(order, partial(spool.read, _CHUNK_BYTES)):
            yield data
