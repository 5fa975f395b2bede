"""What a jam engine is: it hears a loop, and plays on from it, bar after bar.

The contract every engine keeps (tests/contracts/test_jam_engines.py runs it over the whole catalogue):

* An engine is made without arguments, in the process that uses it, and may take long: that is where libraries and
  weights load. `begin` makes a player for one session.
* A player is one endless stream of sound, asked for a piece at a time (the session asks for bars). When they are asked
  for changes no sample: what varies comes from the seed and the bar alone.
* One call at a time per player; different players may be called from different threads at once.
* What comes out is not yet matched in loudness, and may exceed [-1, 1]: the session does that for every engine alike.
* It never learns about users, money, HTTP or storage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid


@dataclass(frozen=True, slots=True)
class JamCapabilities:
    """rate_hz: of all that it plays; None: any rate it is asked for. keeps_time: whether a bar that it plays lies on
    the grid; what does not is passed through the bar lock. model_version: what made the sound."""

    rate_hz: int | None
    keeps_time: bool
    model_version: str


@dataclass(frozen=True, slots=True)
class StyleShare:
    """words: what a musician wrote, such as `acid house`; share: of the whole, over 0 to 1."""

    words: str
    share: float


@dataclass(frozen=True, slots=True)
class Controls:
    """How a bar is to be played.

    styles, loop_share: what it follows; together they make 1. A loop that nothing is mixed with has 1. They glide while
    a change of style is under way, so a style may have a share without being asked for any longer.
    loop_weight: how much the loop was asked for, 0 to 10; 1 is usual.
    guidance_weight: how strictly the styles are followed, 0 to 10; the usual 1.1 is Magenta RealTime 1's scale.
    temperature: how far it strays from what is likely, 0 to 4. topk: of how many continuations it takes one, 1 to 1024.
    """

    styles: tuple[StyleShare, ...] = ()
    loop_share: float = 1.0
    loop_weight: float = 1.0
    guidance_weight: float = 1.1
    temperature: float = 1.1
    topk: int = 40


class JamPlayer(Protocol):
    """One session's music. Loops are float32 [frames, 2] at the grid's rate, beginning on a bar line."""

    def play(self, length_frames: int, controls: Controls) -> Samples:
        """What comes next: float32 [length_frames, 2]. The session asks for one bar at a time."""
        ...

    def reseed(self, loop: Samples) -> None:
        """Forget what was heard; go on from this loop with the next bar."""
        ...

    def splice(self, loop: Samples, anchor_bars: float) -> None:
        """Go on from this loop, but keep the newest `anchor_bars` bars (at least one) of what was played before it."""
        ...


class JamEngine(Protocol):
    def capabilities(self) -> JamCapabilities: ...

    def begin(self, loop: Samples, grid: BarGrid, seed: int) -> JamPlayer:
        """Hear a loop. loop: float32 [frames, 2], at least one frame, at the grid's rate; seed: 0 to 2**63 - 1."""
        ...

    def close(self) -> None:
        """Free what the engine holds; it is not used again."""
        ...
