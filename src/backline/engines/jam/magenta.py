"""Magenta RealTime 2, through the Python package of its authors (github.com/magenta/magenta-realtime, version 2.0.3).

The model makes frames of 40 ms at 48 kHz, any number in a call; one opaque state is its memory (about 20 s). It is told
a style, as a vector in which words and sound have the same place, and three scales of guidance. It is not told a tempo:
the session passes what it plays through the bar lock.

What the package's public method lacks, and what is done instead:

* It takes no sound to go on from. The loop is heard as a style, and what the model plays first is not given out. A
  system that has `prefill(samples, seed) -> state` is seeded with the loop itself: ports of the model have such a step,
  and the package may get one.
* It takes no seed: every fresh state draws the same numbers. Here the seed says how much is played unheard before the
  first frame that counts, three to five seconds.
* It begins anywhere in a beat. What is played unheard tells where one lies, if it can be heard, and there it begins
  (after a reseed: in time with what was played before). Which beat of the bar that is, nobody knows.
* A state given to it is used up, so no older one can be returned to: without `prefill`, a splice keeps all that was
  played and goes over to the new loop as a style.
"""

from __future__ import annotations

import importlib
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from backline.engines.jam.base import Controls, JamCapabilities
from backline.media.audio import Samples, silence, together
from backline.media.groove.bars import BarGrid
from backline.media.groove.pulse import first_beat
from backline.media.resample import Resampler

RATE_HZ = 48_000
FRAME_FRAMES = 1920
"""Samples of one of the model's frames: 40 ms."""

STYLE_KEY = "mulan_tokens_25hz"
"""Where the package looks for a style among its conditions (its config.MUSICCOCA.key)."""

_SIZE = "mrt2_small"
_LISTENING_HZ = 16_000
_CLIP_SECONDS = 10
_MOST_CLIPS = 3
_CACHED_STYLES = 256
_CONTEXT_SECONDS = 20
_FEWEST_UNHEARD, _UNHEARD_CHOICES = 75, 51
_GUIDANCE_1 = (0.0, 1.1, 10.0)
_GUIDANCE_2 = (-1.0, 3.0, 7.0)

Style = npt.NDArray[np.float32]
"""float32 [768]."""


class MagentaSystem(Protocol):
    """What is used of the package's `MagentaRT2System`."""

    def embed_style(self, text_or_audio: Any, *, use_mapper: bool = False) -> Any: ...

    def generate(
        self,
        *,
        conditioning: dict[str, Any],
        cfg_scales: dict[str, float],
        temperature: float,
        top_k: int,
        frames: int,
        state: Any,
    ) -> tuple[Any, Any]: ...


