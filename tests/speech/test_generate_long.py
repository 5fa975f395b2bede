"""Books: every sentence in its place, nothing held in memory, and nothing left of thousands of requests."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterator
from contextlib import AbstractContextManager, aclosing
from itertools import chain, cycle, islice
from pathlib import Path

import httpx
import numpy as np
import pytest

from backline.compute.runner import Runner
from backline.engines.speech.base import SpeechParams
from backline.engines.speech.tone import ToneEngine
from backline.media.audio import Samples, to_pcm16
from backline.media.splice import splice
from backline.speech.text.language import detect_language
from backline.speech.text.sentences import cut
from tests.conftest import Running, RunServer
from tests.fakes.engines import TrivialEngine, entry
from tests.speech.hearing import GENERATE, OVERLAP_FRAMES, Never

BOOK = " ".join(islice(cycle(["It was a dark night.", "Who knew?", "Nobody, I fear, ever did!", "Ah well."]), 3225))[
    :50_000
]
CHAPTER = BOOK[:4_000]
MEBIBYTE = 1 << 20


def memory_bytes() -> int:
    """Resident, of this process, in which the server runs too."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def expected_pcm(text: str) -> Iterator[bytes]:
    """The whole as 16-bit PCM, sentence by sentence, with no more than two of them in memory."""
    engine = ToneEngine()
    state = engine.open("tone-low")
    before: Samples | None = None
    for start, end in cut(text):
        blocks = engine.synthesize(text[start:end], state, SpeechParams("en"), Never())
        unit = np.concatenate([block.samples for block in blocks])
        if before is not None:
            unit = splice(before, unit, OVERLAP_FRAMES)
        yield to_pcm16(unit[:-OVERLAP_FRAMES]).tobytes()
        before = unit[-OVERLAP_FRAMES:]
    assert before is not None
    yield to_pcm16(before).tobytes()


def compare(pieces: Iterator[bytes], expected: Iterator[bytes]) -> int:
    """How many bytes were equal, both ways to the end; fails at the first that is not."""
    waiting, total = bytearray(), 0
    for part in expected:
        while len(waiting) < len(part):
            piece = next(pieces, b"")
            assert piece, f"it ended after {total + len(waiting)} bytes"
            waiting += piece
        assert waiting.startswith(part), f"it differs between bytes {total} and {total + len(part)}"
        del waiting[: len(part)]
        total += len(part)
    assert not waiting
    assert next(pieces, None) is None
    return total


class Watch:
    """Passes on what it is given, and remembers how much memory was used at most meanwhile."""

    def __init__(self) -> None:
        self._before_bytes = memory_bytes()
        self._most_bytes = self._before_bytes

    def over(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self._most_bytes = max(self._most_bytes, memory_bytes())
            yield piece

    @property
    def growth_bytes(self) -> int:
        return self._most_bytes - self._before_bytes


def ask(client: httpx.Client, text: str, **more: object) -> AbstractContextManager[httpx.Response]:
    return client.stream("POST", GENERATE, json={"text": text, "voice": "tone-low", "normalize": False, **more})


@pytest.mark.slow
def test_a_chapter_is_streamed_exactly(client: httpx.Client) -> None:
    with ask(client, CHAPTER, format="pcm", stream=True) as response:
        assert compare(response.iter_raw(), expected_pcm(CHAPTER)) > 10 * MEBIBYTE


def test_a_chapter_answered_whole_is_the_same(client: httpx.Client) -> None:
    """It is beyond what is kept in memory."""
    with ask(client, CHAPTER, format="wav") as response:
        pieces = response.iter_raw(1 << 16)
        first = next(pieces)
        assert struct.unpack_from("<I", first, 40) == (int(response.headers["content-length"]) - 44,)
        compare(chain([first[44:]], pieces), expected_pcm(CHAPTER))


@pytest.mark.slow
def test_a_book_is_streamed_exactly_and_never_held_in_memory(client: httpx.Client) -> None:
    watch = Watch()
    with ask(client, BOOK, format="pcm", stream=True) as response:
        total = compare(watch.over(response.iter_raw()), expected_pcm(BOOK))
    assert total > 150 * MEBIBYTE
    assert watch.growth_bytes < 50 * MEBIBYTE


@pytest.mark.slow
def test_a_book_answered_whole_is_not_held_in_memory_either(client: httpx.Client) -> None:
    watch = Watch()
    with ask(client, BOOK, format="wav") as response:
        total = sum(len(piece) for piece in watch.over(response.iter_raw(1 << 16)))
        assert total == int(response.headers["content-length"]) > 150 * MEBIBYTE
    assert watch.growth_bytes < 50 * MEBIBYTE


@pytest.mark.slow
@pytest.mark.parametrize("sentence", ["It was a dark and stormy night.", "అది ఒక చీకటి రాత్రి."])
def test_a_book_by_espeak_has_all_its_sentences(client: httpx.Client, sentence: str) -> None:
    """Its samples differ a little from time to time, so the length is compared."""
    count = 50_000 // (len(sentence) + 1)
    text = " ".join([sentence] * count)
    with ask(client, text, voice="male-1", format="wav", stream=True) as response:
        frames = (sum(len(piece) for piece in response.iter_raw()) - 44) / 2
    overlap_frames = round(0.05 * 22_050)
    one = asyncio.run(_frames_by_espeak(sentence))
    assert frames == pytest.approx(count * one - (count - 1) * overlap_frames, rel=0.005)


async def _frames_by_espeak(sentence: str) -> float:
    """Mean length of one sentence, by the engine alone."""
    runner = Runner(1)
    await runner.start()
    try:
        host = runner.speech("espeak")
        language = detect_language(sentence)
        frames = 0
        for _ in range(20):
            state = await host.open("male-1")
            async with aclosing(host.stream(sentence, state, SpeechParams(language), 0.0)) as made:
                async for blocks in made:
                    frames += sum(len(block.samples) for block in blocks)
        return frames / 20
    finally:
        await runner.close()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pcm", "opus"])
def test_memory_is_flat_over_many_requests(run_server: RunServer, name: str) -> None:
    """A peer grew by 24 MB with every request."""
    server: Running = run_server((entry(TrivialEngine, default=True),))
    with server.client() as client:

        def ask_often(count: int) -> None:
            for number in range(count):
                response = client.post(GENERATE, json={"text": "Hello.", "format": name, "stream": number % 2 == 0})
                assert response.status_code == 200

        ask_often(1200)  # the records of the last 1,000 fill up meanwhile
        before = memory_bytes()
        ask_often(800)
    assert memory_bytes() - before < 6 * MEBIBYTE
