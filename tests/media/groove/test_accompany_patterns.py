from __future__ import annotations

import pytest

from backline.media.groove.drums import KITS, SOUNDS
from backline.media.groove.fills import FILLS
from backline.media.groove.patterns import GROUP_OF, OPTIONAL, PATTERNS, STRENGTH, fitted, for_metre, grouping


def test_there_are_patterns_for_many_metres() -> None:
    assert len(PATTERNS) >= 50
    assert {pattern.steps for pattern in PATTERNS.values()} == {12, 16, 20, 24, 28}


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_are_well_formed(name: str) -> None:
    lanes = PATTERNS[name].lanes
    assert len({len(steps) for steps in lanes.values()}) == 1
    assert set(lanes) <= set(GROUP_OF)
    assert set("".join(lanes.values())) <= {*STRENGTH, "."}
    assert set(OPTIONAL) <= set(STRENGTH)


@pytest.mark.parametrize("beats", range(1, 17))
def test_bars_are_counted_in_twos_threes_and_fours(beats: int) -> None:
    assert sum(grouping(beats)) == beats
    assert beats == 1 or set(grouping(beats)) <= {1, 2, 3, 4}


@pytest.mark.parametrize("beats", range(1, 17))
@pytest.mark.parametrize("each", [2, 4, 8, 16])
def test_every_pattern_fits_every_bar(beats: int, each: int) -> None:
    steps = beats * each
    for name in PATTERNS:
        pattern = for_metre(name, beats)
        for bar in range(8):
            assert all(len(fitted(lane, steps, bar)) == steps for lane in pattern.lanes.values())


def test_half_a_pattern_takes_turns_with_the_other_half() -> None:
    assert [fitted("abcdefgh", 4, bar) for bar in range(3)] == ["abcd", "efgh", "abcd"]
    assert fitted("abcd", 12, 5) == "abcdabcdabcd"


def test_odd_bars_begin_each_group_anew() -> None:
    lane = "X...a...b...c..."
    assert fitted(lane, 12, 0) == "X...a...b..."
    assert fitted(lane, 20, 0) == "X...a...b..." + "X...a..."
    assert fitted(lane, 28, 3) == lane + "X...a...b..."


def test_a_backbeat_stays_off_the_downbeat_in_any_metre() -> None:
    for beats in (2, 3, 4, 5, 7, 9):
        rock = for_metre("rock", beats)
        kick, snare = (fitted(rock.lanes[lane], 4 * beats, 0) for lane in ("kick", "snare"))
        assert kick[0] == "X"
        assert snare[0] == "."
        assert "X" in snare or "x" in snare


def test_kits_have_what_patterns_and_fills_ask_for() -> None:
    lanes = {lane for pattern in PATTERNS.values() for lane in pattern.lanes} | {"tom_high", "tom_mid", "crash"}
    for kit in KITS.values():
        assert lanes <= set(kit)
        assert {drum.sound for drum in kit.values()} <= set(SOUNDS)
    assert "none" in FILLS
