"""The pitched instruments: basses, keys, guitars, pads. Each makes one note of a pitch, a length and a brightness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from backline.media.groove.synthesis import (
    Curve,
    Sound,
    Spectrum,
    drawbars,
    faded,
    glide,
    in_room,
    noise,
    normalised,
    pulse,
    ringing,
    saw,
    square,
    swept,
    times,
)

LEVEL = 0.2
"""Rms of the loudest 50 ms of every note as it is made; instruments set the balance."""


@dataclass(frozen=True, slots=True)
class Note:
    """hz: its pitch. seconds: until it is let go. brightness: 0 to 1. rate_hz: of what is made."""

    hz: float
    seconds: float
    brightness: float
    rate_hz: int

    def times(self, release_seconds: float) -> Curve:
        return times(self.seconds + release_seconds, self.rate_hz)

    def gated(self, wave: Curve, attack_seconds: float, release_seconds: float) -> Curve:
        """Begun and let go: a soft start, and at the end of the note a fall that is 40 dB down after the release."""
        t = self.times(release_seconds)
        wave = wave[: len(t)]
        held = np.minimum(1.0, np.exp(-4.6 * (t[: len(wave)] - self.seconds) / release_seconds))
        return faded(wave * held, self.rate_hz, attack_seconds, min(0.02, release_seconds))

    def open(self, low: float, high: float) -> float:
        """A filter's cutoff in Hz for the brightness, in octaves between two."""
        return float(low * (high / low) ** self.brightness)


def _constant(t: Curve, value: float) -> Curve:
    return np.full(len(t), value)


def _sub(n: Note) -> Curve:
    t = n.times(0.06)
    wave = np.sin(2 * np.pi * n.hz * t) + 0.12 * n.brightness * np.sin(4 * np.pi * n.hz * t)
    return n.gated(np.tanh(1.3 * wave) * np.exp(-t / 3.0), 0.004, 0.06)


def _boom(n: Note) -> Curve:
    """The long kick that is played as a bass."""
    t = n.times(0.12)
    wave = glide(n.hz * (1 + 0.8 * np.exp(-t / 0.011)), n.rate_hz) * np.exp(-t / 0.9)
    drive = 1.2 + 2.5 * n.brightness
    return n.gated(np.tanh(drive * wave) / np.tanh(drive), 0.001, 0.12)


def _string(
    n: Note, comb: float, slope: float, longest: float, stiffness: float, partials: int
) -> list[tuple[float, float, float]]:
    """A plucked or struck string's partials. comb: where it is plucked, of its length; slope: of the amplitudes as a
    power of the number; higher ones die sooner, and lie a little sharp where the string is stiff."""
    k = np.arange(1, partials + 1)
    hz = n.hz * k * np.sqrt(1 + stiffness * k**2)
    amplitude = np.abs(np.sin(np.pi * k * comb)) * k ** (-slope + 0.7 * (n.brightness - 0.5))
    length = longest * (110 / n.hz) ** 0.35 / (1 + 0.12 * (k - 1) * (1.4 - n.brightness))
    return list(zip(hz.tolist(), amplitude.tolist(), length.tolist(), strict=True))


def _finger(n: Note) -> Curve:
    wave = ringing(_string(n, 0.22, 1.25, 0.7, 4e-5, 22), n.seconds + 0.07, n.rate_hz)
    return n.gated(np.tanh(1.2 * wave), 0.002, 0.07)


def _pick(n: Note) -> Curve:
    wave = ringing(_string(n, 0.1, 0.85, 0.8, 4e-5, 30), n.seconds + 0.05, n.rate_hz)
    t = n.times(0.05)
    tick = noise(len(t) / n.rate_hz, 800, 4000, n.rate_hz, 31) * np.exp(-t / 0.004) * 0.12
    return n.gated(np.tanh(1.4 * wave)[: len(t)] + tick[: len(wave)], 0.001, 0.05)


