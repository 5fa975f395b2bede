"""Drums, made from sines and noise. A kit says which drum answers to which lane of a pattern, how loud and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from backline.media.groove.synthesis import (
    Curve,
    Sound,
    faded,
    glide,
    in_room,
    noise,
    normalised,
    ringing,
    times,
)

LEVEL = 0.25
"""Rms of the loudest 20 ms of every drum as it is made; kits set the balance."""
_LOUDEST = 0.55
"""Peaks are rounded off towards this, as by tape: a snare that is all peak is loud nowhere else."""


@dataclass(frozen=True, slots=True)
class Drum:
    """sound: a name in SOUNDS. gain_db: beside the other drums of the kit. pan: -1 left to 1 right."""

    sound: str
    gain_db: float
    pan: float = 0.0


def _kick(rate: int, low: float, high: float, bend: float, length: float, click: float, drive: float) -> Curve:
    t = times(length * 4.5, rate)
    body = glide(low + (high - low) * np.exp(-t / bend), rate) * np.exp(-t / length)
    tick = noise(len(t) / rate, 1500, 7000, rate, 1) * np.exp(-t / 0.0025) * click
    return faded(np.tanh(drive * body) / np.tanh(drive) + tick, rate)


def _snare(rate: int, tone: float, ring: float, rattle: float, low: float, wires: float) -> Curve:
    t = times(max(ring, rattle) * 6, rate)
    body = ringing(
        [(tone, 1.0, ring), (tone * 1.62, 0.55, ring * 0.7), (tone * 2.4, 0.2, ring * 0.5)], len(t) / rate, rate
    )
    body *= 1 + 1.5 * np.exp(-t / 0.004)
    hiss = noise(len(t) / rate, low, 9000, rate, 2, -2.5)
    hiss *= 0.75 * np.exp(-t / rattle) + 0.6 * np.exp(-t / 0.008)
    return faded(body * (1 - wires) + hiss * wires, rate)


def _clap(rate: int, low: float, high: float, length: float) -> Curve:
    t = times(length * 6, rate)
    bursts = sum(np.where(t >= at, np.exp(-np.maximum(t - at, 0) / 0.005), 0.0) for at in (0.0, 0.009, 0.019))
    envelope = 0.8 * bursts + np.where(t > 0.024, np.exp(-np.maximum(t - 0.024, 0) / length), 0.0)
    return faded(noise(len(t) / rate, low, high, rate, 3, -2.0) * envelope, rate)


def _metal(rate: int, base: float, length: float, low: float, tonal: float, seed: int, slope: float = -3.0) -> Curve:
    """Hats and cymbals: inharmonic partials, as of six detuned squares, within noise."""
    ratios = np.array([2.0, 3.0, 4.16, 5.43, 6.79, 8.21, 9.7, 11.3, 13.1, 15.7, 18.9])
    rng = np.random.default_rng(seed)
    partials = [(base * r, 1 / np.sqrt(i + 1), length * rng.uniform(0.7, 1.2)) for i, r in enumerate(ratios)]
    t = times(length * 5.5, rate)
    hiss = noise(len(t) / rate, low, 12500, rate, seed, slope) * np.exp(-t / length)
    ring = ringing([p for p in partials if p[0] > 0.5 * low], len(t) / rate, rate)
    return faded(hiss * (1 - tonal) + ring * tonal, rate, 0.0004, 0.02)


def _cymbal(rate: int, low: float, length: float, bell: float, seed: int) -> Curve:
    rng = np.random.default_rng(seed)
    partials = [(float(hz), float(rng.uniform(0.3, 1)), length * float(rng.uniform(0.4, 1.1)))
                for hz in np.geomspace(low * 0.6, 9500, 32) * rng.uniform(0.96, 1.04, 32)]  # fmt: skip
    t = times(length * 4, rate)
    ring = ringing(partials, len(t) / rate, rate) / 4
    if bell:
        ring += bell * ringing([(low * 0.9, 1, 0.25), (low * 1.47, 0.6, 0.2)], len(t) / rate, rate)
    wash = noise(len(t) / rate, low, 10000, rate, seed, -3.0) * (np.exp(-t / length) * 0.45 + 0.35 * np.exp(-t / 0.02))
    return faded(ring + wash, rate, 0.0006, 0.05)


def _skin(rate: int, hz: float, length: float, bend: float, slap: float, seed: int) -> Curve:
    """Toms, congas and surdos: a membrane's first modes, its pitch falling a little, and the hand or stick."""
    t = times(length * 5, rate)
    fall = 1 + bend * np.exp(-t / 0.03)
    wave = sum(
        amplitude * glide(hz * ratio * fall, rate) * np.exp(-t / (length * shorter))
        for ratio, amplitude, shorter in ((1, 1.0, 1.0), (1.59, 0.4, 0.5), (2.14, 0.25, 0.35), (2.65, 0.12, 0.25))
    )
    hit = noise(len(t) / rate, 600, 5000, rate, seed, -3.0) * np.exp(-t / 0.006) * slap
    return faded(np.asarray(wave) + hit, rate)


