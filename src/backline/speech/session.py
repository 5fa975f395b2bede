"""One conversation over a WebSocket: text comes in pieces, speech goes out while it is made.

Text up to `input.flush` (or `input.done`) is one utterance: one `audio.start`, one encoded stream, one `audio.done`.
Each sentence is spoken as soon as the next one begins to arrive. Utterances follow each other; `cancel` ends all.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError
from starlette.websockets import WebSocketDisconnect

from backline.accounts.principal import Principal
from backline.clock import monotonic
from backline.errors import BacklineError, Busy, Conflict, Failed, Invalid
from backline.realtime.socket import Socket
from backline.speech.casting import Casting
from backline.speech.events import Event, Outline, Sound
from backline.speech.schemas import SessionConfig, has_control_characters
from backline.speech.service import MAX_TEXT_CHARACTERS, Request, SpeechService
from backline.speech.stream import SpeechStream
from backline.speech.utterance import Utterance
from backline.speech.voice_repository import CustomVoice
from backline.web.problems import describe_validation

_EVENTS = ("session.config", "input.text", "input.flush", "input.done", "cancel", "ping")

_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")

_MAX_UTTERANCES = 16
"""Utterances that may wait behind the one that is spoken."""


class SpeechSession:
    """Reads events until the client is done or gone. idle_seconds: of silence on both sides, then it is ended."""

    def __init__(
        self,
        socket: Socket,
        service: SpeechService,
        casting: Casting,
        caller: Principal,
        request_id: str,
        idle_seconds: float,
    ) -> None:
        self._socket = socket
        self._service = service
        self._casting = casting
        self._caller = caller
        self._request_id = request_id
        self._idle_seconds = idle_seconds
        self._config = SessionConfig()
        self._cast: tuple[SessionConfig, CustomVoice | None] = self._config, None
        self._tasks = asyncio.TaskGroup()
        self._utterances = 0
        self._blank = ""
        self._open: Utterance | None = None
        self._speaking: dict[Utterance, asyncio.Task[None]] = {}
        """Every utterance whose last event was not sent yet, in order."""
        self._changed = asyncio.Event()
        self._active = monotonic()
        self._done = False

    async def run(self) -> None:
        """Returns when the session is over; whoever sees first that the client has left ends it for all."""
        try:
            async with self._tasks:
                self._cast = await self._casting.cast(self._config, self._caller)
                await self._send_ready()
                while True:
                    await self._turn()
        except* WebSocketDisconnect:
            pass
        finally:
            for utterance in list(self._speaking):
                self._forget(utterance)

    def leave(self, reason: BacklineError) -> None:
        """Speak what was begun to its end, then tell the client why the session ends."""
        leaving = self._leave(reason)
        try:
            self._tasks.create_task(leaving)
        except RuntimeError:  # the client has left in the same moment, and the session is ending already
            leaving.close()

    async def _turn(self) -> None:
        try:
            event = await self._socket.receive(max(0.0, self._active + self._idle_seconds - monotonic()))
            self._active = monotonic()
            await self._handle(event)
        except TimeoutError:
            await self._check_idle()
        except BacklineError as error:
            await self._socket.send_error(error)
        except ValidationError as error:
            detail, _ = describe_validation(error.errors())
            await self._socket.send_error(Invalid(detail))

    async def _check_idle(self) -> None:
        if any(not utterance.starving for utterance in self._speaking):
            self._active = monotonic()
        elif monotonic() - self._active >= self._idle_seconds:
            await self._socket.refuse(Invalid("Nothing was sent for too long.", code="idle_timeout"))
            raise WebSocketDisconnect

    async def _handle(self, event: dict[str, Any]) -> None:
        kind = event.get("type")
        if kind not in ("session.config", "input.text") and kind in _EVENTS and len(event) > 1:
            raise Invalid(f"{kind} has no field besides type.", code="bad_message")
        if kind == "ping":
            await self._socket.send({"type": "pong"})
        elif kind == "cancel":
            await self._cancel()
        elif self._done:
            raise Conflict("input.done was sent; this session takes no more input.", code="session_ending")
        elif kind == "session.config":
            config = SessionConfig.model_validate(event)
            cast = await self._casting.cast(config, self._caller)
            self._service.planner.plan(cast[0])
            self._config, self._cast = config, cast
            await self._send_ready()
        elif kind == "input.text":
            self._take_text(event)
        elif kind == "input.flush":
            self._flush()
        elif kind == "input.done":
            self._flush()
            self._done = True
            self._tasks.create_task(self._leave())
        else:
            raise Invalid(f"The type must be one of {', '.join(_EVENTS)}.", code="unknown_event")

    def _take_text(self, event: dict[str, Any]) -> None:
        text = event.get("text")
        if not isinstance(text, str) or set(event) != {"type", "text"}:
            raise Invalid("input.text has exactly one field besides type: text, a string.", code="bad_message")
        if has_control_characters(text):
            raise Invalid("Control characters such as NUL are not allowed.", code="control_characters")
        if _LONE_SURROGATE.search(text):
            raise Invalid("The text holds half a character (a lone surrogate).", code="lone_surrogate")
        self._check_length(text)
        if self._open is None and not text.strip():
            self._blank += text  # it counts where words are shown in the text, but is nothing to say yet
            return
        utterance = self._open or self._new_utterance()
        utterance.push(self._blank + text)
        self._blank = ""

    def _check_length(self, text: str) -> None:
        if len(text) > MAX_TEXT_CHARACTERS:
            raise Invalid(f"One text holds at most {MAX_TEXT_CHARACTERS} characters.", code="text_too_long")
        waiting = len(self._blank) + sum(utterance.waiting_characters for utterance in self._speaking)
        if waiting + len(text) > MAX_TEXT_CHARACTERS:
            raise Busy(
                f"More than {MAX_TEXT_CHARACTERS} characters wait. Send this again after audio.done.",
                code="too_much_text",
            )

    def _new_utterance(self) -> Utterance:
        if len(self._speaking) > _MAX_UTTERANCES:
            raise Busy("Too many utterances wait. Send this again after audio.done.", code="too_many_utterances")
        wishes, voice = self._cast
        plan = self._service.planner.plan(wishes)
        utterance = Utterance(plan, self._service.preparation(plan), voice, peaks=wishes.peaks)
        before = next(reversed(self._speaking.values()), None)
        self._speaking[utterance] = self._tasks.create_task(self._speak_after(before, utterance))
        self._open = utterance
        return utterance

    def _flush(self) -> None:
        self._blank = ""
        if self._open:
            self._open.end()
            self._open = None

    async def _cancel(self) -> None:
        """Always answered by `audio.done`, one for each utterance that was begun, or one if none was."""
        self._blank = ""
        self._open = None
        stopped = list(self._speaking)
        for utterance in stopped:
            if utterance.stream is not None:
                utterance.stream.cancelled()
            self._speaking[utterance].cancel()
        if not stopped:
            await self._socket.send(_audio_done(None, cancelled=True))
        for utterance in stopped:
            await asyncio.wait([self._speaking[utterance]])
            await self._socket.send(_audio_done(utterance.stream, cancelled=True))
            self._forget(utterance)

    async def _leave(self, reason: BacklineError | None = None) -> None:
        """End the session once everything is spoken. reason: why it was not the client who ended it."""
        while self._speaking:
            self._changed.clear()
            await self._changed.wait()
        if reason is None:
            await self._socket.send({"type": "session.done"})
            await self._socket.close()
        elif not self._done:
            await self._socket.refuse(reason)

    async def _speak_after(self, before: asyncio.Task[None] | None, utterance: Utterance) -> None:
        try:
            if before is not None:
                await asyncio.wait([before])
            await self._speak(utterance)
        except WebSocketDisconnect:
            raise
        except BacklineError as error:
            await self._socket.send_error(error)
        except Exception:  # noqa: BLE001 - logged where it happened; the client must hear of it too
            await self._socket.send_error(Failed("Something went wrong on our side."))
        self._forget(utterance)

    def _forget(self, utterance: Utterance) -> None:
        self._speaking.pop(utterance, None)
        utterance.stream = None  # they know each other, and an encoder with its buffers would wait for the collector
        if self._open is utterance:
            self._open = None
        self._changed.set()

    async def _speak(self, utterance: Utterance) -> None:
        self._utterances += 1
        request_id = self._request_id if self._utterances == 1 else f"{self._request_id[:56]}-{self._utterances}"
        request = Request(
            self._caller,
            request_id,
            monotonic(),
            utterance.characters,
            utterance.text,
            utterance.voice,
            peaks=utterance.peaks,
        )
        stream = self._service.speak(utterance.plan, utterance.preparation, utterance.units(), request)
        utterance.stream = stream
        started = False
        async with aclosing(stream.events()) as events:
            async for some in events:
                if not started:
                    await self._socket.send(_audio_start(stream))
                    started = True
                for event in some:
                    await self._socket.send(event.data if isinstance(event, Sound) else _as_message(event))
                self._active = monotonic()
        await self._socket.send(_audio_done(stream, cancelled=False))

    async def _send_ready(self) -> None:
        config = self._config
        await self._socket.send(
            {
                "type": "session.ready",
                "request_id": self._request_id,
                "voice": config.voice,
                "language": config.language or "auto",
                "format": config.format,
                "speed": config.speed,
            }
        )


def _audio_start(stream: SpeechStream) -> dict[str, Any]:
    return {
        "type": "audio.start",
        "format": stream.record.format,
        "media_type": stream.plan.audio_format.media_type,
        "sample_rate": stream.record.sample_rate,
        "channels": 1,
        "super_resolution": stream.super_resolution_used,
        "request_id": stream.record.request_id,
    }


def _audio_done(stream: SpeechStream | None, *, cancelled: bool) -> dict[str, Any]:
    return {
        "type": "audio.done",
        "audio_seconds": stream.record.audio_seconds if stream else 0.0,
        "credits_consumed": stream.record.credits_consumed if stream else "0",
        "cancelled": cancelled,
        "request_id": stream.record.request_id if stream else None,
    }


def _as_message(event: Event) -> dict[str, Any]:
    assert not isinstance(event, Sound)
    return {"type": "peaks" if isinstance(event, Outline) else "word", **asdict(event)}
