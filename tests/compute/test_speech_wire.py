"""Speech as bytes: however they are cut, whatever is missing, and what is no speech at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.compute import speech_wire
from backline.compute.speech_wire import (
    SpeechOrder,
    blocks_of,
    order_as_data,
    order_from_data,
    serve,
    with_second_try,
)
from backline.compute.wire import HEADER, Frame, pack, pack_block
from backline.engines.speech.base import SpeechBlock, SpeechParams, SpeechState, Tokens, Word
from backline.errors import BacklineError, Busy, Failed, Invalid, Unavailable
from backline.media.audio import mono

ORDER = SpeechOrder("fake", "hello", SpeechState("voice", {"seed": 1}), SpeechParams("en", 1.5, "whisper"), 2.5)
BLOCKS = (
    SpeechBlock(mono([0.1, -0.5, 0.25])),
    SpeechBlock(mono([]), (Word(0.0, 0.5, 0, 2), Word(0.5, 1, 3, 5)), Tokens(3, 9)),
    SpeechBlock(mono(np.linspace(-1, 1, 500))),
)
WHOLE = b"".join(
    [
        pack(Frame.TURN, 0),
        *(pack_block(0, block) for block in BLOCKS),
        pack(Frame.DONE, 0, {"data": {"kept": [1, "x"]}}),
    ]
)


class Scripted:
    """Speaks what it was told; raises at the end what it was told to."""

    def __init__(self, *units: Sequence[SpeechBlock], error: Exception | None = None, wait: bool = False) -> None:
        self.closed = False
        self._units = units
        self._error = error
        self._wait = wait

    async def stream(
        self, text: str, state: SpeechState, params: SpeechParams, order: float, on_turn: Callable[[], None]
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]:
        try:
            on_turn()
            for blocks in self._units:
                yield blocks
            if self._wait:
                await asyncio.sleep(3600)
            state.data["kept"] = text
            if self._error is not None:
                raise self._error
        finally:
            self.closed = True


async def cut(data: bytes, *lengths: int) -> AsyncIterator[bytes]:
    """In pieces of these lengths, and then the rest."""
    at = 0
    for length in lengths:
        yield data[at : at + length]
        at += length
    yield data[at:]


async def read(chunks: AsyncIterator[bytes]) -> tuple[list[SpeechBlock], dict[str, Any], int]:
    """Blocks, what is left in the state, and how many turns were told."""
    state, turns = SpeechState("voice"), list[None]()
    blocks = [block async for some in blocks_of(chunks, state, lambda: turns.append(None)) for block in some]
    return blocks, state.data, len(turns)


async def gather(made: AsyncIterator[Sequence[SpeechBlock]], blocks: list[SpeechBlock]) -> None:
    async for some in made:
        blocks += some


def same(one: Sequence[SpeechBlock], other: Sequence[SpeechBlock]) -> None:
    assert [(block.words, block.tokens) for block in one] == [(block.words, block.tokens) for block in other]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.samples, b.samples)


@given(st.lists(st.integers(0, 2500), max_size=12))
def test_however_the_bytes_are_cut_the_blocks_are_the_same(lengths: list[int]) -> None:
    blocks, data, turns = asyncio.run(read(cut(WHOLE, *lengths)))
    same(blocks, BLOCKS)
    assert (data, turns) == ({"kept": [1, "x"]}, 1)


async def test_what_carried_the_bytes_is_let_come_to_its_end() -> None:
    """A call, or a connection, that is left before its end is one that was broken off."""
    ended = False

    async def call() -> AsyncIterator[bytes]:
        nonlocal ended
        yield WHOLE
        await asyncio.sleep(0.01)
        ended = True

    await read(call())
    assert ended


@given(st.integers(0, len(WHOLE) - 1))
def test_an_end_that_is_missing_is_said_after_what_came(length: int) -> None:
    with pytest.raises(Unavailable) as lost:
        asyncio.run(read(cut(WHOLE[:length])))
    assert lost.value.code == "worker_lost"


@given(st.binary(min_size=1, max_size=200))
def test_bytes_that_are_no_frames_are_an_error_and_nothing_else(data: bytes) -> None:
    with pytest.raises(BacklineError) as failed:
        asyncio.run(read(cut(data)))
    assert failed.value.code in ("worker_rubbish", "worker_lost")


RUBBISH = {
    "a web page": b"<html><body>Bad gateway</body></html>",
    "a frame of no kind": HEADER.pack(99, 0, 0, 0),
    "a frame for the other end": pack(Frame.READY, 0, {}),
    "a frame that is too long": HEADER.pack(Frame.BLOCK, 0, 0, 2**31),
    "half a sample": pack(Frame.BLOCK, 0, None, b"abc"),
    "marks that are no object": HEADER.pack(Frame.BLOCK, 0, 2, 0) + b"[]",
    "marks that are no JSON": HEADER.pack(Frame.BLOCK, 0, 2, 0) + b"{x",
    "a word of texts": pack(Frame.BLOCK, 0, {"words": [["0", "1", "2", "3"]]}),
    "a word without end": pack(Frame.BLOCK, 0, {"words": [[0, float("inf"), 2, 3]]}),
    "a word that is too short": pack(Frame.BLOCK, 0, {"words": [[0, 1]]}),
    "an end without a state": pack(Frame.DONE, 0, {}),
    "an end with a list": pack(Frame.DONE, 0, {"data": [1]}),
    "an error that is a text": pack(Frame.ERROR, 0, "failed"),
    "brackets without end": HEADER.pack(Frame.DONE, 0, 100_000, 0) + b"[" * 100_000,
}


@pytest.mark.parametrize("rubbish", RUBBISH.values(), ids=RUBBISH)
async def test_rubbish_is_told_from_speech_and_what_came_before_is_kept(rubbish: bytes) -> None:
    blocks: list[SpeechBlock] = []
    with pytest.raises(Unavailable) as failed:
        await gather(blocks_of(cut(pack_block(0, BLOCKS[0]) + rubbish), SpeechState("voice")), blocks)
    assert failed.value.code == "worker_rubbish"
    same(blocks, BLOCKS[:1])


async def test_what_is_served_is_what_was_made() -> None:
    host = Scripted(BLOCKS[:2], BLOCKS[2:])
    blocks, data, turns = await read(serve(host, order_from_data(json.loads(json.dumps(order_as_data(ORDER))))))
    same(blocks, BLOCKS)
    assert (data, turns) == ({"seed": 1, "kept": "hello"}, 1)


@pytest.mark.parametrize(
    ("raised", "kind", "code", "retryable"),
    [
        (Busy("Too much.", code="too_much"), Busy, "too_much", True),
        (Invalid("No.", code="no_such"), Invalid, "no_such", False),
        (ValueError("quotes the text: hello"), Failed, "engine_failed", True),
    ],
)
async def test_an_error_comes_after_what_was_made_and_with_its_name(
    raised: Exception, kind: type[BacklineError], code: str, retryable: bool
) -> None:
    blocks: list[SpeechBlock] = []
    with pytest.raises(kind) as failed:
        await gather(blocks_of(serve(Scripted(BLOCKS, error=raised), ORDER), SpeechState("voice")), blocks)
    same(blocks, BLOCKS)
    assert (failed.value.code, failed.value.retryable) == (code, retryable)
    assert "hello" not in failed.value.detail


async def test_closing_what_is_served_closes_the_engine() -> None:
    host = Scripted(BLOCKS, wait=True)
    async with aclosing(serve(host, ORDER)) as chunks:
        await anext(chunks)
        await anext(chunks)
        assert not host.closed
    assert host.closed


async def test_a_slow_engine_is_known_to_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech_wire, "ALIVE_SECONDS", 0.02)
    async with aclosing(serve(Scripted(wait=True), ORDER)) as chunks:
        kinds = [HEADER.unpack(await anext(chunks))[0] for _ in range(3)]
    assert kinds == [Frame.TURN, Frame.ALIVE, Frame.ALIVE]


async def test_a_host_makes_no_more_than_is_read() -> None:
    made: list[int] = []

    class Endless(Scripted):
        async def stream(self, *_: Any) -> AsyncGenerator[Sequence[SpeechBlock], None]:
            while True:
                made.append(len(made))
                yield BLOCKS

    async with aclosing(serve(Endless(), ORDER)) as chunks:
        await anext(chunks)
        await asyncio.sleep(0.05)
        assert len(made) <= 5


BAD_ORDERS: dict[str, Any] = {
    "nothing": None,
    "a list": [],
    "no text": {"text": None},
    "a number for a text": {"text": 5},
    "no state": {"state": None},
    "a state of a list": {"state": {"voice": "x", "data": []}},
    "no language": {"params": {"language": None, "speed": 1.0}},
    "an endless speed": {"params": {"language": "en", "speed": float("inf")}},
    "no speed at all": {"params": {"language": "en", "speed": 0}},
    "a long text": {"text": "x" * 100_001},
    "an order that is none": {"order": "soon"},
}


@pytest.mark.parametrize("change", BAD_ORDERS.values(), ids=BAD_ORDERS)
def test_an_order_that_makes_no_sense_is_refused(change: Any) -> None:
    data = {**order_as_data(ORDER), **change} if isinstance(change, dict) else change
    with pytest.raises(Invalid) as refused:
        order_from_data(data)
    assert refused.value.code == "bad_order"


@pytest.mark.parametrize(
    ("heard", "code", "attempts"),
    [(False, "gpu_fault", 2), (True, "gpu_fault", 1), (False, "engine_failed", 1)],
)
async def test_another_attempt_is_made_once_and_only_where_nothing_was_heard(
    heard: bool, code: str, attempts: int
) -> None:
    made: list[None] = []

    async def attempt() -> AsyncGenerator[Sequence[SpeechBlock], None]:
        made.append(None)
        if heard:
            yield BLOCKS
        raise Unavailable("It failed.", code=code)

    with pytest.raises(Unavailable) as failed:
        await gather(with_second_try(attempt, lambda error: error.code in speech_wire.ELSEWHERE), [])
    assert (failed.value.code, len(made)) == (code, attempts)
