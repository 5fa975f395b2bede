"""Structured log lines: one JSON object a line, one request id through everything, never a user's text.

Fields are names and numbers. To keep a text out even when somebody passes one by mistake, values of the fields in
`FORBIDDEN_FIELDS` are dropped, and an exception is logged by its type and place, not by its message.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO, cast

import structlog
from pydantic_core import to_json
from structlog.typing import FilteringBoundLogger

from backline.observability.context import request_id

FORBIDDEN_FIELDS = frozenset(
    {"text", "input", "original_text", "normalized_text", "body", "token", "api_key", "password"}
)

_WRITE_ADDRESSES = ("uvicorn.error", "httpx")
"""Libraries whose lines about requests hold the whole address, and with it what somebody put into its query."""

_CHATTY = ("python_multipart",)
"""Libraries that log what somebody sent; they raise it too."""

Logger = FilteringBoundLogger


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send every log line, ours and the libraries', to `stream` (default: standard error) as JSON.

    level: DEBUG, INFO, WARNING or ERROR.
    """
    out = _Unfailing(stream or sys.stderr)
    structlog.configure(logger_factory=_OneLogger(level, out))
    handler = logging.StreamHandler(cast(TextIO, out))
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_FOREIGN_PROCESSORS))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING if level != "DEBUG" else logging.INFO)
    for name in _WRITE_ADDRESSES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _OneLogger:
    """What structlog asks for loggers; here there is one, made once: binding a new one for a line costs as much again
    as the line."""

    def __init__(self, level: str, out: _Unfailing) -> None:
        new: Callable[..., Logger] = structlog.make_filtering_bound_logger(level.lower())
        self.logger = new(out, processors=[_our_line], context={})

    def __call__(self, *_arguments: object) -> Logger:
        return self.logger


class _Unfailing:
    """A stream that may have lost its reader: what cannot be logged must not fail what was being done.

    For structlog it is the place where a finished line goes, whatever its level.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        try:  # noqa: SIM105 - `suppress` costs more than the write
            self._stream.write(text)
        except (OSError, ValueError):
            pass

    def flush(self) -> None:
        try:  # noqa: SIM105
            self._stream.flush()
        except (OSError, ValueError):
            pass

    def line(self, line: str) -> None:
        self.write(line + "\n")
        self.flush()

    debug = info = warning = error = critical = line


def get_logger() -> Logger:
    """A logger that adds the request id by itself."""
    factory = structlog.get_config()["logger_factory"]
    logger: Logger = factory.logger if isinstance(factory, _OneLogger) else structlog.get_logger()
    return logger


def _our_line(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    """One step instead of structlog's six: a streamed request of a millisecond has four lines."""
    event["level"] = method
    _add_request_id(None, method, event)
    if not FORBIDDEN_FIELDS.isdisjoint(event):
        _drop_forbidden(event)
    if "exc_info" in event:
        _describe_exception(None, method, event)
    event["timestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")[: -len("+00:00")] + "Z"
    return _as_json(event)


def _as_json(event: MutableMapping[str, Any]) -> str:
    """pydantic's writer takes a quarter of the standard library's time, but does not take everything."""
    try:
        return to_json(event, fallback=str).decode()
    except ValueError:
        return _ENCODER.encode(event)


def _add_request_id(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    current = request_id.get()
    if current is not None:
        event.setdefault("request_id", current)
    return event


def _drop_forbidden(event: MutableMapping[str, Any]) -> None:
    for name in FORBIDDEN_FIELDS & event.keys():
        del event[name]


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
_RENDER = structlog.processors.JSONRenderer(serializer=lambda event, **_: _as_json(event))

_FOREIGN_PROCESSORS: list[Any] = [
    structlog.stdlib.add_log_level,
    _add_request_id,
    _drop_foreign_message,
    _describe_exception,
    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _RENDER,
]