def _upright(n: Note) -> Curve:
    wave = ringing(_string(n, 0.3, 1.5, 0.45, 6e-5, 16), n.seconds + 0.09, n.rate_hz)
    t = n.times(0.09)
    thump = glide(n.hz * (1 + 0.04 * np.exp(-t / 0.02)), n.rate_hz) * np.exp(-t / 0.3) * 0.6
    return n.gated(wave[: len(t)] + thump[: len(wave)], 0.003, 0.09)


def _slap(n: Note) -> Curve:
    wave = ringing(_string(n, 0.07, 0.75, 0.5, 4e-5, 30), n.seconds + 0.05, n.rate_hz)
    t = n.times(0.05)
    pop = noise(len(t) / n.rate_hz, 1500, 6000, n.rate_hz, 33) * np.exp(-t / 0.006) * 0.2
    return n.gated(np.tanh(1.5 * wave)[: len(t)] + pop[: len(wave)], 0.001, 0.05)


def _plucked_synth(n: Note, shape: Spectrum, low: float, high: float, length: float, resonance: float) -> Curve:
    t = n.times(0.05)
    peak = n.open(low, high)
    cutoff = np.maximum(peak * np.exp(-t / length), max(n.hz * 1.2, low * 0.6))
    wave = swept(_constant(t, n.hz), shape, cutoff, n.rate_hz, resonance)
    return n.gated(wave * np.exp(-t / 2.5), 0.003, 0.05)


def _saw_bass(n: Note) -> Curve:
    return _plucked_synth(n, saw, 350, 3200, 0.22, 0.4) + 0.3 * _sub(n)[: len(n.times(0.05))]


def _square_bass(n: Note) -> Curve:
    return _plucked_synth(n, square, 300, 2400, 0.18, 0.3)


def _acid(n: Note) -> Curve:
    return np.tanh(1.6 * _plucked_synth(n, saw, 500, 4200, 0.11, 5.0))


def _reese(n: Note) -> Curve:
    t = n.times(0.1)
    cutoff = n.open(220, 1400) * (1 + 0.45 * np.sin(2 * np.pi * 0.7 * t))
    waves = [swept(_constant(t, n.hz * bend), saw, cutoff, n.rate_hz, 0.4, phase)
             for bend, phase in ((0.994, 0.0), (1.006, 0.4))]  # fmt: skip
    return n.gated(np.tanh(waves[0] + waves[1]) + 0.6 * np.sin(2 * np.pi * n.hz * t), 0.008, 0.1)


def _fm_bass(n: Note) -> Curve:
    t = n.times(0.06)
    index = (0.6 + 3.2 * n.brightness) * np.exp(-t / 0.16) + 0.25
    wave = np.sin(2 * np.pi * n.hz * t + index * np.sin(2 * np.pi * n.hz * t))
    return n.gated(wave * np.exp(-t / 1.4), 0.002, 0.06)


def _wobble(n: Note) -> Curve:
    t = n.times(0.06)
    turn = 0.5 - 0.5 * np.cos(2 * np.pi * t * 3.0 / max(n.seconds, 0.15))
    cutoff = 120 + (n.open(500, 2600) - 120) * turn
    wave = swept(_constant(t, n.hz), saw, cutoff, n.rate_hz, 1.6)
    return n.gated(np.tanh(1.5 * wave) + 0.7 * np.sin(2 * np.pi * n.hz * t), 0.004, 0.06)


def _wide(n: Note, shape: Spectrum, cents: tuple[float, ...], cutoff: Curve, attack: float, release: float) -> Sound:
    """Several of one wave, each a little out of tune, and alternately left and right of the middle."""
    t = n.times(release)
    middle, side = np.zeros(len(t)), np.zeros(len(t))
    for number, cent in enumerate(cents):
        wave = swept(_constant(t, n.hz * 2 ** (cent / 1200)), shape, cutoff, n.rate_hz, 0.1, 0.37 * number % 1.0)
        middle += wave
        side += wave * (0.4 if number % 2 else -0.4)
    return np.stack([n.gated(wave, attack, release) for wave in (middle, side)]).astype(np.float32)


