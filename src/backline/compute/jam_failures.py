"""What a jam worker's failed answer means, as one of our errors.

Whoever bills a session must know whether it is dead (NotFound `session_not_found`, Conflict `session_closed`) or
whether nobody can say (Unavailable). So an answer that is not plainly a worker's word about a session is the second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from backline.compute.jam_wire import rubbish
from backline.errors import BacklineError, Busy, Conflict, Failed, Invalid, NotFound, TooLarge, Unavailable

_KINDS: Mapping[int, type[BacklineError]] = {
    404: NotFound,
    409: Conflict,
    413: TooLarge,
    422: Invalid,
    429: Busy,
    500: Failed,
    503: Unavailable,
}

_ABOUT_A_SESSION = ("session_not_found", "chunk_gone")
"""The only codes with which a 404 is a worker's word, and not that of a proxy or of a wrong address."""

_MORE = ("field", "errors")
"""Members that say what was wrong with a request."""

_CODE = re.compile(r"[a-z]+(_[a-z]+)*")

_OLDER: Mapping[str, tuple[type[BacklineError], str, str]] = {
    "empty file": (Invalid, "empty_file", "The loop is empty. Send an audio file."),
    "jam already running": (Conflict, "jam_already_running", "The session plays already. Stop it first."),
    "no active jam": (Conflict, "no_active_jam", "Nothing is played in this session. Start a jam first."),
    "jam not running": (Conflict, "no_active_jam", "Nothing is played in this session. Start a jam first."),
    "no internal audio available": (
        Conflict,
        "nothing_to_reseed_from",
        "Nothing was played yet that the jam could go on from. Send a loop.",
    ),
    "session not found": (NotFound, "session_not_found", "There is no such session."),
    "update_knobs failed": (Failed, "engine_failed", "The engine could not follow the change."),
    "style update failed": (Failed, "engine_failed", "The engine could not follow the change."),
    "reseed_from_waveform failed": (Failed, "engine_failed", "The engine could not take the loop."),
    "reseed_splice failed": (Failed, "engine_failed", "The engine could not take the loop."),
}
"""How an older worker's sentences begin, in lower case. They are not passed on: they quote what it was sent."""


def failure_of(status: int, data: Mapping[str, Any], retry_after: str | None) -> BacklineError:
    """status: of the HTTP answer. data: its body; empty when that was none. retry_after: the header, if it was sent."""
    code, told = data.get("code"), data.get("error")
    if status in (401, 403):
        return Unavailable(
            "The jam worker refuses this server's key. Compare BACKLINE_JAM__WORKER_KEY on both.",
            code="worker_refuses_key",
            retryable=False,
        )
    if isinstance(code, str) and isinstance(told, str) and _CODE.fullmatch(code) and status in _KINDS:
        return _told(status, data, code, retry_after)
    if isinstance(told, str):
        for beginning, (kind, known, sentence) in _OLDER.items():
            if told.lower().startswith(beginning):
                return kind(sentence, code=known)
    if status >= 500 or status == 429 or data.get("ok") is False:
        return _failed(retry_after)
    return rubbish()


def _told(status: int, data: Mapping[str, Any], code: str, retry_after: str | None) -> BacklineError:
    kind, retryable = _KINDS[status], data.get("retryable")
    if kind is NotFound and code not in _ABOUT_A_SESSION:
        return rubbish()
    if code == Failed.default_code:  # it does not know itself what happened
        return _failed(retry_after)
    return kind(
        str(data["error"]),
        code=code,
        retryable=retryable if isinstance(retryable, bool) else None,
        retry_after_seconds=_seconds(retry_after),
        more={name: data[name] for name in _MORE if name in data} or None,
    )


def _failed(retry_after: str | None) -> Unavailable:
    return Unavailable(
        "The jam worker failed. Try again.", code="worker_failed", retry_after_seconds=_seconds(retry_after)
    )


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
