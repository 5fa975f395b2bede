"""Requests to a jam worker: how long each may take, which may be repeated, and what an answer is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic_core import from_json

from backline.compute.jam_failures import failure_of
from backline.compute.jam_wire import rubbish
from backline.errors import Invalid, Unavailable
from backline.observability.context import request_id
from backline.observability.logging import get_logger

_CONNECT_SECONDS = 10.0
_PAUSES_SECONDS = (0.1, 0.4)
"""Before a request is repeated."""

_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""The worker has not seen such a request: every one may be repeated."""

_PASSING = (502, 503, 504)
"""What a proxy says for a worker that is not there."""

_GONE = (401, 403, 404, 410)
"""What a proxy that guards a session says when there is none behind it any more."""

_MAX_ANSWER_BYTES = 100_000_000
"""32 s at 192 kHz in 32-bit floats, two channels, in base64: 66 MB."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request about a session. fields: of the form, or of the query of a GET. file: the name of its field, and its
    bytes. repeatable: whether asking twice does no more than asking once. patience_seconds: until it is given up; None:
    as long as all the others."""

    method: str
    path: str
    session_id: str
    fields: Mapping[str, str] = field(default_factory=dict)
    file: tuple[str, bytes] | None = None
    repeatable: bool = False
    patience_seconds: float | None = None

    def options(self) -> dict[str, Any]:
        """How httpx is told."""
        values = {"session_id": self.session_id, **self.fields}
        if self.method == "GET":
            return {"params": values}
        if self.file is None:
            return {"data": values}
        name, data = self.file
        return {"data": values, "files": {name: ("loop", data, "application/octet-stream")}}


class PlaceGone(Unavailable):
    """The machine on which the session was played is no more, says the proxy in front of it."""

    default_code = "worker_unreachable"


class JamRequests:
    """One client for all requests, kept open until `aclose`.

    url: of the worker. key: what it asks for in X-API-Key. pass_headers: what a proxy in front of it wants to see; its
    own refusals then are PlaceGone. patience_seconds: for a call that says nothing else.
    Raises Invalid for an address that is none.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        pass_headers: Mapping[str, str] | None = None,
        patience_seconds: float = 10.0,
        max_answer_bytes: int = _MAX_ANSWER_BYTES,
    ) -> None:
        self._proxied = pass_headers is not None
        self._patience_seconds = patience_seconds
        self._max_answer_bytes = max_answer_bytes
        try:
            httpx.URL(url)
        except httpx.InvalidURL:
            raise Invalid("BACKLINE_JAM__WORKER_URL is no address.", code="bad_worker_url") from None
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"X-API-Key": key, "Accept": "application/json", **(pass_headers or {})},
            timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),  # the rest is the patience of the whole call
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=100),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def ask(self, call: Call) -> Mapping[str, Any]:
        """The answer's JSON object, about this session. Raises what the worker says, or Unavailable."""
        patience_seconds = self._patience_seconds if call.patience_seconds is None else call.patience_seconds
        try:
            async with asyncio.timeout(patience_seconds):
                return await self._until_answered(call)
        except TimeoutError:
            raise _unreachable(call, "timeout") from None

    async def _until_answered(self, call: Call) -> Mapping[str, Any]:
        for pause_seconds in (*_PAUSES_SECONDS, None):
            try:
                return await self._once(call)
            except (httpx.TransportError, _Passing) as error:
                may_repeat = call.repeatable or isinstance(error, _NEVER_SENT)
                if pause_seconds is None or not may_repeat:
                    raise _unreachable(call, type(error).__name__) from None
            await asyncio.sleep(pause_seconds)
        raise AssertionError  # the last round ends above

    async def _once(self, call: Call) -> Mapping[str, Any]:
        ours = request_id.get()
        headers = {} if ours is None else {"X-Request-ID": ours}
        try:
            async with self._client.stream(call.method, call.path, headers=headers, **call.options()) as answer:
                body = await self._body(answer)
                if self._proxied and answer.status_code != 200:
                    _check_proxy(answer, _object_of(body))
                return _understood(call, answer, body)
        except (httpx.DecodingError, httpx.InvalidURL):
            raise rubbish() from None
        except PlaceGone:
            raise
        except Unavailable as error:
            get_logger().warning("jam.worker_failed", path=call.path, code=error.code)
            raise

    async def _body(self, answer: httpx.Response) -> bytes:
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > self._max_answer_bytes:
                raise rubbish()
        return bytes(body)


class _Passing(Exception):
    """A proxy says that the worker is not there now."""


def _check_proxy(answer: httpx.Response, data: Mapping[str, Any] | None) -> None:
    """A worker of ours says in every answer whether it is `ok`; what else refuses is the proxy."""
    if data is not None and "ok" in data:
        return
    if answer.status_code in _GONE:
        raise PlaceGone("The jam worker is gone. Try again.")
    if answer.status_code in _PASSING:
        raise _Passing


def _understood(call: Call, answer: httpx.Response, body: bytes) -> Mapping[str, Any]:
    data = _object_of(body)
    if answer.status_code == 200 and data is not None and data.get("ok") is True:
        if data.get("session_id", call.session_id) != call.session_id:  # somebody else's
            raise rubbish()
        return data
    if answer.status_code in _PASSING and data is None:
        raise _Passing
    raise failure_of(answer.status_code, data or {}, answer.headers.get("Retry-After"))


def _object_of(body: bytes) -> Mapping[str, Any] | None:
    try:
        data = from_json(body)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _unreachable(call: Call, reason: str) -> Unavailable:
    get_logger().warning("jam.worker_unreachable", path=call.path, reason=reason)
    return Unavailable("The jam worker does not answer now. Try again.", code="worker_unreachable")