def _shaken(rate: int, low: float, rise: float, length: float, seed: int) -> Curve:
    t = times(rise + length * 5, rate)
    envelope = np.where(t < rise, (t / rise) ** 2, np.exp(-np.maximum(t - rise, 0) / length))
    return faded(noise(len(t) / rate, low, 11000, rate, seed, -3.0) * envelope, rate, 0.001)


def _jingle(rate: int) -> Curve:
    partials = [(hz, 1.0, 0.09) for hz in (4150.0, 5230.0, 6470.0, 7610.0, 8890.0)]
    t = times(0.4, rate)
    hiss = noise(0.4, 4500, 10500, rate, 17, -3.0) * (np.exp(-t / 0.012) + 0.35 * np.exp(-t / 0.08))
    return faded(0.25 * ringing(partials, 0.4, rate) + 0.6 * hiss, rate, 0.001)


def _block(rate: int, partials: tuple[tuple[float, float, float], ...], tick: float) -> Curve:
    """Rims, claves, cowbells and bells: a few partials and the stick."""
    longest = max(p[2] for p in partials)
    t = times(longest * 6, rate)
    hit = noise(len(t) / rate, 1200, 6000, rate, 19) * np.exp(-t / 0.002) * tick
    return faded(ringing(partials, len(t) / rate, rate) + hit, rate)


def _brush(rate: int) -> Curve:
    t = times(0.4, rate)
    envelope = np.minimum(t / 0.012, 1) * np.exp(-t / 0.07) + 0.25 * np.exp(-(((t - 0.12) / 0.07) ** 2))
    return faded(noise(0.4, 900, 7000, rate, 23, -4.0) * envelope, rate)


@dataclass(frozen=True, slots=True)
class Recipe:
    """make: the dry sound at a rate. wet, room_seconds: of the room around it."""

    make: Callable[[int], Curve]
    wet: float = 0.0
    room_seconds: float = 0.3


