"""What is told of a render: often enough, not too often, and a time left that comes true."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from backline.engines.video.progress import Progress

STEP_SECONDS = 0.05


class Render:
    """One whose pace is known. paces: frames a second of each part; it has as many frames as they say."""

    def __init__(self, paces: list[tuple[int, float]], done_before: int = 0) -> None:
        self.now = 1000.0
        self.told: list[tuple[float, dict[str, Any]]] = []
        total = sum(frames for frames, _ in paces)
        progress = Progress(lambda **values: self.told.append((self.now, values)), total, lambda: self.now)
        progress.found(done_before)
        frames = 0.0
        for count, pace in paces:
            end = frames + count
            while frames < end:
                if frames >= done_before:
                    progress.frames(int(frames))
                    self.now += STEP_SECONDS
                frames = frames + pace * STEP_SECONDS if frames >= done_before else float(done_before)
        self.end = self.now
        progress.frames(total)
        progress.finalizing()

    def errors(self, from_share: float) -> list[float]:
        """Of the time that was said to be left, as a share of the time that was."""
        return [
            abs(values["seconds_left"] - (self.end - when)) / (self.end - when)
            for when, values in self.told
            if from_share <= values["progress"] < 0.97
        ]


@pytest.mark.parametrize("pace", [0.7, 11.0, 37.0, 240.0])
def test_the_time_left_comes_true(pace: float) -> None:
    render = Render([(int(pace * 120), pace)])
    assert len(render.errors(0.1)) > 30
    assert max(render.errors(0.1)) <= 0.2


def test_a_slow_beginning_is_not_believed_for_long() -> None:
    render = Render([(60, 15.0), (3000, 30.0)])
    assert max(render.errors(0.1)) <= 0.2


def test_what_was_there_before_took_no_time() -> None:
    render = Render([(3000, 25.0)], done_before=2000)
    assert render.told[0][1]["frames"] == 2000
    assert max(render.errors(0.75)) <= 0.2


def test_a_slow_render_tells_that_it_lives_and_a_fast_one_is_not_noisy() -> None:
    for pace in (0.05, 500.0):
        render = Render([(max(int(pace * 60), 2), pace)])
        times = [when for when, _ in render.told]
        gaps = [b - a for a, b in pairwise(times)]
        assert max(gaps) <= 2.0 + 2 * STEP_SECONDS
        assert min(gaps[:-1]) >= 0.2 - 1e-6


def test_progress_never_goes_back() -> None:
    render = Render([(100, 10.0), (100, 3.0)])
    shares = [values["progress"] for _, values in render.told]
    assert shares == sorted(shares)
    assert render.told[-1][1] == {
        "progress": 1.0,
        "frames": 200,
        "frames_total": 200,
        "phase": "finalizing",
        "seconds_left": 0.0,
    }
