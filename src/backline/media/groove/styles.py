"""What a style is to a player: a point in a space of traits, and how several are one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Traits:
    """What glides from style to style; all 0 to 1 but the swings.

    brightness: how open the sounds are. energy: how loud and hard. density: how many of the optional hits are played.
    space: how much room and echo. pump: how far all else gives way to the kick. swing: where the second eighth of a
    beat lies, if the loop leaves that open; shuffle: where the second sixteenth of an eighth lies. 0.5 is straight.
    """

    brightness: float = 0.5
    energy: float = 0.5
    density: float = 0.5
    space: float = 0.3
    pump: float = 0.1
    swing: float = 0.5
    shuffle: float = 0.5


@dataclass(frozen=True, slots=True)
class Style:
    """How one style is played.

    bpm: its own tempo; one that is nearer to half or double the loop's is played in that feel. kit: of drums.
    patterns, lines, comps: drum patterns, bass lines and chord rhythms that it is played with. bass, chords: the
    instruments. voicing: how a chord is spread. fill: how a phrase ends. crash: whether the next begins with a cymbal.
    """

    name: str
    bpm: float
    kit: str
    patterns: tuple[str, ...]
    bass: str
    lines: tuple[str, ...]
    chords: str
    comps: tuple[str, ...]
    voicing: str
    fill: str
    traits: Traits
    crash: bool = False


@dataclass(frozen=True, slots=True)
class Weighted:
    """share: over 0; those that are played together make 1."""

    style: Style
    share: float


def _bounded(value: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(value, low), high)


def blended(mix: Sequence[Weighted]) -> Traits:
    """The traits of a mixture: each the mean by share."""

    def mean(name: str) -> float:
        return sum(part.share * float(getattr(part.style.traits, name)) for part in mix)

    return Traits(*(mean(name) for name in Traits.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Mood:
    """What a word such as `dark` does to a style: traits are added to; what is named takes the style's place."""

    brightness: float = 0.0
    energy: float = 0.0
    density: float = 0.0
    space: float = 0.0
    pump: float = 0.0
    swing: float = 0.0
    shuffle: float = 0.0
    kit: str | None = None
    patterns: tuple[str, ...] | None = None
    bass: str | None = None
    lines: tuple[str, ...] | None = None
    chords: str | None = None
    comps: tuple[str, ...] | None = None
    bpm_factor: float = 1.0

    def weakened(self, strength: float) -> Mood:
        """The same, 0 not at all to 1 wholly; what takes a style's place does so from a half on."""
        if strength >= 1:
            return self
        return replace(
            self if strength >= 0.5 else Mood(),
            brightness=strength * self.brightness,
            energy=strength * self.energy,
            density=strength * self.density,
            space=strength * self.space,
            pump=strength * self.pump,
            swing=strength * self.swing,
            shuffle=strength * self.shuffle,
        )

    def on(self, style: Style) -> Style:
        """A style in this mood."""
        old = style.traits
        traits = Traits(
            _bounded(old.brightness + self.brightness),
            _bounded(old.energy + self.energy),
            _bounded(old.density + self.density),
            _bounded(old.space + self.space),
            _bounded(old.pump + self.pump),
            _bounded(old.swing + self.swing, 0.5, 0.67),
            _bounded(old.shuffle + self.shuffle, 0.5, 0.62),
        )
        return replace(
            style,
            traits=traits,
            bpm=style.bpm * self.bpm_factor,
            kit=self.kit or style.kit,
            patterns=self.patterns or style.patterns,
            bass=self.bass or style.bass,
            lines=self.lines or style.lines,
            chords=self.chords or style.chords,
            comps=self.comps or style.comps,
        )
