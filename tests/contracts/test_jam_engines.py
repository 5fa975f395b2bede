"""What every jam engine of the catalogue keeps (backline/engines/jam/base.py)."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest

from backline.engines.catalog import CATALOG, EngineEntry, EngineKind
from backline.engines.jam.base import Controls, JamEngine, JamPlayer, StyleShare
from backline.media.audio import Samples, silence
from backline.media.groove.bars import BarGrid
from tests.loops import loop

JAM = [entry for entry in CATALOG if entry.kind is EngineKind.JAM]
EMBEDDED = [entry for entry in JAM if not entry.requires]
"""Others need weights, which no test can fetch: theirs try them on a stand-in of the model."""

STYLED = Controls(styles=(StyleShare("acid house", 0.3), StyleShare("zither core", 0.2)), loop_share=0.5)
ODD_SESSIONS = {
    "slow, and sixteen beats a bar": (20.0, 16, 8000),
    "fast, and one beat a bar": (300.0, 1, 44_100),
    "an odd rate": (93.7, 4, 11_111),
    "the highest rate": (174.02, 7, 192_000),
}
ODD_LOOPS = {
    "a frame": np.ones((1, 2), dtype=np.float32),
    "fifty milliseconds": loop("drums", 120)[:2400],
    "a second of silence": silence(48_000, 2),
    "no whole number of beats": loop("mix", 120)[:158_111],
    "a hum": np.full((96_000, 2), 0.5, dtype=np.float32),
    "noise": np.random.default_rng(1).uniform(-1, 1, (96_000, 2)).astype(np.float32),
}


@pytest.fixture(scope="module", params=EMBEDDED, ids=lambda entry: entry.name)
def engine(request: pytest.FixtureRequest) -> Iterator[JamEngine]:
    entry: EngineEntry = request.param
    made: JamEngine = entry.load()
    yield made
    made.close()


def grid_of(engine: JamEngine, bpm: float = 120.0, beats_per_bar: int = 4, rate_hz: int = 48_000) -> BarGrid:
    return BarGrid.of(bpm, beats_per_bar, engine.capabilities().rate_hz or rate_hz)


def begun(engine: JamEngine, grid: BarGrid, seed: int = 1, heard: Samples | None = None) -> JamPlayer:
    material = loop("mix", float(grid.beats_per_minute), grid.beats_per_bar, 2, grid.rate_hz)
    return engine.begin(material if heard is None else heard, grid, seed)


def bars(player: JamPlayer, grid: BarGrid, count: int, controls: Controls = STYLED, first: int = 0) -> Samples:
    return np.concatenate([player.play(grid.length(bar), controls) for bar in range(first, first + count)])


def test_one_engine_plays_by_default_and_needs_nothing_more() -> None:
    default = next(entry for entry in JAM if entry.default)
    assert default.installed
    assert not default.requires


def test_what_it_is_is_told(engine: JamEngine) -> None:
    told = engine.capabilities()
    assert told == engine.capabilities()
    assert told.model_version
    assert told.rate_hz is None or 8000 <= told.rate_hz <= 192_000


def test_a_piece_is_as_long_as_it_was_asked_for(engine: JamEngine) -> None:
    player = begun(engine, grid_of(engine))
    for frames in (1, 47, 100_000, 3):
        piece = player.play(frames, STYLED)
        assert piece.shape == (frames, 2)
        assert piece.dtype == np.float32


def test_how_it_is_cut_changes_no_sample(engine: JamEngine) -> None:
    grid = grid_of(engine, 93.7)
    whole = bars(begun(engine, grid), grid, 6)
    other = begun(engine, grid)
    edges = [0, 1, 5000, grid.start(2), grid.start(2) + 7, grid.start(6)]
    cut = np.concatenate([other.play(end - start, STYLED) for start, end in pairwise(edges)])
    assert np.array_equal(whole, cut)


def test_a_seed_plays_the_same_again(engine: JamEngine) -> None:
    grid = grid_of(engine)
    assert np.array_equal(bars(begun(engine, grid, 5), grid, 3), bars(begun(engine, grid, 5), grid, 3))
    assert begun(engine, grid, 2**63 - 1).play(1000, STYLED).shape == (1000, 2)


@pytest.mark.slow
@pytest.mark.parametrize("session", ODD_SESSIONS)
def test_any_session_can_be_played(engine: JamEngine, session: str) -> None:
    grid = grid_of(engine, *ODD_SESSIONS[session])
    player = begun(engine, grid)
    sound = bars(player, grid, 3)
    assert len(sound) == grid.start(3)
    assert np.isfinite(sound).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ODD_LOOPS)
@pytest.mark.parametrize("controls", [Controls(), STYLED], ids=["loop alone", "styles"])
def test_any_loop_can_be_played(engine: JamEngine, name: str, controls: Controls) -> None:
    grid = grid_of(engine)
    sound = bars(begun(engine, grid, heard=ODD_LOOPS[name]), grid, 3, controls)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 20


@pytest.mark.slow
@pytest.mark.parametrize(
    "controls",
    [
        Controls(temperature=0, topk=1, loop_weight=0, guidance_weight=0),
        Controls(temperature=4, topk=1024, loop_weight=10, guidance_weight=10),
        Controls(styles=tuple(StyleShare(f"style {n}", 1 / 16) for n in range(16)), loop_share=0.0),
        Controls(styles=(StyleShare("", 0.5),), loop_share=0.5),
        Controls(styles=(StyleShare("ü" * 200, 0.999),), loop_share=0.001),
    ],
    ids=["all low", "all high", "styles alone", "no words", "odd words"],
)
def test_the_ends_of_all_ranges_can_be_played(engine: JamEngine, controls: Controls) -> None:
    grid = grid_of(engine)
    player = begun(engine, grid)
    sound = np.concatenate([bars(player, grid, 2, controls), bars(player, grid, 2, STYLED, first=2)])
    assert np.isfinite(sound).all()


def test_it_goes_on_from_another_loop_and_with_kept_bars(engine: JamEngine) -> None:
    grid = grid_of(engine)
    player = begun(engine, grid)
    player.splice(loop("bass", 120, rate_hz=grid.rate_hz), 2.0)
    first = bars(player, grid, 2)
    player.reseed(loop("drums", 120, rate_hz=grid.rate_hz))
    second = bars(player, grid, 2, first=2)
    player.splice(silence(10, 2), 100.0)
    third = bars(player, grid, 2, first=4)
    plain = bars(begun(engine, grid), grid, 4)
    assert not np.array_equal(np.concatenate([first, second]), plain)
    assert np.isfinite(np.concatenate([first, second, third])).all()


def test_players_of_many_threads_do_not_disturb_each_other(engine: JamEngine) -> None:
    grid = grid_of(engine)
    alone = [bars(begun(engine, grid, seed), grid, 3) for seed in range(3)]
    together: dict[int, Samples] = {}

    def play(seed: int) -> None:
        together[seed] = bars(begun(engine, grid, seed), grid, 3)

    threads = [threading.Thread(target=play, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(alone[seed], together[seed]) for seed in range(3))


def test_what_was_played_is_not_changed_later(engine: JamEngine) -> None:
    grid = grid_of(engine)
    player = begun(engine, grid)
    first = player.play(grid.length(0), STYLED)
    kept = first.copy()
    bars(player, grid, 3, first=1)
    assert np.array_equal(first, kept)
