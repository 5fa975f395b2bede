"""How a caller cuts the sound into blocks must not be heard."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backline.media.encode.formats import FORMATS
from backline.media.splice import Joiner
from tests.media.signals import cut, encoded, heard, murmur

LENGTHS = st.lists(st.one_of(st.just(0), st.integers(1, 30), st.integers(100, 3000)), max_size=25)
SOUND = murmur(7013)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize("name", ["wav", "pcm", "flac", "mulaw", "mp3", "aac", "mp4"])
@given(lengths=LENGTHS)
@QUICK
def test_any_partition_gives_the_same_bytes(name: str, lengths: list[int]) -> None:
    rate_hz = FORMATS[name].default_rate_hz or 24000
    assert encoded(FORMATS[name], rate_hz, cut(SOUND, lengths))[1] == encoded(FORMATS[name], rate_hz, [SOUND])[1]


@pytest.mark.parametrize("name", ["opus", "webm"])
@given(lengths=LENGTHS)
@QUICK
def test_any_partition_gives_the_same_sound(name: str, lengths: list[int]) -> None:
    one, _ = heard(encoded(FORMATS[name], 24000, [SOUND])[1], FORMATS[name], 24000)
    many, _ = heard(encoded(FORMATS[name], 24000, cut(SOUND, lengths))[1], FORMATS[name], 24000)
    assert np.array_equal(one, many)


@given(lengths=LENGTHS, units=st.lists(st.integers(0, 400), min_size=1, max_size=6))
@QUICK
def test_any_partition_is_joined_alike(lengths: list[int], units: list[int]) -> None:
    def joined(partition: list[int]) -> np.ndarray:
        joiner = Joiner(1000, 0.05)
        made = []
        for number, length_frames in enumerate(units):
            joiner.next_unit(last=number == len(units) - 1)
            made += [joiner.push(block) for block in cut(SOUND[:length_frames], partition)]
        return np.concatenate([*made, joiner.finish()])

    assert np.array_equal(joined([]), joined(lengths))
