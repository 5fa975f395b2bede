"""Chord rhythms: when the chords of a harmony are struck, how long, and which of their notes.

A comp is a string of sixteenths: `X` accented chord, `x` chord, `s` short, `o` soft and short, `b` its lowest note, `t`
its upper notes, digits single notes from the lowest, 1, on (beyond the highest an octave up), `-` held, `.` rest, `?` a
short chord that denser playing has. A chord that changes while it is held is struck anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backline.media.groove.lines import Bar
from backline.media.groove.patterns import fitted

_COMPS = {
    "pad": "x------- --------",
    "swell": "x------- ------..",
    "drone": "x------- --------",
    "halves": "x------. x------.|x------- x-----s.",
    "quarters": "x-s.x-s. x-s.x-s.|s...s... s...s...",
    "pop_piano": "X--x--x- x---x-x-|X---x--x --x-x---",
    "house_piano": "X..x..x. .x..x.x.|x..X..x. ..x.X.s.",
    "house_stab": "..X..... ..X....s|X..s..s. ...X..s.",
    "deep_stab": "...X--.. ..s.....|X-....s. .....X-.",
    "techno_stab": "...s..s. ...s..?.|......X. ..s.....",
    "dub": "....s... ........|..s..... ....?...",
    "trance_arp": "1234 3212 1234 5432|1353 1353 1353 2464",
    "trance_gate": "XsssXsss XsssXsss|Xs.sXs.s Xs.sX.ss",
    "arp_up": "1.2.3.4. 1.2.3.4.|1.3.2.4. 3.5.4.2.",
    "synthwave_arp": "1213 1412 1213 1412|1.321.32 1.321.43",
    "skank": "....s... ....s...|....s..o ....s...",
    "ska_skank": "..s...s. ..s...s.",
    "bubble": ".o.s.o.s .o.s.o.s",
    "disco_guitar": "ossossos ossossos|.s.s.sso .s.ss.s.",
    "funk": "s..os.s. .os..s.o|.os.s..o s.o..ss.",
    "clav": "s.os..s. os.s.o.s|sos..s.o .s.os.o.",
    "soul_keys": "x--.s... x-.s..s.|x-----s. ..x-s...",
    "motown_guitar": "....s... ....s...",
    "rock_strum": "X-x-x-x- X-x-x-xs|X---x-x- X---x-x-",
    "power_eighths": "XxxxXxxx XxxxXxxx|XsssXsss XsssXsss",
    "power_long": "X------- X---x---|X------- ----x-x-",
    "gallop": "s.sss.ss s.sss.ss",
    "punk": "x-x-x-x- x-x-x-x-",
    "ballad": "1-2-3-4- 3-2-3-2-|1-3-5-3- 4-3-2-3-",
    "folk": "b...t-t. b...t-t.|b-.st.s. b-.st-s.",
    "train": "b...s... b...s...|b..os..o b..os..o",
    "lofi": "x------s ....x---|x---..s. ..x-----",
    "boom_bap": "s....... ..s.....|x--..... ..s...s.",
    "trap_bells": "1...3..2 ..1...3.|2..1..3. ..4...3.",
    "drill_pluck": "1..2..3. 1..2..4.|4..3..1. ..2..3..",
    "jazz": "x-.s.... ..s..x-.|...s..x- ....s..s",
    "jazz_soft": "x------- ..x-----|....x--- ....x---",
    "bossa": "x--s..s. ..s..s..|s..s..x- ..s..x-.",
    "samba": "s.s..s.s .s.ss.s.",
    "montuno": "b.t.tb.t .t.bt.t.|1.2.31.2 .3.12.4.",
    "cumbia": "..s...s. ..s...s.",
    "reggaeton": "X--s--s- ..s---s-|1..2..3. 1..2..4.",
    "afrobeat": "s..s.... .s..s.s.|.s..s.s. ...s.s..",
    "afro_pluck": "1.3.2..4 .3.2.1..|4..3.2.1 ..2.3...",
    "amapiano": "x-...s.. ..s..x-.|...x-..s ...x-...",
    "brass_hits": "X-....s. ........|.......X ..s.....",
    "strings_stab": "X---x--- x---x---",
    "waltz": "b---s... s...|b---s..s s...",
    "sparse": "x------. ........|....1--- ..3-----",
    "minimal": "1..1..2. .1..1.3.|..1..2.. 1..3....",
    "pulse": "s.s.s.s. s.s.s.s.|sososo.s ososo.so",
    "oompah": "b...s... b...s...",
    "none": "................",
}

COMPS: Mapping[str, tuple[str, ...]] = {
    name: tuple(one.replace(" ", "") for one in text.split("|")) for name, text in _COMPS.items()
}


@dataclass(frozen=True, slots=True)
class Struck:
    """Some notes of a chord at once.

    notes: their places from the lowest, 0; beyond the highest they go on an octave up. None: all, or with `upper` all
    but the lowest. short: let go at once.
    """

    step: int
    steps: int
    notes: tuple[int, ...] | None
    strength: float
    short: bool = False
    upper: bool = False


def struck_chords(comp: str, bar: Bar) -> list[Struck]:
    """What is struck in a bar. comp: a name in COMPS."""
    choices = COMPS[comp]
    roles = fitted(choices[int(bar.phrase.integers(len(choices)))], bar.steps, bar.number)
    roles = roles.replace("-", "x", 1) if roles.startswith("-") else roles  # held since the bar before
    struck: list[Struck] = []
    for step, role in enumerate(roles):
        holding = bool(struck) and struck[-1].step + struck[-1].steps == step
        changed = step > 0 and bar.chords[step] != bar.chords[step - 1]
        if role == "-" and changed and holding:
            struck.append(_struck(step, "x"))
        elif role == "-":
            if holding:
                last = struck[-1]
                struck[-1] = Struck(last.step, last.steps + 1, last.notes, last.strength, last.short, last.upper)
        elif role != "." and not (role == "?" and bar.phrase.random() > bar.dense):
            struck.append(_struck(step, role))
    return struck


def _struck(step: int, role: str) -> Struck:
    if role.isdigit():
        return Struck(step, 1, (int(role) - 1,), 0.95 if step % 4 == 0 else 0.8)
    strength = {"X": 1.0, "x": 0.85, "s": 0.8, "o": 0.45, "b": 0.9, "t": 0.75, "?": 0.6}[role]
    return Struck(step, 1, (0,) if role == "b" else None, strength, role in "so?", role == "t")


def chosen(voicing: Sequence[int], struck: Struck) -> list[int]:
    """The MIDI notes of what is struck."""
    if struck.notes is None:
        return list(voicing[1:] if struck.upper and len(voicing) > 1 else voicing)
    return [voicing[place % len(voicing)] + 12 * (place // len(voicing)) for place in struck.notes]
