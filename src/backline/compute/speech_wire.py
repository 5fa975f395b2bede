"""One unit of speech between two machines: the order goes one way as JSON, sound and marks come back as they are made.

The answer is a row of frames (`wire`): kind, a number that is 0 here, the lengths of the JSON part and of the sample
part, then the two; samples are float32, mono, little-endian. How the bytes are cut on their way means nothing.

    TURN   an instance is free and begins
    ALIVE  nothing new; after each few seconds without another frame
    BLOCK  sound, and the words and tokens in it
    DONE   the end; {"data": what the engine left in the state}
    ERROR  the end; a BacklineError as data
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from backline.compute.wire import Frame, FrameReader, pack, pack_block, unpack_block
from backline.engines.speech.base import SpeechBlock, SpeechParams, SpeechState
from backline.errors import BacklineError, Failed, Invalid, Unavailable, from_data
from backline.observability.logging import get_logger

ALIVE_SECONDS = 5.0
"""After so long without news the other side is told that there is still somebody here."""

SILENCE_SECONDS = 3 * ALIVE_SECONDS
"""A stream without any frame for so long is lost."""

ELSEWHERE = frozenset({"gpu_fault", "draining"})
"""Codes of errors that are about one machine: the same unit can be asked for again, if nothing of it was heard."""

MAX_ORDER_BYTES = 8_000_000
"""Of an order as JSON: a text of some thousand characters, and whatever the engine keeps in its state."""

_MAX_TEXT_CHARACTERS = 100_000


def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True)
class SpeechOrder:
    """What `SpeechHost.stream` is asked, and of which engine. order: who goes first there; the smallest does."""

    engine: str
    text: str
    state: SpeechState
    params: SpeechParams
    order: float = 0.0


def order_as_data(order: SpeechOrder) -> dict[str, Any]:
    """JSON values. A text may hold half of a surrogate pair, which `json` writes as it is and others refuse."""
    return asdict(order)


def order_from_data(data: object) -> SpeechOrder:
    """Raises Invalid `bad_order`."""
    try:
        order = _order(data)
    except (TypeError, KeyError, ValueError):
        raise Invalid("This is no order for speech.", code="bad_order") from None
    if len(order.text) > _MAX_TEXT_CHARACTERS:
        raise Invalid("The text is too long for one unit of speech.", code="bad_order")
    return order


class Speaks(Protocol):
    """What of a `SpeechHost` is needed to serve."""

    def stream(
        self, text: str, state: SpeechState, params: SpeechParams, order: float, on_turn: Callable[[], None]
    ) -> AsyncGenerator[Sequence[SpeechBlock], None]: ...


async def serve(host: Speaks, order: SpeechOrder) -> AsyncGenerator[bytes, None]:
    """Speak, as chunks of whole frames. Raises nothing: what goes wrong is the last frame. Closing the generator stops
    the engine, and it makes no more than its host keeps for a slow reader."""
    frames: asyncio.Queue[bytes] = asyncio.Queue(maxsize=2)  # a chunk, beside the turn that comes before the first
    speaking = asyncio.create_task(_speak(host, order, frames))
    try:
        while True:
            try:
                async with asyncio.timeout(ALIVE_SECONDS):
                    chunk = await frames.get()
            except TimeoutError:
                chunk = pack(Frame.ALIVE, 0)
            if not chunk:
                return
            yield chunk
    finally:
        speaking.cancel()
        await asyncio.wait((speaking,))


async def blocks_of(
    chunks: AsyncIterable[bytes], state: SpeechState, on_turn: Callable[[], None] = _nothing
) -> AsyncGenerator[Sequence[SpeechBlock], None]:
    """What `serve` was asked for: the blocks of each chunk together. Afterwards `state.data` is what the engine left.

    Raises what the host raised, after what it made before; Unavailable `worker_rubbish` for bytes that are no frames,
    and `worker_lost` where the end is missing.
    """
    frames = FrameReader()
    async for chunk in chunks:
        blocks: list[SpeechBlock] = []
        failure: BacklineError | None = None
        done = False
        try:
            for kind, text, samples in frames.push(chunk):
                if kind is Frame.BLOCK:
                    blocks.append(_checked(unpack_block(text, samples)))
                elif kind is Frame.TURN:
                    on_turn()
                elif kind is Frame.DONE:
                    state.data, done = _object(_object(json.loads(text))["data"]), True
                elif kind is Frame.ERROR:
                    failure = from_data(_object(json.loads(text)))
                elif kind is not Frame.ALIVE:
                    failure = rubbish()
                if done or failure:
                    break
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            failure = rubbish()
        if blocks:
            yield blocks
        if failure is not None:
            raise failure
        if done:
            with suppress(BacklineError):  # its end is read too, so that whatever carried it was not broken off
                async for _ in chunks:
                    pass
            return
    raise lost()


async def with_second_try(
    attempt: Callable[[], AsyncGenerator[Sequence[SpeechBlock], None]], worth: Callable[[BacklineError], bool]
) -> AsyncGenerator[Sequence[SpeechBlock], None]:
    """What the attempt gives. If it fails before the first block, for a reason that makes it worth while, another one
    is made, and no third."""
    for last in (False, True):
        heard = False
        try:
            async with aclosing(attempt()) as made:
                async for blocks in made:
                    heard = True
                    yield blocks
            return
        except BacklineError as error:
            if last or heard or not worth(error):
                raise


def lost() -> Unavailable:
    return Unavailable("The machine that speaks was lost. Try again.", code="worker_lost")


def rubbish() -> Unavailable:
    return Unavailable("The machine that speaks answered with something else than speech.", code="worker_rubbish")


async def _speak(host: Speaks, order: SpeechOrder, frames: asyncio.Queue[bytes]) -> None:
    """An empty chunk is the end."""
    try:
        made = host.stream(
            order.text, order.state, order.params, order.order, lambda: frames.put_nowait(pack(Frame.TURN, 0))
        )
        async with aclosing(made):
            async for blocks in made:
                await frames.put(b"".join([pack_block(0, block) for block in blocks]))
        last = pack(Frame.DONE, 0, {"data": order.state.data})
    except BacklineError as error:
        last = pack(Frame.ERROR, 0, error.as_data())
    except Exception as error:  # noqa: BLE001 - whatever it is, whoever listens must be told
        get_logger().error("compute.speech_failed", engine=order.engine, exc_info=error)
        failure = Failed("The engine failed. Try again.", code="engine_failed", retryable=True)
        last = pack(Frame.ERROR, 0, failure.as_data())
    await frames.put(last)
    await frames.put(b"")


def _order(data: object) -> SpeechOrder:
    sent = _object(data)
    state, params = _object(sent["state"]), _object(sent["params"])
    speed, order = float(params["speed"]), float(sent["order"])
    if not (math.isfinite(speed) and math.isfinite(order) and speed > 0):
        raise ValueError
    emotion = params.get("emotion")
    return SpeechOrder(
        _text(sent["engine"]),
        _text(sent["text"]),
        SpeechState(_text(state["voice"]), _object(state["data"])),
        SpeechParams(_text(params["language"]), speed, None if emotion is None else _text(emotion)),
        order,
    )


def _checked(block: SpeechBlock) -> SpeechBlock:
    for word in block.words:
        if not all(math.isfinite(value) for value in (word.start_s, word.end_s)):  # raises TypeError for no number
            raise ValueError
        if not all(isinstance(value, int) for value in (word.source_start, word.source_end)):
            raise TypeError
    return block


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError
    return dict(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value
