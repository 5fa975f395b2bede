"""Log lines: JSON, one a line, with the request's id, and nothing that a user wrote."""

from __future__ import annotations

import asyncio
import gc
import io
import json
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from backline.observability.context import request_id
from backline.observability.logging import FORBIDDEN_FIELDS, configure_logging, get_logger

SECRET = "zanzibarquokka"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging("INFO", stream)
    yield stream
    configure_logging("INFO", io.StringIO())


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_line_is_json_with_level_time_and_fields(log: io.StringIO) -> None:
    get_logger().info("something.happened", number=5, name="नमस्ते\n")
    (line,) = lines(log)
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "something.happened", "level": "info", "number": 5, "name": "नमस्ते\n"}
    assert log.getvalue().count("\n") == 1


def test_the_id_of_the_request_is_added(log: io.StringIO) -> None:
    token = request_id.set("req_1")
    get_logger().info("inside")
    get_logger().info("of its own", request_id="req_2")
    request_id.reset(token)
    get_logger().info("outside")
    assert [line.get("request_id") for line in lines(log)] == ["req_1", "req_2", None]


@pytest.mark.parametrize("name", sorted(FORBIDDEN_FIELDS))
def test_fields_that_could_hold_a_text_or_a_secret_are_dropped(log: io.StringIO, name: str) -> None:
    get_logger().info("careless", **{name: SECRET}, kept=1)
    (line,) = lines(log)
    assert name not in line
    assert line["kept"] == 1
    assert SECRET not in log.getvalue()


def fail() -> None:
    raise ValueError(f"cannot read {SECRET}")


def test_an_exception_is_its_type_and_place(log: io.StringIO) -> None:
    try:
        fail()
    except ValueError as error:
        get_logger().error("failed", exc_info=error)
        get_logger().error("failed", exc_info=True)
        logging.getLogger("a.library").error("it failed with %s", error, exc_info=error)
        logging.getLogger("a.library").exception("it failed\nwith more: %s", error)
    assert SECRET not in log.getvalue()
    for line in lines(log):
        assert line["error_type"] == "ValueError"
        assert line["error_at"][-1].startswith("test_logging.py:")
        assert line["error_at"][-1].endswith(" fail")
    assert [line["event"] for line in lines(log)] == ["failed", "failed", "it failed with %s", "it failed"]


async def test_a_task_whose_failure_nobody_fetched_is_not_quoted(log: io.StringIO) -> None:
    """asyncio describes the task, and in it what the task raised, in the message itself."""

    async def fails() -> None:
        fail()

    task = asyncio.create_task(fails())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    gc.collect()
    (line,) = lines(log)
    assert line["event"] == "Task exception was never retrieved"
    assert line["error_type"] == "ValueError"
    assert SECRET not in log.getvalue()


def test_lines_of_libraries_have_the_same_shape(log: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("Invalid %s received", "request")
    logging.getLogger("uvicorn.error").info("not this one")
    (line,) = lines(log)
    assert {"event": "Invalid request received", "level": "warning"}.items() <= line.items()


def test_levels_are_kept() -> None:
    counts = {}
    for level in ("DEBUG", "INFO", "WARNING", "ERROR"):
        stream = io.StringIO()
        configure_logging(level, stream)
        for name in ("debug", "info", "warning", "error"):
            getattr(get_logger(), name)("a line")
        counts[level] = len(stream.getvalue().splitlines())
    assert counts == {"DEBUG": 4, "INFO": 3, "WARNING": 2, "ERROR": 1}


def test_what_json_does_not_know_is_written_as_words(log: io.StringIO) -> None:
    get_logger().info("odd", path=io)
    assert lines(log)[0]["path"].startswith("<module 'io'")


def test_by_default_it_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    get_logger().info("hello")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["event"] == "hello"
    assert captured.out == ""
    configure_logging("INFO", io.StringIO())


def test_a_log_without_a_reader_fails_nothing() -> None:
    """`serve 2>&1 | head`, or a collector that died: the pipe is closed, and speech goes on."""
    reader, writer = os.pipe()
    os.close(reader)
    with suppress(BrokenPipeError), os.fdopen(writer, "w", buffering=1) as closed:
        configure_logging("INFO", closed)
        get_logger().info("tts.request_received")
        logging.getLogger("somebody").warning("and a library's line")
