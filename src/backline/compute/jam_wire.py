"""A jam worker's API as data: what the worker writes, and what the client reads. Field names are the API's.

An older worker tells less, and has no names of its own for failures: what it leaves out is filled in here.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from backline.engines.jam.orders import ChunkMetadata, JamChange, JamChunk, JamOptions, JamStatus
from backline.errors import Unavailable

T = TypeVar("T")

_STATUS = TypeAdapter(JamStatus)
_METADATA = TypeAdapter(ChunkMetadata)

_OLDER_STATUS: Mapping[str, Any] = {
    **{field.name: None for field in fields(JamStatus)},
    "tag": "",
    "scaledown_window_seconds": 600.0,  # its container's own
    "session_created_ts": 0.0,
    "warm_started_ts": 0.0,
    "last_touched_ts": 0.0,
    "last_activity_ts": 0.0,
    "idle_seconds": 0.0,
    "ended": False,
}
_OLDER_METADATA: Mapping[str, Any] = {"format": "wav", "seed": 0, "last": False}


def rubbish() -> Unavailable:
    """For an answer that no worker gives: what became of the session, nobody can say."""
    return Unavailable("The worker's answer makes no sense.", code="worker_rubbish")


def status_as_data(status: JamStatus) -> dict[str, Any]:
    return asdict(status)


def status_of(data: Mapping[str, Any]) -> JamStatus:
    """Raises Unavailable `worker_rubbish`: money hangs on every field, so each has its type and is finite."""
    known = {field.name: data[field.name] for field in fields(JamStatus) if field.name in data}
    status = _checked(lambda: _STATUS.validate_python({**_OLDER_STATUS, **known}))
    if (status.billable_elapsed_seconds or 0.0) < 0:
        raise rubbish()
    return status if "last_made_index" in data else _of_older(status)


def chunk_as_data(chunk: JamChunk) -> dict[str, Any]:
    return {
        "index": chunk.index,
        "audio_base64": base64.b64encode(chunk.audio).decode(),
        "metadata": asdict(chunk.metadata),
    }


def chunk_of(data: Any) -> JamChunk:
    """Raises Unavailable `worker_rubbish`."""
    return _checked(lambda: _chunk_of(data))


def options_as_fields(options: JamOptions) -> dict[str, str]:
    """The form of `/jam/start`, without the session and the loop."""
    return _form_of(asdict(options))


def change_as_fields(change: JamChange) -> dict[str, str]:
    """The form of `/jam/update`, without the session: only what is to be different."""
    return {name: value for name, value in _form_of(asdict(change)).items() if (name, value) != _CLEARS_NOTHING}


_CLEARS_NOTHING = ("clear_styles", "false")


def list_of(text: str) -> tuple[str, ...]:
    """Words of a form field: parted by commas, or a JSON list of texts where a word has a comma of its own.

    Raises ValueError for a JSON list of anything else.
    """
    text = text.strip()
    if not text.startswith("["):
        return tuple(word for word in map(str.strip, text.split(",")) if word)
    words = json.loads(text)
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError("a JSON list holds texts only")
    return tuple(words)


def list_as_text(words: Sequence[str]) -> str:
    """The opposite of `list_of`; without JSON wherever that is possible, since an older worker reads commas only."""
    text = ",".join(words)
    return text if not text.lstrip().startswith("[") and list_of(text) == tuple(words) else json.dumps(words)


def _form_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Nothing is sent for None and for empty lists: both mean that nothing is said."""
    form: dict[str, str] = {}
    for name, value in values.items():
        if isinstance(value, tuple):
            text = list_as_text([one if isinstance(one, str) else repr(one) for one in value])
        elif isinstance(value, bool):
            text = str(value).lower()
        else:
            text = "" if value is None else str(value)
        if text:
            form[name] = text
    return form


def _chunk_of(data: Mapping[str, Any]) -> JamChunk:
    index, told = data["index"], data["metadata"]
    if type(index) is not int or index < 0:
        raise ValueError
    older = {
        **_OLDER_METADATA,
        "first_bar": index * told["bars"],
        "start_sample": index * told["total_samples"],
    }
    known = {field.name: told[field.name] for field in fields(ChunkMetadata) if field.name in told}
    return JamChunk(
        index, base64.b64decode(data["audio_base64"], validate=True), _METADATA.validate_python({**older, **known})
    )


def _checked(read: Callable[[], T]) -> T:
    """What was read, when every number in it is finite: JSON in Python knows NaN, and 1e999."""
    try:
        value = read()
    except (ValidationError, ValueError, TypeError, LookupError, AttributeError, binascii.Error):
        raise rubbish() from None
    inner = value.metadata if isinstance(value, JamChunk) else value
    for field in fields(inner):  # type: ignore[arg-type]
        number = getattr(inner, field.name)
        if isinstance(number, float) and not math.isfinite(number):
            raise rubbish()
    return value


def _of_older(status: JamStatus) -> JamStatus:
    """It goes on counting after the end; what is billed here does not."""
    elapsed, start, end = status.billable_elapsed_seconds, status.billable_start_ts, status.closed_ts
    if status.billing_state != "closed" or elapsed is None or start is None or end is None:
        return status
    return replace(status, billable_elapsed_seconds=max(0.0, min(elapsed, end - start)))
