"""Drum patterns: which voice sounds on which sixteenth, and how they are cut to any metre.

A lane is a string with one character per sixteenth of a pattern's own beat: `X` accent, `x` hit, `o` soft, `g` ghost,
`?` a hit that only denser playing has, `%` a ghost that only denser playing has, `r` a roll of three, `.` rest. The
patterns are the common property of their genres, as any drum primer has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STRENGTH: Mapping[str, float] = {"X": 1.0, "x": 0.82, "o": 0.55, "g": 0.28, "?": 0.6, "%": 0.24, "r": 0.6}
"""How hard each character is played."""
OPTIONAL = "?%"

GROUP_OF: Mapping[str, str] = {
    "kick": "kick",
    **dict.fromkeys(("snare", "clap", "rim", "brush"), "snare"),
    **dict.fromkeys(("hat", "open", "ride", "pedal"), "hats"),
    **dict.fromkeys(("shaker", "tamb", "cowbell", "clave", "conga", "tumba", "tom", "surdo", "bell"), "percussion"),
}
"""Lanes that belong together, and so come from one pattern."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """lanes: all of one length, a whole number of beats of four steps."""

    name: str
    lanes: Mapping[str, str]

    @property
    def steps(self) -> int:
        return len(next(iter(self.lanes.values())))


def _pattern(name: str, **lanes: str) -> Pattern:
    return Pattern(name, {lane: steps.replace(" ", "") for lane, steps in lanes.items()})


_ALL = (
    _pattern("four_floor", kick="X... X... X... X...", clap=".... x... .... x...", hat="o.x. o.x. o.x. o.x?",
             open=".... .... .... ..?."),
    _pattern("house", kick="X... X... X... X...", clap=".... X... .... X...", hat="g... g... g... g...",
             open="..o. ..o. ..o. ..o.", shaker="g%og g%og g%og g%og", rim="...% .... ..?. .?.."),
    _pattern("deep_house", kick="X... X... X... X...", rim="...o .... ..o. ....", clap=".... o... .... o...",
             hat="..o. ..o. ..o. ..og", conga="...? ..?. .... ?..?", shaker="gg.g gg.g gg.g gg.g"),
    _pattern("techno", kick="X... X... X... X...", hat="g.o. g.o. g.o. g.o.", clap=".... ?... .... ?...",
             rim=".... ..g. .... ...g", ride="..?. ..?. ..?. ..?."),
    _pattern("dub_techno", kick="x... x... x... x...", hat="..o. ..og ..o. ..o.", rim=".... .... .... o..%",
             shaker=".g.g .g.g .g.g .g.g"),
    _pattern("acid", kick="X... X... X... X...", clap=".... x... .... x..%", hat="oogo oogo oogo oogo",
             open="..o. ..o. ..o. ..o.", cowbell=".... .... ?... ..?."),
    _pattern("trance", kick="X... X... X... X...", clap=".... x... .... x...", hat="gogg gogg gogg gogg",
             open="..x. ..x. ..x. ..x."),
    _pattern("disco", kick="X... X... X... X...", snare=".... X... .... X.%.", hat="o.o. o.o. o.o. o.o.",
             open="..x. ..x. ..x. ..x.", tamb=".... o... .... o...", conga="..?? .??. ..?? .?.?"),
    _pattern("garage", kick="X... .... ..x. ....", snare=".... X... .... X...", hat="..x. ..xg ..x. .gx.",
             rim="...? .... .?.. ...o", shaker="o.go o.go o.go o.go"),
    _pattern("breakbeat", kick="X.x. .... ..x. ?...", snare=".... X..g .g.. X..%", hat="x.o. x.o. x.o. x.o.",
             tamb=".... ?... .... ?..."),
    _pattern("amen", kick="X.x. .... ..xx ....", snare=".... X..o .o.. X..o", ride="x.o. x.o. x.o. x.o."),
    _pattern("two_step_dnb", kick="X... .... ..x. ....", snare=".... X... .... X...", hat="o.o. o.og o.o. o.og",
             shaker="gggg gggg gggg gggg", ride="..?. ..?. ..?. ..?."),
    _pattern("jungle", kick="X..x .... ..x. ..?.", snare=".... X.g. .g.. X.gg", hat="x.xo x.xo x.xo x.xo",
             conga="..?. ..?. ...? ?..?"),
    _pattern("dubstep", kick="X... ..?. .... ..?.", snare=".... .... X... ....", hat="o..o ..o. .o.. o..r",
             rim=".... ...g .... ...."),
    _pattern("boom_bap", kick="X..o .... .xx. ..?.", snare=".... X... .g.. X..%", hat="x.o. x.o. x.o. x.oo"),
    _pattern("lofi", kick="X... ..?. ..x. ....", snare=".... x... .... x..g", hat="o.g. o.g. o.g. o.gg",
             rim=".... .... ...? ...."),
    _pattern("trap", kick="X... ..x. ..x. ....", clap=".... .... X... ....", hat="x.o. x.o. x.r. xoox",
             open=".... .... .... ..?.", rim="...? .... .... .?.."),
    _pattern("drill", kick="X..x .... ..x. .x..", clap=".... .... x... ..o.", hat="x..x ..x. x..x ..r.",
             rim=".... ..%. .... ...%"),
    _pattern("funk", kick="X.x. ..?. ..x. .x..", snare=".g.g X.g. .g.g X..g", hat="x.xo x.x. x.xo x.xo",
             cowbell="?... ?... ?... ?..."),
    _pattern("soul", kick="X... ..x. x... ....", snare=".... X..% .%.. X...", hat="x.o. x.o. x.o. x.o.",
             tamb=".... x... .... x..."),
    _pattern("motown", kick="X..x ..x. X..x ..x.", snare="x... x... x... x...", tamb="g.o. X.o. g.o. X.o.",
             hat="o.o. o.o. o.o. o.o."),
    _pattern("rock", kick="X... ..?. x.x. ....", snare=".... X... .... X...", hat="x.o. x.o. x.o. x.o."),
    _pattern("rock_ride", kick="X... ..x. .... x...", snare=".... X... .... X...", ride="x.o. x.o. x.o. x.o."),
    _pattern("half_time_rock", kick="X... ..x. .... ..x.", snare=".... .... X... ....", hat="x... x... x... x..."),
    _pattern("punk", kick="X.x. ..x. X.x. ..x.", snare="..X. ..X. ..X. ..X.", hat="x.x. x.x. x.x. x.x."),
    _pattern("metal", kick="XoXo Xoxo Xoxo Xoxo", snare=".... X... .... X...", ride="x... x... x... x..."),
    _pattern("metal_gallop", kick="X.xx X.xx X.xx X.xx", snare=".... X... .... X...", hat="x... x... x... x..."),
    _pattern("motorik", kick="X.x. ..x. X.x. ..x.", snare=".... X... .... X...", hat="o.o. o.o. o.o. o.o."),
    _pattern("synthwave", kick="X... .... X... ....", snare=".... X... .... X...", hat="o.o. o.o. o.o. o.o.",
             tom=".... .... .... ..??"),
    _pattern("electro", kick="X... ..x. .... x...", snare=".... X... .... X...", hat="o.oo o.oo o.oo o.oo",
             cowbell="..?. ..?. .?.. ?...", clap=".... ?... .... ?..."),
    _pattern("swing_jazz", kick="g... g... g... g...", ride="x... x.o. x... x.o.", pedal=".... o... .... o...",
             snare="...% ..%. .... ..?."),
    _pattern("jazz_brushes", kick="g... .... g... ....", brush="o... x.g. o... x.g.", pedal=".... o... .... o..."),
    _pattern("shuffle", kick="X... ..g. x... ..?.", snare=".... X.g. .... X.g.", hat="x.o. x.o. x.o. x.o."),
    _pattern("train", kick="x... x... x... x...", brush="g.g. X.g. g.g. X.gg"),
    _pattern("bossa", kick="x..o x..o x..o x..o", rim="x..x ..x. ..x. .x..", hat="o.g. o.g. o.g. o.g.",
             shaker="oggo oggo oggo oggo"),
    _pattern("samba", kick="o..x o..x o..x o..x", surdo="...g X... ...g X...", rim="x.x. .x.x .x.x x.x.",
             shaker="xoox xoox xoox xoox", tamb="?..? ?..? ?..? ?..?"),
    _pattern("salsa", kick=".... ..o. .... ..o.", clave="x..x ..x. ..x. x...", cowbell="x.o. x.o. x.oo x.o.",
             conga="o.ox o.oo o.ox o.xx", tumba=".... ..x. .... ..xx", shaker="x.oo x.oo x.oo x.oo"),
    _pattern("cumbia", kick="X... x... X... x...", shaker="x.oo x.oo x.oo x.oo", conga="..x. ..xx ..x. ..x.",
             cowbell="x... o... x... o..."),
    _pattern("reggaeton", kick="X... X... X... X...", snare="...x ..x. ...x ..x.", hat="o.o. o.o. o.o. o.o.",
             shaker="g?g? g?g? g?g? g?g?"),
    _pattern("afrobeat", kick="X... ..x. .x.. ..x.", snare=".... ..x. .... o..x", hat="x.xo .xx. x.xo .xx.",
             shaker="x.ox x.ox x.ox x.ox", conga="..?. ?..? ..?. ?.?.", bell="x.x. x..x .x.x ..x."),
    _pattern("amapiano", kick="x... x... x... x...", snare="...g ..o. ...g .o..", shaker="ooxo ooxo ooxo ooxo",
             tom="..?. ...x ..?. x...", rim="...o ..o. ..o. ...."),
    _pattern("one_drop", kick=".... .... X... ....", rim=".... .... X... ....", hat="x.o. x.o. x.o. x.oo",
             conga=".... ..?. .... ..??"),
    _pattern("steppers", kick="X... X... X... X...", rim=".... .... X... ....", hat="..x. ..xg ..x. ..x.",
             shaker="o.g. o.g. o.g. o.g."),
    _pattern("ska", kick="X... .... X... ....", snare=".... X... .... X...", hat="..x. ..x. ..x. ..x."),
    _pattern("bo_diddley", kick="X..x ..x. ..x. x...", tom="x.ox o.xo o.xo x.o.", shaker="xoxo xoxo xoxo xoxo"),
    _pattern("march", kick="X... .... X... ....", snare="X.gg x.gg X.gg xrgg"),
    _pattern("ballad", kick="X... .... o.?. ....", rim=".... x... .... x...", hat="o.g. o.g. o.g. o.g.",
             shaker="g.%. g.%. g.%. g.%."),
    _pattern("downtempo", kick="X... ...o ..x. ....", snare=".... x... .... x...", hat="..o. ..o. ..o. ..og",
             shaker="o.go o.go o.go o.go", conga=".... ..?. ...? ...."),
    _pattern("heartbeat", kick="o..g .... .... ....", shaker=".... g... .... g..."),
    _pattern("ritual", kick="x... .... ..o. ....", tom="...o ..o. .... o..o", shaker="g... g... g... g..."),
    _pattern("none", shaker=".... .... .... ...."),
    # Three beats.
    _pattern("waltz", kick="X... .... ....", snare=".... o... o...", hat=".... g... g..."),
    _pattern("jazz_waltz", kick="o... .... ..g.", ride="x... x.o. x.o.", pedal=".... o... ....",
             snare="...% .... ..?."),
    _pattern("waltz_rock", kick="X... .... ..x.", snare=".... .... X...", hat="x.o. x.o. x.o."),
    _pattern("three_floor", kick="X... X... X...", clap=".... .... x...", hat="g.o. g.o. g.o.",
             shaker="g?g? g?g? g?g?"),
    # Six, each step an eighth or a half of it.
    _pattern("six_eight", kick="X... .... ..o. .... .... ....", snare=".... .... .... X... .... ....",
             hat="x... o... o... x... o... o..."),
    _pattern("afro_six", kick="X... .... x... x... .... o...", bell="x... ..x. ..x. x... ..x. ..x.",
             shaker="x.o. o.o. o.o. x.o. o.o. o.o.", conga=".... ?... x... .... ?... x..."),
    # Five and seven.
    _pattern("take_five", kick="X... .... ..o. x... ....", ride="x... x.o. x... x... x.o.",
             pedal=".... o... .... .... o...",
             snare=".... ..g. .... o... ...."),
    _pattern("five_rock", kick="X... ..x. .... x... ....", snare=".... x... .... .... X...",
             hat="x.o. x.o. x.o. x.o. x.o."),
    _pattern("seven_rock", kick="X... .... x... .... X... ..x. ....", snare=".... X... .... X... .... .... X...",
             hat="x.o. x.o. x.o. x.o. x.o. x.o. x.o."),
    _pattern("seven_floor", kick="X... X... X... X... X... X... X...", clap=".... x... .... x... .... .... x...",
             hat="..o. ..o. ..o. ..o. ..o. ..o. ..o."),
)  # fmt: skip

PATTERNS: Mapping[str, Pattern] = {pattern.name: pattern for pattern in _ALL}

_OTHER_METRES: Mapping[int, Mapping[str, str]] = {
    3: {"waltz_rock": "rock rock_ride half_time_rock metal metal_gallop indie soul motown synthwave ballad one_drop",
        "three_floor": "four_floor house techno trance acid disco", "jazz_waltz": "swing_jazz jazz_brushes",
        "waltz": "march train ska"},
    5: {"five_rock": "rock rock_ride half_time_rock soul funk synthwave", "take_five": "swing_jazz jazz_brushes"},
    6: {"six_eight": "rock rock_ride half_time_rock ballad soul shuffle motown synthwave march train",
        "afro_six": "afrobeat bo_diddley samba ritual salsa cumbia"},
    7: {"seven_rock": "rock rock_ride half_time_rock funk soul metal synthwave breakbeat",
        "seven_floor": "four_floor house techno trance acid disco deep_house"},
}  # fmt: skip


def for_metre(name: str, beats: int) -> Pattern:
    """The pattern of a name, or one of its kind that was made for a bar of so many beats."""
    for own, names in _OTHER_METRES.get(beats, {}).items():
        if name in names.split():
            return PATTERNS[own]
    return PATTERNS[name]


def grouping(beats: int) -> tuple[int, ...]:
    """How a bar of so many beats is counted: in fours as long as that goes, and then in twos and threes.

    5 is 3 and 2, 7 is 4 and 3, 10 is 4, 3 and 3.
    """
    known = {1: (1,), 2: (2,), 3: (3,), 4: (4,), 5: (3, 2), 6: (3, 3), 9: (3, 3, 3), 10: (4, 3, 3)}
    if beats in known:
        return known[beats]
    return (4, *grouping(beats - 4))


def fitted(lane: str, steps: int, bar: int) -> str:
    """A lane for a bar of so many steps.

    A bar that is half a pattern plays its halves in turn (`bar` says whose turn it is), a bar of several goes round;
    any other is counted in groups, each of which begins the pattern anew, so that its first beat stays the first.
    """
    own = len(lane)
    if own % steps == 0:
        place = bar % (own // steps) * steps
        return lane[place : place + steps]
    if steps % own == 0:
        return lane * (steps // own)
    if steps % 2 or steps < 4:
        return (lane * (steps // own + 1))[:steps]
    unit = 4 if steps % 4 == 0 else 2
    return "".join((lane * 4)[: group * unit] for group in grouping(steps // unit))
