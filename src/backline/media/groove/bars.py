"""Where bars and beats begin, to the sample.

Bars begin at exact fractions of a sample, and only the place where one begins is rounded: after an hour nothing has
drifted (the clock of a bar that is so many whole samples long is off by 0.3 s an hour at 93.7 bpm).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class BarGrid:
    """beats_per_minute: as it was written down, 93.7 is 937/10. rate_hz: of the samples that are counted."""

    beats_per_minute: Fraction
    beats_per_bar: int
    rate_hz: int

    @classmethod
    def of(cls, bpm: float, beats_per_bar: int, rate_hz: int) -> BarGrid:
        return cls(Fraction(str(bpm)), beats_per_bar, rate_hz)

    @property
    def frames_per_beat(self) -> Fraction:
        return 60 * self.rate_hz / self.beats_per_minute

    @property
    def frames_per_bar(self) -> Fraction:
        return self.frames_per_beat * self.beats_per_bar

    @property
    def seconds_per_bar(self) -> float:
        return float(60 * self.beats_per_bar / self.beats_per_minute)

    def start(self, bar: int) -> int:
        """The first frame of a bar; bars count from 0."""
        return round(self.frames_per_bar * bar)

    def length(self, bar: int, bars: int = 1) -> int:
        """Frames from the start of a bar to the start of that many bars later."""
        return self.start(bar + bars) - self.start(bar)

    def place(self, bar: int, beat: Fraction | int) -> int:
        """The frame of a beat, counted from the start of its bar; beat: 0 is the first, and parts of one are meant."""
        return round(self.frames_per_bar * bar + self.frames_per_beat * beat) - self.start(bar)
