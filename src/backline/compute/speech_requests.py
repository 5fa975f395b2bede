"""Requests to a worker that speaks: how long each may take, which are repeated, and what an answer is."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

from backline.compute.speech_wire import SILENCE_SECONDS, SpeechOrder, lost, order_as_data, rubbish
from backline.errors import BacklineError, Busy, Invalid, Unavailable
from backline.observability.context import request_id
from backline.observability.logging import get_logger

_PAUSES_SECONDS = (0.1, 0.4)
"""Before a request is repeated."""

_LONGEST_PAUSE_SECONDS = 1.0
"""However long a worker says to wait: a listener waits too."""

_KEPT_SECONDS = 15.0
"""An idle connection: less than the worker's 30, so that none is taken that is just being closed."""

_MAX_ANSWER_BYTES = 10_000_000
_CODE = re.compile(r"[a-z]+(_[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Patience:
    """In seconds. connect: until there is a connection. silence: until the first byte of an answer, and between two of
    its parts; whoever speaks says every five that it is still there. engines: the same for the list, for which a
    worker waits while it loads."""

    connect: float = 5.0
    silence: float = SILENCE_SECONDS
    engines: float = 30.0


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    path: str
    silence_seconds: float
    body: bytes | None = None


class SpeechRequests:
    """One client for all requests to one worker, kept open until `aclose`; made on the event loop.

    url: of the worker. key: what it asks for in X-API-Key. Raises Invalid for an address that is none.
    """

    def __init__(self, url: str, key: str, patience: Patience = Patience()) -> None:
        self._patience = patience
        try:
            address = URL(url.rstrip("/") + "/")
        except ValueError:
            raise Invalid("BACKLINE_SPEECH__WORKER_URL is no address.", code="bad_worker_url") from None
        self._session = aiohttp.ClientSession(
            address,
            headers={"X-API-Key": key, "Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT_SECONDS),
            auto_decompress=False,
        )

    async def aclose(self) -> None:
        await self._session.close()

    async def engines(self) -> Mapping[str, Mapping[str, Any]]:
        """What the worker tells of each engine, by name. Raises Unavailable."""
        async with self._answer(_Call("GET", "engines", self._patience.engines)) as answer:
            data = _object_of(await _body(answer))
        try:
            return {str(one["name"]): one for one in (data or {})["engines"]}
        except (TypeError, KeyError):
            raise rubbish() from None

    async def speak(self, order: SpeechOrder) -> AsyncGenerator[bytes, None]:
        """The worker's answer, in parts as they come; closing the generator tells the worker to stop.

        Raises Unavailable, and Busy. Asked again only where the worker has not seen the request, or has refused it.
        """
        body = json.dumps(order_as_data(order)).encode()
        call = _Call("POST", f"engines/{order.engine}/stream", self._patience.silence, body)
        async with self._answer(call) as answer:
            async for part in answer.content.iter_any():
                yield part

    @asynccontextmanager
    async def _answer(self, call: _Call) -> AsyncIterator[aiohttp.ClientResponse]:
        answer = await self._asked(call)
        try:
            yield answer
        except (aiohttp.ClientError, OSError) as error:
            raise _lost(call, error) from None
        finally:
            answer.close()  # a connection whose answer was read to its end is kept for the next all the same

    async def _asked(self, call: _Call) -> aiohttp.ClientResponse:
        for pause_seconds in (*_PAUSES_SECONDS, None):
            try:
                async with asyncio.timeout(self._patience.connect + call.silence_seconds):
                    return await self._once(call)
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:  # never sent
                failure: BacklineError = _unreachable(call, error)
            except _Refused as refused:
                failure = refused.error
            except (aiohttp.ClientError, OSError) as error:  # a TimeoutError is an OSError
                raise _unreachable(call, error) from None
            if pause_seconds is None:
                raise failure
            told_seconds = failure.retry_after_seconds or 0.0
            await asyncio.sleep(min(max(pause_seconds, told_seconds), _LONGEST_PAUSE_SECONDS))
        raise AssertionError  # the last round ends above

    async def _once(self, call: _Call) -> aiohttp.ClientResponse:
        ours = request_id.get()
        headers = {"Content-Type": "application/json", **({} if ours is None else {"X-Request-ID": ours})}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect, sock_read=call.silence_seconds)
        answer = await self._session.request(
            call.method, call.path, data=call.body, headers=headers, timeout=timeout, allow_redirects=False
        )
        if answer.status == 200:
            return answer
        try:
            told = _object_of(await _body(answer))
        finally:
            answer.close()
        failure = _failure_of(answer.status, told, answer.headers.get("Retry-After"))
        get_logger().warning("speech.worker_failed", path=call.path, code=failure.code)
        if answer.status in (429, 503):
            raise _Refused(failure)
        raise failure


class _Refused(Exception):
    """The worker, or a proxy before it, did nothing of it: it may be asked again."""

    def __init__(self, error: BacklineError) -> None:
        self.error = error


async def _body(answer: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in answer.content.iter_any():
        body += part
        if len(body) > _MAX_ANSWER_BYTES:
            raise rubbish()
    return bytes(body)


def _object_of(body: bytes) -> Mapping[str, Any]:
    """Empty where it is none."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _failure_of(status: int, data: Mapping[str, Any], retry_after: str | None) -> BacklineError:
    if status in (401, 403):
        return Unavailable(
            "The speech worker refuses this server's key. Compare BACKLINE_SPEECH__WORKER_KEY on both.",
            code="worker_refuses_key",
            retryable=False,
        )
    code, told = data.get("code"), data.get("error")
    ours = isinstance(code, str) and isinstance(told, str) and _CODE.fullmatch(code) is not None
    wait_seconds = float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
    if ours and status in (429, 503):
        kind = Busy if status == 429 else Unavailable
        return kind(str(told), code=str(code), retry_after_seconds=wait_seconds)
    if status == 429 or status >= 500:
        return Unavailable(
            "The speech worker failed. Try again.", code="worker_failed", retry_after_seconds=wait_seconds
        )
    return rubbish()


def _unreachable(call: _Call, error: Exception) -> Unavailable:
    get_logger().warning("speech.worker_unreachable", path=call.path, reason=type(error).__name__)
    return Unavailable("The speech worker does not answer now. Try again.", code="worker_unreachable")


def _lost(call: _Call, error: Exception) -> Unavailable:
    get_logger().warning("speech.worker_lost", path=call.path, reason=type(error).__name__)
    return lost()
