"""The adapter on a stand-in that has the interface of the package (2.0.3): the weights are not to be had here."""

from __future__ import annotations

import sys
import threading
import types
import zlib
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from backline.engines.catalog import Isolation, find
from backline.engines.jam.base import Controls, StyleShare
from backline.engines.jam.loops import Loop
from backline.engines.jam.magenta import FRAME_FRAMES, RATE_HZ, STYLE_KEY, MagentaEngine, guidance_scale
from backline.engines.jam.source import BarSource
from backline.errors import Unavailable
from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid
from backline.media.groove.pulse import first_beat
from tests.loops import loop

GRID = BarGrid.of(120, 4, RATE_HZ)
LOOP = loop("mix", 120, bars=2, rate_hz=RATE_HZ)
OWN_BPM = 122.4  # what the stand-in plays at: the model is told no tempo


@dataclass(frozen=True)
class Sound:
    samples: Samples
    sample_rate: int


@dataclass
class State:
    """Used up by the call it is given to, as the package's is."""

    frame: int
    used: bool = False


@dataclass
class Model:
    """Drums at a tempo of its own, with a hum whose level the style decides."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    embedded: list[Any] = field(default_factory=list)
    first_frame: int = 11
    music: Samples = field(default_factory=lambda: np.tile(loop("drums", OWN_BPM, rate_hz=RATE_HZ), (2, 1)))
    busy: threading.Lock = field(default_factory=threading.Lock)

    def embed_style(self, text_or_audio: str | Sound, *, use_mapper: bool = False) -> np.ndarray[Any, Any]:
        self.embedded.append(text_or_audio)
        of = text_or_audio.encode() if isinstance(text_or_audio, str) else text_or_audio.samples.tobytes()
        return np.random.default_rng(zlib.crc32(of)).standard_normal(768).astype(np.float32)

    def generate(
        self,
        *,
        conditioning: dict[str, Any],
        cfg_scales: dict[str, float],
        temperature: float,
        top_k: int,
        frames: int,
        state: State | None,
    ) -> tuple[Sound, State]:
        assert self.busy.acquire(blocking=False), "two calls at once"
        state = state or State(self.first_frame)
        assert not state.used
        state.used = True
        call = {"style": conditioning[STYLE_KEY], "guidance": cfg_scales["musiccoca"], "state": state}
        self.calls.append({**call, "temperature": temperature, "top_k": top_k, "frames": frames})
        places = np.arange(state.frame * FRAME_FRAMES, (state.frame + frames) * FRAME_FRAMES)
        hum = np.sin(2 * np.pi * 100 * places / RATE_HZ) * 0.01 * float(conditioning[STYLE_KEY][0])
        made = self.music[places % len(self.music)] + hum[:, None].astype(np.float32)
        self.busy.release()
        return Sound(made, RATE_HZ), State(state.frame + frames)


@dataclass
class ModelWithPrefill(Model):
    prefilled: list[tuple[Samples, int]] = field(default_factory=list)

    def prefill(self, samples: Samples, seed: int) -> State:
        self.prefilled.append((samples, seed))
        return State(0)


def _engine(model: Model | None = None) -> MagentaEngine:
    return MagentaEngine(model or Model(), Sound)


def _shares(loop_share: float = 0.0, **shares: float) -> Controls:
    return Controls(tuple(StyleShare(words, share) for words, share in shares.items()), loop_share)


def test_it_makes_whole_frames_and_gives_any_length() -> None:
    whole = _engine().begin(LOOP, GRID, 5).play(100_000, Controls())
    player = _engine().begin(LOOP, GRID, 5)
    parts = [player.play(length, Controls()) for length in (1, 1919, 1921, 40_000, 56_159)]
    assert [part.shape for part in parts] == [(n, 2) for n in (1, 1919, 1921, 40_000, 56_159)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_styles_are_mixed_by_their_shares_and_followed_at_once() -> None:
    model = Model()
    player = _engine(model).begin(LOOP, GRID, 1)
    player.play(GRID.length(0), _shares(1.0))
    player.play(GRID.length(1), _shares(0.5, techno=0.3, warm=0.2))
    heard = {words: Model().embed_style(words) for words in ("techno", "warm")}
    loop_style = model.calls[0]["style"]
    np.testing.assert_allclose(loop_style, Model().embed_style(model.embedded[0]))
    expected = 0.5 * loop_style + 0.3 * heard["techno"] + 0.2 * heard["warm"]
    np.testing.assert_allclose(model.calls[-1]["style"], expected, rtol=1e-5)
    assert model.calls[-1]["style"].dtype == np.float32  # the package takes other kinds of arrays for tokens


def test_every_knob_reaches_the_model() -> None:
    model = Model()
    player = _engine(model).begin(LOOP, GRID, 1)
    player.play(GRID.length(0), Controls(guidance_weight=1.1, temperature=0.7, topk=9))
    assert model.calls[-1]["guidance"] == pytest.approx(3.0)
    assert (model.calls[-1]["temperature"], model.calls[-1]["top_k"]) == (0.7, 9)


def test_the_guidance_scale_is_mapped() -> None:
    scales = [guidance_scale(weight) for weight in np.linspace(0, 10, 101)]
    assert guidance_scale(1.1) == pytest.approx(3.0)
    assert all(after > before for before, after in pairwise(scales))
    assert (guidance_scale(0), guidance_scale(10), guidance_scale(50)) == (-1, 7, 7)


def test_words_are_embedded_once_and_not_all_are_kept() -> None:
    model = Model()
    engine = _engine(model)
    for _ in range(3):
        engine.style_of_words("dub")
    assert model.embedded == ["dub"]
    for number in range(300):
        engine.style_of_words(f"style {number}")
    engine.style_of_words("style 299")
    assert len(model.embedded) == 301
    engine.style_of_words("dub")
    assert len(model.embedded) == 302


@pytest.mark.parametrize(("seconds", "clips"), [(0.05, 1), (1.0, 1), (10.0, 1), (14.0, 2), (90.0, 3)])
def test_a_loop_is_heard_in_whole_clips(seconds: float, clips: int) -> None:
    model = Model()
    _engine(model).style_of_sound(np.resize(LOOP, (round(seconds * RATE_HZ), 2)))
    heard = model.embedded[0]
    assert (heard.sample_rate, heard.samples.shape) == (16_000, (clips * 160_000, 1))
    assert np.abs(heard.samples[-16_000:]).max() > 0.01


def test_a_loop_of_one_frame_is_played_on_from() -> None:
    model = ModelWithPrefill()
    player = _engine(model).begin(np.ones((1, 2), dtype=np.float32), GRID, 1)
    player.reseed(LOOP[:1])
    player.splice(LOOP[:1], 1.0)
    assert player.play(100, Controls()).shape == (100, 2)
    assert {len(sound.samples) for sound in model.embedded} == {160_000}


def test_the_seed_decides_where_the_music_begins() -> None:
    bars = [_engine().begin(LOOP, GRID, seed).play(96_000, Controls()) for seed in (1, 1, 20)]
    np.testing.assert_array_equal(bars[0], bars[1])
    assert np.abs(bars[0] - bars[2]).max() > 0.1


@pytest.mark.parametrize("seed", [0, 7, 23, 50])
def test_it_begins_on_a_beat(seed: int) -> None:
    played = _engine().begin(LOOP, GRID, seed).play(3 * RATE_HZ, Controls())
    assert _beat_error_ms(played) < 12


def _beat_error_ms(played: Samples) -> float:
    """How far the first beat is from the beginning."""
    found = first_beat(played, GRID)
    assert found is not None
    first, beat = found
    return abs((first + beat / 2) % beat - beat / 2) / RATE_HZ * 1000


def test_reseeding_forgets_all_but_the_beat() -> None:
    model = Model()
    player = _engine(model).begin(LOOP, GRID, 3)
    before = player.play(5 * RATE_HZ + 4321, Controls())
    player.reseed(loop("chords", 120, rate_hz=RATE_HZ))
    after = player.play(3 * RATE_HZ, Controls())
    assert [call["state"].frame for call in model.calls].count(model.first_frame) == 2
    assert not np.allclose(model.calls[-1]["style"], model.calls[0]["style"])
    one, other = first_beat(before, GRID), first_beat(after, GRID)
    assert one is not None
    assert other is not None
    apart = (len(before) + other[0] - one[0]) / one[1]
    assert abs(apart - round(apart)) < 0.03


def test_splicing_keeps_what_was_played_and_goes_over_to_the_new_loop() -> None:
    model = Model()
    player = _engine(model).begin(LOOP, GRID, 3)
    player.play(96_000, Controls())
    player.splice(loop("chords", 120, rate_hz=RATE_HZ), 2.0)
    player.play(96_000, Controls())
    assert [call["state"].frame for call in model.calls].count(model.first_frame) == 1
    assert not np.allclose(model.calls[-1]["style"], model.calls[0]["style"])


def test_where_there_is_a_prefill_the_music_goes_on_from_the_loop() -> None:
    model = ModelWithPrefill()
    player = _engine(model).begin(LOOP, GRID, 77)
    context, seed = model.prefilled[0]
    assert seed == 77
    assert len(context) == 20 * RATE_HZ
    np.testing.assert_array_equal(context[-len(LOOP) :], LOOP)
    played = player.play(9 * RATE_HZ, Controls())
    np.testing.assert_allclose(played[:1000], model.music[:1000], atol=0.05)
    other = loop("chords", 120, rate_hz=RATE_HZ)
    player.splice(other, 2.0)
    context, _ = model.prefilled[1]
    np.testing.assert_array_equal(context[-4 * RATE_HZ :], played[-4 * RATE_HZ :])
    np.testing.assert_array_equal(context[-5 * RATE_HZ : -4 * RATE_HZ], other[-RATE_HZ:])
    player.reseed(other)
    assert len(model.prefilled) == 3


def test_through_the_bar_lock_its_beats_lie_on_the_sessions_grid() -> None:
    session = BarGrid.of(120, 4, 44_100)
    source = BarSource(_engine(), Loop(loop("mix", 120, rate_hz=44_100), 44_100), session, 3)
    bars = [source.bar(bar, Controls()) for bar in range(12)]
    assert [len(bar) for bar in bars] == [session.length(bar) for bar in range(12)]
    for first in (2, 6, 10):
        found = first_beat(np.concatenate(bars[first : first + 2]), session)
        assert found is not None
        assert abs((found[0] + found[1] / 2) % found[1] - found[1] / 2) < 0.012 * 44_100
        assert found[1] == pytest.approx(float(session.frames_per_beat), rel=0.005)


def test_players_on_two_threads_take_turns() -> None:
    engine = _engine()
    players = [engine.begin(LOOP, GRID, seed) for seed in (1, 2)]
    failures: list[BaseException] = []

    def play(number: int) -> None:
        try:
            for _ in range(30):
                players[number].play(9_000, _shares(0.5, dub=0.5))
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=play, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_package_is_imported_where_the_engine_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    package, audio = types.ModuleType("magenta_rt"), types.ModuleType("magenta_rt.audio")
    sizes: list[str] = []

    def system(size: str) -> Model:
        sizes.append(size)
        return Model()

    vars(package).update(MagentaRT2Jax=system, __version__="2.0.3")
    vars(audio).update(Waveform=Sound)
    monkeypatch.setitem(sys.modules, "magenta_rt", package)
    monkeypatch.setitem(sys.modules, "magenta_rt.audio", audio)
    engine = MagentaEngine()
    assert sizes == ["mrt2_small"]
    assert engine.capabilities().model_version == "mrt2_small 2.0.3"
    assert engine.begin(LOOP, GRID, 1).play(100, Controls()).shape == (100, 2)
    engine.close()


def test_the_catalogue_names_the_extra() -> None:
    entry = find("magenta-rt")
    assert (entry.isolation, entry.default, entry.extra) == (Isolation.PROCESS, False, "magenta")
    if not entry.installed:
        with pytest.raises(Unavailable, match=r"backline\[magenta\]"):
            entry.load()
