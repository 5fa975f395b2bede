"""Blocks that are far ahead of their listener travel together; those that may be needed soon go at once."""

from __future__ import annotations

import numpy as np

from backline.compute.pool_worker import Call, joined
from backline.engines.speech.base import SpeechBlock, SpeechState, Tokens, Word
from backline.media.audio import mono
from tests.fakes.engines import FakeEngine


def new_call() -> Call:
    return Call(1, FakeEngine(), SpeechState("fake"), iter(()), 0.0, began=100.0)


def sent_after(call: Call, block_seconds: float, blocks: int, *, now: float = 100.0) -> list[int]:
    """How many blocks were put together each time."""
    sent = []
    for _ in range(blocks):
        call.gather(SpeechBlock(mono([0.1])), block_seconds)
        if call.is_due(now):
            sent.append(len(call.gathered))
            call.gathered, call.gathered_seconds = [], 0.0
    return sent


def test_the_first_blocks_go_at_once_and_later_ones_in_half_seconds() -> None:
    assert sent_after(new_call(), 0.125, 12) == [1, 1, 1, 1, 4, 4]


def test_an_engine_no_faster_than_its_listener_sends_each_block_at_once() -> None:
    assert sent_after(new_call(), 0.125, 12, now=102.0) == [1] * 12


def test_what_is_delivered_counts_what_is_gathered() -> None:
    far = new_call()
    sent_after(far, 0.25, 5)
    assert far.gathered
    assert far.delivered_seconds == 1.25


def test_joined_blocks_keep_their_sound_words_and_tokens() -> None:
    words = (Word(0.0, 0.1, 0, 1), Word(0.1, 0.2, 2, 3))
    blocks = [
        SpeechBlock(mono([0.1, 0.2]), words[:1], Tokens(3, 4)),
        SpeechBlock(mono([]), words[1:]),
        SpeechBlock(mono([0.3]), (), Tokens(0, 5)),
    ]
    one = joined(blocks)
    np.testing.assert_array_equal(one.samples, mono([0.1, 0.2, 0.3]))
    assert one.words == words
    assert one.tokens == Tokens(3, 9)
    assert joined(blocks[1:2]) is blocks[1]
    assert joined([blocks[1], SpeechBlock(mono([0.3]))]).tokens is None
