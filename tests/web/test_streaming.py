"""Answers that are made while they are sent: when the status goes out, who is told of what, and who is stopped."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from backline.errors import BacklineError, Invalid, Unavailable
from backline.observability.logging import configure_logging
from backline.web.streaming import Stream, StreamedResponse
from tests.web.asgi import Connection

Begin = Callable[[], Awaitable[Stream]]


class Maker:
    """Makes an answer of chunks and remembers how far it came. gate: waited for before each chunk from `held` on."""

    def __init__(self, *chunks: bytes | BaseException, held: int | None = None) -> None:
        self.made = 0
        self.began = False
        self.ended = False
        self.gate = asyncio.Event()
        self._chunks = chunks
        self._held = held

    async def begin(self) -> Stream:
        self.began = True
        return Stream("audio/test", {"X-Fact": "true"}, self._make())

    async def _make(self) -> AsyncGenerator[bytes, None]:
        try:
            for number, chunk in enumerate(self._chunks):
                if self._held is not None and number >= self._held:
                    await self.gate.wait()
                if isinstance(chunk, BaseException):
                    raise chunk
                self.made += 1
                yield chunk
        finally:
            await asyncio.sleep(0)  # an end that takes its time must still come to its end
            self.ended = True


def response(begin: Begin, patience_seconds: float = 10.0) -> StreamedResponse:
    return StreamedResponse(begin, patience_seconds)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.001)


async def test_headers_then_chunks_then_the_end() -> None:
    maker, connection = Maker(b"one", b"two"), Connection()
    await connection.call(response(maker.begin))
    assert connection.status == 200
    assert connection.headers == {"content-type": "audio/test", "x-fact": "true"}
    assert [message.get("body") for message in connection.sent[1:]] == [b"one", b"two", b""]
    assert connection.complete
    assert maker.ended


async def test_no_status_before_the_first_bytes() -> None:
    maker, connection = Maker(b"one", held=0), Connection()
    answering = asyncio.create_task(connection.call(response(maker.begin)))
    await until(lambda: maker.began)
    await asyncio.sleep(0.01)
    assert connection.sent == []
    maker.gate.set()
    await answering
    assert connection.complete


async def test_each_chunk_is_sent_before_the_next_is_made() -> None:
    maker, connection = Maker(b"one", b"two", b"three"), Connection()
    seen: list[int] = []
    connection.on_send = lambda message: seen.append(maker.made) if message.get("body") else None
    await connection.call(response(maker.begin))
    assert seen == [1, 2, 3]


async def test_a_failure_to_begin_is_raised_for_whoever_answers_failures() -> None:
    async def begin() -> Stream:
        raise Invalid("No.")

    connection = Connection()
    with pytest.raises(Invalid):
        await connection.call(response(begin))
    assert connection.sent == []


@pytest.mark.parametrize("error", [Invalid("No."), Unavailable("Gone."), ValueError("unforeseen")])
async def test_a_failure_of_the_first_chunk_is_raised_too(error: Exception) -> None:
    maker, connection = Maker(error), Connection()
    with pytest.raises(type(error)):
        await connection.call(response(maker.begin))
    assert connection.sent == []
    assert maker.ended


async def test_a_failure_can_be_told_in_another_apis_words() -> None:
    async def begin() -> Stream:
        raise Invalid("No.")

    connection = Connection()
    translated = response(begin).translated(describe=lambda error: PlainTextResponse(f"theirs: {error.code}", 400))
    await connection.call(translated.translated())  # and a second translation keeps the first
    assert (connection.status, connection.body) == (400, b"theirs: invalid")


async def test_a_stream_can_be_framed() -> None:
    async def shout(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        async for chunk in chunks:
            yield chunk.upper()

    maker, connection = Maker(b"one", b"two"), Connection()
    framed = response(maker.begin).translated(frame=lambda s: Stream("text/loud", s.headers, shout(s.chunks)))
    await connection.call(framed)
    assert connection.body == b"ONETWO"
    assert connection.headers["content-type"] == "text/loud"


@pytest.mark.parametrize("error", [Invalid("No."), Unavailable("Gone.")])
async def test_a_failure_in_the_middle_ends_without_an_end(error: BacklineError) -> None:
    log = io.StringIO()
    configure_logging("INFO", log)
    maker, connection = Maker(b"one", error), Connection()
    await connection.call(response(maker.begin))
    assert connection.body == b"one"
    assert not connection.complete
    assert maker.ended
    assert "web.stream_broken" in log.getvalue()


async def test_an_unforeseen_failure_in_the_middle_is_the_servers() -> None:
    maker, connection = Maker(b"one", ValueError("unforeseen")), Connection()
    with pytest.raises(ValueError, match="unforeseen"):
        await connection.call(response(maker.begin))
    assert not connection.complete
    assert maker.ended


@pytest.mark.parametrize("held", [0, 1, 2])
async def test_a_client_that_leaves_stops_the_work_wherever_it_is(held: int) -> None:
    maker, connection = Maker(b"one", b"two", b"three", held=held), Connection()
    answering = asyncio.create_task(connection.call(response(maker.begin)))
    await until(lambda: maker.made == held and maker.began)
    await asyncio.sleep(0.01)
    connection.leave()
    await asyncio.wait_for(answering, 10)  # quietly: leaving is nobody's failure
    assert maker.ended
    assert maker.made == held
    assert not connection.complete


async def test_leaving_while_it_is_begun_stops_that() -> None:
    stopped = asyncio.Event()
    began = asyncio.Event()

    async def begin() -> Stream:
        began.set()
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()
        raise AssertionError

    connection = Connection()
    answering = asyncio.create_task(connection.call(response(begin)))
    await began.wait()
    connection.leave()
    await asyncio.wait_for(answering, 10)
    assert stopped.is_set()
    assert connection.sent == []


async def test_leaving_while_it_is_sent_stops_the_maker() -> None:
    maker, connection = Maker(b"one", b"two"), Connection()

    async def never(message: Message) -> None:
        if message.get("body"):
            connection.leave()
            await asyncio.sleep(60)

    connection.on_send = never
    await asyncio.wait_for(connection.call(response(maker.begin)), 10)
    assert (maker.made, maker.ended) == (1, True)


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    maker, connection = Maker(b"one", b"two"), Connection()

    async def stuck(message: Message) -> None:
        if message.get("body"):
            await asyncio.sleep(60)

    connection.on_send = stuck
    await asyncio.wait_for(connection.call(response(maker.begin, patience_seconds=0.05)), 10)
    assert maker.ended
    assert not connection.complete


async def test_a_server_that_stops_the_task_is_obeyed() -> None:
    maker, connection = Maker(b"one", held=0), Connection()
    answering = asyncio.create_task(connection.call(response(maker.begin)))
    await until(lambda: maker.began)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert answering.cancelled()


async def test_an_answer_that_ended_leaves_no_task_behind() -> None:
    before = asyncio.all_tasks()
    for _ in range(10):
        maker, connection = Maker(b"one"), Connection()
        await connection.call(response(maker.begin))
    await asyncio.sleep(0.01)
    assert asyncio.all_tasks() == before


async def test_leaving_just_after_the_end_disturbs_nobody() -> None:
    """The task that answered goes on to other things; a late departure must not cancel those."""
    for _ in range(50):
        maker, connection = Maker(b"one"), Leaver()
        await connection.call(response(maker.begin))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert connection.complete


class Leaver(Connection):
    """Leaves with the last message."""

    async def send(self, message: Message) -> None:
        await super().send(message)
        if self.complete:
            self.leave()