def _pad(n: Note) -> Sound:
    t = n.times(0.7)
    cutoff = n.open(500, 3200) * (0.6 + 0.4 * (1 - np.exp(-t / 0.8)))
    return _wide(n, saw, (-9.0, 8.0, -3.0, 4.0), cutoff, 0.25, 0.7)


def _warm_pad(n: Note) -> Sound:
    t = n.times(0.9)
    return _wide(n, square, (-7.0, 6.0, 1.0), _constant(t, n.open(350, 1500)), 0.4, 0.9)


def _strings(n: Note) -> Sound:
    t = n.times(0.35)
    return _wide(n, saw, (-6.0, 7.0, -12.0, 11.0), _constant(t, n.open(1200, 5200)), 0.09, 0.35)


def _choir(n: Note) -> Sound:
    """A glottal wave through the formants of an open vowel (700, 1100 and 2600 Hz, as in any phonetics table)."""

    def vowel(harmonics: Curve) -> Curve:
        hz = harmonics * n.hz
        peaks = ((700.0, 130.0, 1.0), (1120.0, 150.0, 0.5), (2600.0, 250.0, 0.22))
        shaped = sum(gain / (1 + ((hz - middle) / width) ** 2) for middle, width, gain in peaks)
        return np.asarray(shaped + 0.03) / harmonics

    t = n.times(0.6)
    return _wide(n, vowel, (-8.0, 9.0, -2.0), _constant(t, n.open(2500, 7000)), 0.15, 0.6)


def _brass(n: Note) -> Sound:
    t = n.times(0.12)
    cutoff = n.open(900, 4200) * (0.35 + 0.65 * np.minimum(t / 0.05, 1)) * (0.75 + 0.25 * np.exp(-t / 0.2))
    return _wide(n, saw, (-5.0, 5.0), cutoff, 0.02, 0.12)


def _super_saw(n: Note) -> Sound:
    t = n.times(0.2)
    cutoff = np.maximum(n.open(1400, 7000) * np.exp(-t / 0.5), 900)
    return _wide(n, saw, (-14.0, 13.0, -6.0, 7.0, 0.0), cutoff, 0.004, 0.2)


def _stab(n: Note) -> Sound:
    t = n.times(0.12)
    cutoff = np.maximum(n.open(900, 4500) * np.exp(-t / 0.09), 250)
    return _wide(n, saw, (-8.0, 7.0), cutoff, 0.003, 0.12)


def _dub_chord(n: Note) -> Sound:
    t = n.times(0.2)
    cutoff = np.maximum(n.open(450, 2400) * np.exp(-t / 0.13), 180)
    return _wide(n, saw, (-6.0, 8.0), cutoff, 0.005, 0.2)


def _organ(n: Note) -> Curve:
    t = n.times(0.05)
    bars = drawbars(0.8, 1.0, 0.5, 0.6, 0.0, 0.25 * n.brightness, 0.0, 0.3 * n.brightness)
    wobbling = n.hz * (1 + 0.0015 * np.sin(2 * np.pi * 6.3 * t))
    wave = swept(wobbling, bars, _constant(t, 8000.0), n.rate_hz)
    return n.gated(wave * (1 + 0.08 * np.sin(2 * np.pi * 6.3 * t)), 0.006, 0.05)


def _reeds(n: Note) -> Sound:
    t = n.times(0.07)
    return _wide(n, pulse(0.28), (-6.0, 9.0), _constant(t, n.open(1800, 5000)), 0.025, 0.07)


def _rhodes(n: Note) -> Curve:
    """Two-operator frequency modulation: a bell that dies at once over a tine that sings."""
    t = n.times(0.18)
    index = (0.25 + 1.3 * n.brightness) * np.exp(-t / 0.45)
    body = np.sin(2 * np.pi * n.hz * t + index * np.sin(2 * np.pi * n.hz * t))
    bell = 0.14 * n.brightness * np.sin(2 * np.pi * min(n.hz * 14, 7000) * t) * np.exp(-t / 0.06)
    return n.gated((body + bell) * np.exp(-t / 1.6), 0.003, 0.18)