SOUNDS: Mapping[str, Recipe] = {
    "kick_808": Recipe(partial(_kick, low=46, high=150, bend=0.03, length=0.26, click=0.05, drive=1.2)),
    "kick_909": Recipe(partial(_kick, low=50, high=260, bend=0.022, length=0.13, click=0.22, drive=2.0)),
    "kick_deep": Recipe(partial(_kick, low=47, high=170, bend=0.026, length=0.16, click=0.06, drive=1.4)),
    "kick_room": Recipe(partial(_kick, low=58, high=190, bend=0.014, length=0.09, click=0.3, drive=1.3), 0.05, 0.35),
    "kick_tight": Recipe(partial(_kick, low=62, high=300, bend=0.010, length=0.06, click=0.7, drive=2.0), 0.02, 0.2),
    "kick_soft": Recipe(partial(_kick, low=54, high=120, bend=0.018, length=0.1, click=0.03, drive=1.0), 0.03, 0.3),
    "snare_909": Recipe(partial(_snare, tone=188, ring=0.05, rattle=0.075, low=900, wires=0.55), 0.06, 0.25),
    "snare_808": Recipe(partial(_snare, tone=175, ring=0.06, rattle=0.05, low=1500, wires=0.4), 0.04, 0.25),
    "snare_room": Recipe(partial(_snare, tone=195, ring=0.06, rattle=0.085, low=700, wires=0.5), 0.2, 0.5),
    "snare_tight": Recipe(partial(_snare, tone=225, ring=0.035, rattle=0.06, low=900, wires=0.55), 0.06, 0.25),
    "snare_dusty": Recipe(partial(_snare, tone=170, ring=0.055, rattle=0.05, low=500, wires=0.45), 0.1, 0.3),
    "snare_gated": Recipe(partial(_snare, tone=170, ring=0.09, rattle=0.13, low=600, wires=0.5), 0.35, 0.35),
    "clap_909": Recipe(partial(_clap, low=850, high=3800, length=0.055), 0.12, 0.35),
    "clap_tight": Recipe(partial(_clap, low=1100, high=5000, length=0.03), 0.06, 0.2),
    "snap": Recipe(partial(_clap, low=1500, high=3500, length=0.018), 0.2, 0.4),
    "rim": Recipe(partial(_block, partials=((1720, 1, 0.009), (480, 0.9, 0.012), (2550, 0.4, 0.006)), tick=0.5), 0.08),
    "stick": Recipe(partial(_block, partials=((1150, 0.9, 0.012), (390, 1.0, 0.016)), tick=0.4), 0.12, 0.35),
    "hat_909": Recipe(partial(_metal, base=1080, length=0.026, low=6200, tonal=0.12, seed=5)),
    "open_909": Recipe(partial(_metal, base=1080, length=0.11, low=5800, tonal=0.12, seed=6)),
    "hat_808": Recipe(partial(_metal, base=960, length=0.02, low=6800, tonal=0.3, seed=7)),
    "open_808": Recipe(partial(_metal, base=960, length=0.12, low=6500, tonal=0.3, seed=8)),
    "hat_room": Recipe(partial(_metal, base=870, length=0.03, low=4800, tonal=0.18, seed=9), 0.05, 0.25),
    "open_room": Recipe(partial(_metal, base=870, length=0.16, low=4500, tonal=0.18, seed=10), 0.05, 0.25),
    "hat_dusty": Recipe(partial(_metal, base=760, length=0.022, low=3800, tonal=0.1, seed=11, slope=-6.0), 0.08, 0.2),
    "open_dusty": Recipe(partial(_metal, base=760, length=0.09, low=3600, tonal=0.1, seed=12, slope=-6.0), 0.08, 0.2),
    "pedal": Recipe(partial(_metal, base=820, length=0.018, low=4200, tonal=0.25, seed=13, slope=-4.0), 0.06, 0.2),
    "ride": Recipe(partial(_cymbal, low=2900, length=0.3, bell=0.5, seed=14), 0.04, 0.3),
    "ride_dark": Recipe(partial(_cymbal, low=2100, length=0.35, bell=0.4, seed=15), 0.06, 0.35),
    "crash": Recipe(partial(_cymbal, low=2300, length=0.55, bell=0.0, seed=16), 0.05, 0.5),
    "shaker": Recipe(partial(_shaken, low=4200, rise=0.012, length=0.022, seed=18)),
    "cabasa": Recipe(partial(_shaken, low=5200, rise=0.006, length=0.03, seed=20)),
    "tamb": Recipe(_jingle),
    "cowbell": Recipe(partial(_block, partials=((562, 0.9, 0.05), (845, 1, 0.06), (1690, 0.3, 0.03)), tick=0.1), 0.05),
    "agogo": Recipe(partial(_block, partials=((910, 1, 0.07), (1390, 0.5, 0.05), (2480, 0.3, 0.03)), tick=0.1), 0.06),
    "clave": Recipe(partial(_block, partials=((2480, 1.0, 0.014), (3700, 0.15, 0.008)), tick=0.2), 0.15, 0.35),
    "conga": Recipe(partial(_skin, hz=225, length=0.085, bend=0.06, slap=0.5, seed=21), 0.06, 0.3),
    "tumba": Recipe(partial(_skin, hz=165, length=0.12, bend=0.06, slap=0.25, seed=22), 0.06, 0.3),
    "tom_high": Recipe(partial(_skin, hz=190, length=0.12, bend=0.18, slap=0.3, seed=24), 0.12, 0.45),
    "tom_mid": Recipe(partial(_skin, hz=138, length=0.15, bend=0.18, slap=0.3, seed=25), 0.12, 0.45),
    "tom_low": Recipe(partial(_skin, hz=96, length=0.19, bend=0.18, slap=0.3, seed=26), 0.12, 0.45),
    "log": Recipe(partial(_skin, hz=82, length=0.22, bend=0.5, slap=0.08, seed=27), 0.03, 0.3),
    "surdo": Recipe(partial(_skin, hz=72, length=0.18, bend=0.1, slap=0.12, seed=28), 0.04, 0.3),
    "brush": Recipe(_brush, 0.1, 0.3),
}  # fmt: skip

_PERCUSSION = {
    "shaker": Drum("shaker", -19, 0.45),
    "tamb": Drum("tamb", -19, -0.4),
    "cowbell": Drum("cowbell", -17, 0.3),
    "clave": Drum("clave", -16, -0.35),
    "conga": Drum("conga", -11, 0.35),
    "tumba": Drum("tumba", -10, -0.25),
    "tom": Drum("tom_low", -8, 0.15),
    "tom_mid": Drum("tom_mid", -8, -0.1),
    "tom_high": Drum("tom_high", -8, -0.3),
    "surdo": Drum("surdo", -5, 0.0),
    "bell": Drum("agogo", -18, 0.4),
    "brush": Drum("brush", -12, -0.1),
    "pedal": Drum("pedal", -17, 0.25),
    "crash": Drum("crash", -13, -0.3),
}


