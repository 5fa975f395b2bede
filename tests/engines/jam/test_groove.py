from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from benchmarks.tools import music

from backline.engines.jam.base import Controls, StyleShare
from backline.engines.jam.groove import GrooveEngine, band_share
from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid
from backline.media.groove.listen import listen
from backline.media.groove.resequence import Resequencer
from backline.media.loudness import integrated_lufs
from tests.loops import LoopKind, loop

RATE_HZ = 32_000
GRID = BarGrid.of(112, 4, RATE_HZ)
STYLED = Controls(styles=(StyleShare("acid house", 0.5),), loop_share=0.5)


@pytest.fixture(scope="module")
def engine() -> GrooveEngine:
    return GrooveEngine()


def jam(
    engine: GrooveEngine, controls: Controls, bars: int = 8, kind: LoopKind = "mix", grid: BarGrid = GRID
) -> Samples:
    player = engine.begin(loop(kind, float(grid.beats_per_minute), grid.beats_per_bar, 4, grid.rate_hz), grid, 3)
    return np.concatenate([player.play(grid.length(bar), controls) for bar in range(bars)])


def of_the_loop(controls: Controls, bars: int = 8) -> Samples:
    """What the loop's own part is, at its own level."""
    musician = Resequencer(listen(loop("mix", 112, 4, 4, RATE_HZ), GRID), 3)
    knobs = {"temperature": controls.temperature, "loop_weight": controls.loop_weight}
    return np.concatenate([musician.bar(bar, topk=controls.topk, **knobs).samples for bar in range(bars)])


def heard_band_share(engine: GrooveEngine, controls: Controls) -> float:
    """Of the energy, what is not the loop's part."""
    sound, own = jam(engine, controls), of_the_loop(controls)
    rest = sound - own * float(np.vdot(sound, own) / np.vdot(own, own))
    return float(np.vdot(rest, rest) / np.vdot(sound, sound))


def test_without_styles_it_is_the_loop_alone(engine: GrooveEngine) -> None:
    assert np.allclose(jam(engine, Controls()), of_the_loop(Controls()), atol=1e-6)


@pytest.mark.slow
def test_guidance_brings_the_band_forward(engine: GrooveEngine) -> None:
    shares = [heard_band_share(engine, replace(STYLED, guidance_weight=guidance)) for guidance in (0, 0.3, 1.1, 3, 10)]
    assert shares == sorted(shares)
    assert shares[0] < 1e-6
    assert 0.15 < shares[2] < 0.5
    assert shares[4] > 0.6


@pytest.mark.slow
def test_loop_weight_brings_the_loop_forward(engine: GrooveEngine) -> None:
    shares = []
    for weight in (0.2, 1, 5):
        whole = weight + 1
        styles = (StyleShare("acid house", 1 / whole),)
        controls = Controls(styles=styles, loop_share=weight / whole, loop_weight=weight)
        shares.append(heard_band_share(engine, controls))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 2 * shares[2]


def test_the_share_of_the_band_is_what_is_heard(engine: GrooveEngine) -> None:
    assert heard_band_share(engine, STYLED) == pytest.approx(band_share(STYLED), abs=0.15)
    assert band_share(Controls(styles=STYLED.styles, loop_share=0.0)) == 1
    assert band_share(Controls()) == 0


def test_styles_and_their_weights_are_heard(engine: GrooveEngine) -> None:
    """The nearer a mixture is to a style, the more its spectrum is that style's."""
    house, ambient = StyleShare("acid house", 0.5), StyleShare("ambient", 0.5)
    mixtures = [
        (replace(house, share=house_share), replace(ambient, share=0.5 - house_share))
        for house_share in (0.5, 0.25, 0.0)
    ]
    onsets = [
        float(music.onsets(jam(engine, Controls(styles=styles, loop_share=0.5), kind="chords"), RATE_HZ).mean())
        for styles in mixtures
    ]
    assert onsets[0] > onsets[1] > onsets[2]


def test_the_tempo_and_the_harmony_are_the_loops(engine: GrooveEngine) -> None:
    sound = jam(engine, STYLED, 12)
    assert music.tempo_bpm(sound, RATE_HZ, 112) == pytest.approx(112, rel=0.005)
    own = loop("mix", 112, 4, 4, RATE_HZ)
    assert float(music.chroma(sound, RATE_HZ) @ music.chroma(own, RATE_HZ)) >= 0.95


@pytest.mark.parametrize("kind", ["drums", "chords", "mix"])
def test_it_is_about_as_loud_as_the_loop(engine: GrooveEngine, kind: LoopKind) -> None:
    sound, own = jam(engine, STYLED, kind=kind), loop(kind, 112, 4, 4, RATE_HZ)
    aim, found = integrated_lufs(own, RATE_HZ), integrated_lufs(sound, RATE_HZ)
    assert aim is not None
    assert found == pytest.approx(aim, abs=3)
    assert np.abs(sound).max() < 1.2


def test_a_silent_loop_is_played_to_as_well(engine: GrooveEngine) -> None:
    assert not jam(engine, Controls(), kind="silence").any()
    loudness = integrated_lufs(jam(engine, STYLED, kind="silence"), RATE_HZ)
    assert loudness is not None
    assert -30 < loudness < -10


def test_a_change_of_guidance_glides_over_the_bar(engine: GrooveEngine) -> None:
    """A level that stands still shows every step of a gain."""
    player = engine.begin(np.full((GRID.start(4), 2), 0.5, dtype=np.float32), GRID, 3)
    before = player.play(GRID.length(0), replace(STYLED, guidance_weight=0.0))
    after = player.play(GRID.length(1), replace(STYLED, guidance_weight=10.0))
    assert np.abs(after[:5] - before[-5:]).max() < 0.01
    assert after[-2000:].mean() < 0.3


@pytest.mark.slow
def test_memory_stays_flat(engine: GrooveEngine) -> None:
    """What is held grows by no more than some bars of sound."""
    grid = BarGrid.of(300, 4, 8000)
    player = engine.begin(loop("mix", 300, 4, 4, 8000), grid, 3)
    for bar in range(60):
        player.play(grid.length(bar), STYLED)
    tracemalloc.start()
    try:
        for bar in range(60, 120):
            player.play(grid.length(bar), STYLED)
        settled, _ = tracemalloc.get_traced_memory()
        for bar in range(120, 300):
            player.play(grid.length(bar), STYLED)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held - settled < 500_000