def _piano(n: Note) -> Curve:
    struck = _string(n, 0.12, 1.15, 1.5, 2.5e-4, 20)
    doubled = [(hz * 1.0006, amplitude * 0.6, length * 1.5) for hz, amplitude, length in struck[:8]]
    wave = ringing([*struck, *doubled], n.seconds + 0.2, n.rate_hz)
    t = n.times(0.2)
    knock = noise(len(t) / n.rate_hz, 200, 2500, n.rate_hz, 37) * np.exp(-t / 0.012) * 0.06
    return n.gated(wave[: len(t)] + knock[: len(wave)], 0.002, 0.2)


def _guitar(n: Note) -> Curve:
    wave = ringing(_string(n, 0.17, 1.0, 0.75, 3e-5, 24), n.seconds + 0.1, n.rate_hz)
    return n.gated(wave, 0.001, 0.1)


def _scratch(n: Note) -> Curve:
    short = Note(n.hz, min(n.seconds, 0.09), n.brightness, n.rate_hz)
    return short.gated(ringing(_string(short, 0.1, 0.7, 0.25, 3e-5, 24), short.seconds + 0.03, n.rate_hz), 0.001, 0.03)


def _driven(n: Note) -> Curve:
    """A loud guitar: the string through a valve that clips, and a loudspeaker that has no highs."""
    t = n.times(0.06)
    wave = swept(_constant(t, n.hz), pulse(0.2), _constant(t, n.open(1500, 4500)), n.rate_hz, 0.2)
    again = swept(_constant(t, n.hz * 1.004), pulse(0.3), _constant(t, n.open(1200, 3500)), n.rate_hz, 0.2, 0.3)
    return n.gated(np.tanh(2.5 * (wave + 0.8 * again)) * np.exp(-t / 2.0), 0.003, 0.06)


def _clav(n: Note) -> Curve:
    return _plucked_synth(n, pulse(0.15), 1100, 5200, 0.16, 1.2)


def _pluck(n: Note) -> Curve:
    return _plucked_synth(n, square, 800, 5000, 0.12, 0.8)


def _bar(n: Note, ratios: tuple[float, ...], length: float) -> Curve:
    """Struck bars: their modes are far apart, so that little but the lowest stays."""
    partials = [
        (n.hz * ratio, (0.25 + 0.5 * n.brightness) ** i, length / (1 + 2.2 * i)) for i, ratio in enumerate(ratios)
    ]
    return n.gated(ringing(partials, n.seconds + 0.4, n.rate_hz), 0.001, 0.4)


def _vibes(n: Note) -> Curve:
    wave = _bar(n, (1.0, 4.0, 9.8), 1.1)
    t = np.arange(len(wave)) / n.rate_hz
    return wave * (1 - 0.2 * (0.5 - 0.5 * np.cos(2 * np.pi * 5.2 * t)))


def _marimba(n: Note) -> Curve:
    return _bar(n, (1.0, 3.93, 9.2), 0.28)


def _kalimba(n: Note) -> Curve:
    return _bar(n, (1.0, 2.76, 5.4, 6.3), 0.42)


def _bell(n: Note) -> Curve:
    return _bar(n, (1.0, 2.0, 2.99, 4.2, 5.43), 1.4)


@dataclass(frozen=True, slots=True)
class Instrument:
    """make: a note, dry. gain_db: beside the others. wet, room_seconds: the room at full space. spread: of the notes of
    a chord over left and right. centre: MIDI note that its chords lie around, or that no root of a bass lies below.
    strum_seconds: from each note of a chord to the next. echoes: whether short notes are repeated where there is room.
    """

    make: Callable[[Note], Curve | Sound]
    gain_db: float = 0.0
    wet: float = 0.0
    room_seconds: float = 0.8
    spread: float = 0.25
    centre: int = 62
    strum_seconds: float = 0.0
    echoes: bool = False


