"""Identifiers sort by time, never repeat, and fit wherever an identifier may stand."""

from __future__ import annotations

import re
import time

import pytest

from backline.ids import is_id, new_id


def test_their_shape() -> None:
    for _ in range(200):
        made = new_id("req")
        assert re.fullmatch(r"req_[0-9a-hjkmnp-tv-z]{26}", made)
        assert is_id(made)


def test_they_sort_by_the_time_they_were_made() -> None:
    made = []
    for _ in range(30):
        made.append(new_id("req"))
        time.sleep(0.002)  # one clock step apart; within one they sort by chance
    assert made == sorted(made)


def test_the_first_ten_characters_are_the_milliseconds(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [0, 1, 31, 32, 1_700_000_000_000, 2**48 - 1]
    made = []
    for moment in moments:
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment * 1_000_000 + 999_999)
        made.append(new_id("x")[2:12])
    assert made == sorted(made)
    assert made[:4] == ["0000000000", "0000000001", "000000000z", "0000000010"]
    assert made[-1] == "7zzzzzzzzz"


def test_they_never_repeat() -> None:
    assert len({new_id("x") for _ in range(20_000)}) == 20_000


@pytest.mark.parametrize("good", ["a", "req_01", "A-b_9", "x" * 64])
def test_what_is_an_id(good: str) -> None:
    assert is_id(good)


@pytest.mark.parametrize("bad", ["", "x" * 65, "a b", "a/b", "../a", "a\n", "é", "a.b", "a:b", "٣"])
def test_what_is_none(bad: str) -> None:
    assert not is_id(bad)
