"""Structured log lines: one JSON object a line, one request id through everything, never a user's text.

Fields are names and numbers. To keep a text out even when somebody passes one by mistake, values of the fields in
`FORBIDDEN_FIELDS` are dropped, and an exception is logged by its type and place, not by its message.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, TextIO, cast

import structlog
from structlog.typing import FilteringBoundLogger

from backline.observability.context import request_id

FORBIDDEN_FIELDS = frozenset(
    {"text", "input", "original_text", "normalized_text", "body", "token", "api_key", "password"}
)

Logger = FilteringBoundLogger


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log line, ours and the libraries', to `stream` (default: standard error) as JSON.

    level: DEBUG, INFO, WARNING or ERROR.
    """
    out = cast(TextIO, _Unfailing(stream or sys.stderr))
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(level.lower()),
        logger_factory=structlog.WriteLoggerFactory(file=out),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_FOREIGN_PROCESSORS))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if level != "DEBUG" else logging.INFO)


class _Unfailing:
    """A stream that may have lost its reader: what cannot be logged must not fail what was being done."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def get_logger() -> Logger:
    """A logger that adds the request id by itself."""
    logger: Logger = structlog.get_logger()
    return logger


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    current = request_id.get()
    if current is not None:
        event.setdefault("request_id", current)
    return event


def _drop_forbidden(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in FORBIDDEN_FIELDS & event.keys():
        del event[name]
    return event


def _describe_exception(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Type and place only: the message of a foreign exception may quote the text it choked on."""
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["error_type"] = type(error).__qualname__
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        event["error_at"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]
    return event


def _drop_foreign_message(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library's line that carries an exception keeps its wording without the arguments, and only the first line of
    it: asyncio describes the failed task in the others, with what it raised."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None and event.get("exc_info"):
        event["event"] = str(record.msg).partition("\n")[0]
    return event


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)  # made once: dumps makes one a call
_RENDER = structlog.processors.JSONRenderer(serializer=lambda event, **_: _ENCODER.encode(event))

_PROCESSORS: list[Any] = [
    structlog.processors.add_log_level,
    _add_request_id,
    _drop_forbidden,
    _describe_exception,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _RENDER,
]

_FOREIGN_PROCESSORS: list[Any] = [
    structlog.stdlib.add_log_level,
    _add_request_id,
    _drop_foreign_message,
    _describe_exception,
    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _RENDER,
]