BASSES: Mapping[str, Instrument] = {
    "sub": Instrument(_sub, 1, centre=31),
    "boom": Instrument(_boom, 2, centre=31),
    "finger": Instrument(_finger, 0, centre=28),
    "pick": Instrument(_pick, -1, centre=28),
    "upright": Instrument(_upright, 3, centre=28),
    "slap": Instrument(_slap, -1, centre=28),
    "saw_bass": Instrument(_saw_bass, -2, centre=31),
    "square_bass": Instrument(_square_bass, -2, centre=31),
    "acid": Instrument(_acid, -5, centre=36),
    "reese": Instrument(_reese, -1, centre=31),
    "fm_bass": Instrument(_fm_bass, -1, centre=31),
    "wobble": Instrument(_wobble, -2, centre=31),
}

CHORDS: Mapping[str, Instrument] = {
    "pad": Instrument(_pad, -4, 0.4, 1.8, 0.3, centre=59),
    "warm_pad": Instrument(_warm_pad, -3, 0.4, 2.0, 0.3, centre=58),
    "strings": Instrument(_strings, -4, 0.4, 1.6, 0.45, centre=64),
    "choir": Instrument(_choir, -4, 0.5, 2.2, 0.4, centre=62),
    "brass": Instrument(_brass, -3, 0.2, 1.0, 0.3, centre=60),
    "super_saw": Instrument(_super_saw, -5, 0.3, 1.4, 0.2, centre=63),
    "stab": Instrument(_stab, -3, 0.25, 1.0, 0.2, centre=61, echoes=True),
    "dub_chord": Instrument(_dub_chord, -2, 0.6, 2.2, 0.15, centre=58, echoes=True),
    "organ": Instrument(_organ, -2, 0.2, 0.9, 0.1, centre=61),
    "reeds": Instrument(_reeds, -4, 0.15, 0.8, 0.2),
    "rhodes": Instrument(_rhodes, -2, 0.25, 1.0, 0.25),
    "piano": Instrument(_piano, -1, 0.2, 1.0, 0.35),
    "guitar": Instrument(_guitar, 0, 0.2, 0.8, 0.3, centre=58, strum_seconds=0.009),
    "scratch": Instrument(_scratch, -2, 0.12, 0.6, 0.3, centre=64, strum_seconds=0.004, echoes=True),
    "driven": Instrument(_driven, -2, 0.08, 0.6, 0.6, centre=45),
    "clav": Instrument(_clav, -4, 0.1, 0.6, 0.25),
    "pluck": Instrument(_pluck, -4, 0.35, 1.2, 0.35, centre=65, echoes=True),
    "vibes": Instrument(_vibes, -3, 0.3, 1.2, 0.3, centre=70),
    "marimba": Instrument(_marimba, -1, 0.25, 1.0, 0.3, centre=67),
    "kalimba": Instrument(_kalimba, -2, 0.35, 1.4, 0.35, centre=71, echoes=True),
    "bell": Instrument(_bell, -5, 0.5, 2.0, 0.4, centre=73, echoes=True),
}


def tone(instrument: str, midi: int, seconds: float, brightness: float, space: float, rate_hz: int) -> Sound:
    """A note: float32 [1 or 2, frames], with its release and its room. midi: 69 is 440 Hz. space: 0 to 1.

    A note above half the rate is silent.
    """
    own = BASSES.get(instrument) or CHORDS[instrument]
    note = Note(440.0 * 2 ** ((midi - 69) / 12), max(seconds, 0.03), brightness, rate_hz)
    made = own.make(note)
    sound = made[None, :].astype(np.float32) if made.ndim == 1 else made.astype(np.float32)
    if own.wet * space > 0:
        roomy = in_room(sound[0].astype(np.float64), own.wet * 2 * space, own.room_seconds, rate_hz, midi, 0.9)
        if len(sound) == 2:
            roomy[1, : sound.shape[1]] += sound[1]
        sound = roomy
    return normalised(sound, LEVEL, rate_hz)