class MagentaEngine:
    """One model for all its players; they take turns, a piece at a time."""

    def __init__(
        self, system: MagentaSystem | None = None, waveform: Callable[[Samples, int], Any] | None = None
    ) -> None:
        """Loads the weights and compiles the model, which takes minutes. system, waveform: the parts of the package
        that are used, for who has them made already: a `MagentaRT2System`, and what makes a sound for `embed_style`
        from samples and a rate in Hz."""
        self._model_version = _SIZE
        if system is None or waveform is None:
            package = importlib.import_module("magenta_rt")  # first: it brings its own libraries into reach
            system = package.MagentaRT2Jax(size=_SIZE)
            waveform = importlib.import_module("magenta_rt.audio").Waveform
            self._model_version = f"{_SIZE} {package.__version__}"
        self._system: MagentaSystem = system
        self._waveform: Callable[[Samples, int], Any] = waveform
        self._styles: OrderedDict[str, Style] = OrderedDict()
        self._turn = Lock()

    def capabilities(self) -> JamCapabilities:
        return JamCapabilities(rate_hz=RATE_HZ, keeps_time=False, model_version=self._model_version)

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> MagentaPlayer:
        return MagentaPlayer(self, loop, grid, seed)

    def close(self) -> None:
        self._styles.clear()
        del self._system

    def style_of_words(self, words: str) -> Style:
        """Kept for the newest 256."""
        with self._turn:
            if words not in self._styles:
                self._styles[words] = _vector(self._system.embed_style(words, use_mapper=True))
                if len(self._styles) > _CACHED_STYLES:
                    self._styles.popitem(last=False)
            self._styles.move_to_end(words)
            return self._styles[words]

    def style_of_sound(self, loop: Samples) -> Style:
        """The model hears clips of ten seconds: a short loop is repeated to fill one, of a long one three are heard."""
        clip_frames = _CLIP_SECONDS * RATE_HZ
        clips = min(_MOST_CLIPS, -(-len(loop) // clip_frames))
        whole = np.resize(loop, (clips * clip_frames, 2)).mean(axis=1, keepdims=True)
        resampler = Resampler(RATE_HZ, _LISTENING_HZ)
        heard = self._waveform(together([resampler.push(whole), resampler.finish()]), _LISTENING_HZ)
        with self._turn:
            return _vector(self._system.embed_style(heard))

    def context(self, sound: Samples, seed: int) -> Any:
        """A state that has heard this sound, where the system can make one, else a fresh one (None)."""
        prefill = getattr(self._system, "prefill", None)
        if prefill is None:
            return None
        with self._turn:
            return prefill(sound[-_CONTEXT_SECONDS * RATE_HZ :], seed)

    @property
    def has_prefill(self) -> bool:
        return hasattr(self._system, "prefill")

    def generate(self, style: Style, controls: Controls, frames: int, state: Any) -> tuple[Samples, Any]:
        """float32 [frames * FRAME_FRAMES, 2], and the state after them; the one given is used up."""
        with self._turn:
            made, after = self._system.generate(
                conditioning={STYLE_KEY: style},
                cfg_scales={"musiccoca": guidance_scale(controls.guidance_weight)},
                temperature=float(controls.temperature),  # the compiled model takes no whole number here
                top_k=int(controls.topk),
                frames=frames,
                state=state,
            )
        return np.ascontiguousarray(made.samples, dtype=np.float32), after


class MagentaPlayer:
    def __init__(self, engine: MagentaEngine, loop: Samples, grid: BarGrid, seed: int) -> None:
        """grid: where the session's beats would be, about as long as the model's."""
        self._engine = engine
        self._grid = grid
        self._seed = seed
        self._waiting = silence(0, 2)
        self._newest = silence(0, 2)
        self._loop_style = engine.style_of_sound(loop)
        self._state: Any = engine.context(_tiled(loop), seed)
        self._unheard_frames = self._to_play_in()
        self._until_beat = 0

    def play(self, length_frames: int, controls: Controls) -> Samples:
        style = self._style(controls)
        if self._unheard_frames:
            unheard, self._state = self._engine.generate(style, controls, self._unheard_frames, self._state)
            self._unheard_frames = 0
            self._waiting = unheard[self._entry(unheard) :]
        frames = -(-(length_frames - len(self._waiting)) // FRAME_FRAMES)
        if frames > 0:
            made, self._state = self._engine.generate(style, controls, frames, self._state)
            self._waiting = np.concatenate([self._waiting, made])
        played, self._waiting = self._waiting[:length_frames], self._waiting[length_frames:]
        self._newest = np.concatenate([self._newest, played])[-_CONTEXT_SECONDS * RATE_HZ :]
        return played

    def reseed(self, loop: Samples) -> None:
        self._until_beat = self._missing_to_beat()
        context = _tiled(loop)
        self._state = self._engine.context(context[: len(context) - self._until_beat], self._seed)
        self._unheard_frames = self._to_play_in()
        self._waiting = silence(0, 2)
        self._loop_style = self._engine.style_of_sound(loop)

    def splice(self, loop: Samples, anchor_bars: float) -> None:
        self._loop_style = self._engine.style_of_sound(loop)
        if self._engine.has_prefill:
            anchor_frames = max(1, round(max(1.0, anchor_bars) * float(self._grid.frames_per_bar)))
            context = np.concatenate([_tiled(loop), self._newest[-anchor_frames:]])
            self._state = self._engine.context(context, self._seed)
            self._waiting = silence(0, 2)

    def _to_play_in(self) -> int:
        """Frames that are not given out: none where the music goes on from a context."""
        return 0 if self._engine.has_prefill else _FEWEST_UNHEARD + self._seed % _UNHEARD_CHOICES

    def _missing_to_beat(self) -> int:
        """Samples from the end of what was played to the next beat; 0 where none can be heard."""
        newest = self._newest[-_FEWEST_UNHEARD * FRAME_FRAMES :]
        found = first_beat(newest, self._grid)
        return 0 if found is None else round((found[0] - len(newest)) % found[1])

    def _entry(self, unheard: Samples) -> int:
        """Where to begin in it, as late as can be, so that a beat comes when one is due."""
        found = first_beat(unheard, self._grid)
        if found is None:
            return len(unheard)
        first, beat = found
        entry = round(first + beat * int((len(unheard) - 1 - first) / beat)) - self._until_beat
        return entry if entry >= 0 else len(unheard)

    def _style(self, controls: Controls) -> Style:
        """The mean of all styles by their shares."""
        mixed = controls.loop_share * self._loop_style
        for style in controls.styles:
            mixed = mixed + style.share * self._engine.style_of_words(style.words)
        whole = controls.loop_share + sum(style.share for style in controls.styles)
        return _vector(mixed / whole if whole > 0 else self._loop_style)


def guidance_scale(weight: float) -> float:
    """Version 2's scale (-1 to 7, usually 3) of a weight on version 1's (0 and more, usually 1.1); straight between
    them: 0 is a style that is not heeded, 10 the strictest."""
    return float(np.interp(weight, _GUIDANCE_1, _GUIDANCE_2))


def _vector(values: Any) -> Style:
    return np.asarray(values, dtype=np.float32)


def _tiled(loop: Samples) -> Samples:
    """Repeated to fill the context, so that its end is the loop's end."""
    times = -(-_CONTEXT_SECONDS * RATE_HZ // len(loop))
    return np.tile(loop, (times, 1))[-max(len(loop), _CONTEXT_SECONDS * RATE_HZ) :]