def _kit(kick: Drum, snare: Drum, clap: Drum, hat: Drum, opened: Drum, **others: Drum) -> Mapping[str, Drum]:
    rest = {"rim": Drum("rim", -10, -0.2), "ride": Drum("ride", -17, 0.35)}
    return {**_PERCUSSION, **rest, "kick": kick, "snare": snare, "clap": clap, "hat": hat, "open": opened, **others}


KITS: Mapping[str, Mapping[str, Drum]] = {
    "nine": _kit(Drum("kick_909", -2), Drum("snare_909", -4), Drum("clap_909", -5, 0.05), Drum("hat_909", -15, 0.15),
                 Drum("open_909", -16, 0.15)),
    "eight": _kit(Drum("kick_808", -2), Drum("snare_808", -4), Drum("clap_909", -4, 0.05), Drum("hat_808", -15, 0.15),
                  Drum("open_808", -17, 0.15)),
    "deep": _kit(Drum("kick_deep", -2), Drum("snare_808", -6), Drum("snap", -8, 0.1), Drum("hat_808", -17, 0.2),
                 Drum("open_909", -18, 0.2), shaker=Drum("cabasa", -21, 0.45), ride=Drum("ride_dark", -19, 0.35)),
    "room": _kit(Drum("kick_room", -1), Drum("snare_room", -3), Drum("clap_tight", -6), Drum("hat_room", -13, 0.3),
                 Drum("open_room", -15, 0.3), rim=Drum("stick", -6, -0.1), ride=Drum("ride", -16, -0.35)),
    "tight": _kit(Drum("kick_tight", -1), Drum("snare_tight", -4), Drum("clap_tight", -6), Drum("hat_room", -14, 0.3),
                  Drum("open_room", -16, 0.3), ride=Drum("ride", -17, -0.35)),
    "dusty": _kit(Drum("kick_soft", 0), Drum("snare_dusty", -4), Drum("snap", -6, 0.1), Drum("hat_dusty", -14, 0.2),
                  Drum("open_dusty", -16, 0.2), rim=Drum("stick", -8, -0.15), ride=Drum("ride_dark", -19, 0.3)),
    "gated": _kit(Drum("kick_909", -2), Drum("snare_gated", -4), Drum("clap_909", -5), Drum("hat_909", -15, 0.15),
                  Drum("open_909", -17, 0.15)),
    "jazz": _kit(Drum("kick_soft", -7), Drum("snare_dusty", -9), Drum("snap", -12), Drum("hat_room", -14, 0.3),
                 Drum("open_room", -16, 0.3), ride=Drum("ride_dark", -12, -0.3), rim=Drum("stick", -12, -0.1),
                 brush=Drum("brush", -8, -0.1), pedal=Drum("pedal", -13, 0.3)),
    "latin": _kit(Drum("kick_soft", -4), Drum("snare_tight", -7), Drum("clap_tight", -7), Drum("hat_room", -15, 0.3),
                  Drum("open_room", -17, 0.3), rim=Drum("stick", -8, -0.1), conga=Drum("conga", -10, 0.35),
                  tumba=Drum("tumba", -9, -0.25), cowbell=Drum("cowbell", -14, 0.2), clave=Drum("clave", -11, -0.3),
                  shaker=Drum("shaker", -15, 0.5), bell=Drum("agogo", -14, 0.35)),
    "logs": _kit(Drum("kick_deep", -4), Drum("snare_808", -7), Drum("snap", -7), Drum("hat_808", -16, 0.2),
                 Drum("open_808", -18, 0.2), tom=Drum("log", -3, 0.0), shaker=Drum("shaker", -14, 0.4)),
}  # fmt: skip


def drum(name: str, rate_hz: int) -> Sound:
    """A drum by its name in SOUNDS: float32 [1 or 2, frames]."""
    recipe = SOUNDS[name]
    wave = recipe.make(rate_hz)
    sound = in_room(wave, recipe.wet, recipe.room_seconds, rate_hz, 100 + len(name))
    level = normalised(sound, LEVEL, rate_hz, 0.02)
    rounded: Sound = (_LOUDEST * np.tanh(level / _LOUDEST)).astype(np.float32)
    return rounded
