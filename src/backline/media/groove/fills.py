"""How phrases end: a small fill on every fourth bar, a larger one on every eighth."""

from __future__ import annotations

from collections.abc import Mapping

from backline.media.groove.lines import Bar

FILLS = ("none", "snare", "toms", "hats", "drop", "percussion")

_SMALL, _LARGE = 4, 8
"""Sixteenths that a fill lasts."""

_FILLS: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "snare": {
        "snare": {"snare": ("o.xx ooxX", "x.ox x.xX", "oox. xoxX", ".ox. x.xx", "x..x ..xX")},
        "kick": {"kick": ("X... X...", "X..x ....")},
        "hats": {"hat": ("o... ....", "o.o. ....")},
    },
    "toms": {
        "snare": {"snare": ("x.x. ....", "xx.. ....", "x... x...")},
        "percussion": {
            "tom_high": ("..xx ....", ".... xx..", "..x. x..."),
            "tom_mid": (".... xx..", "..x. ..x.", ".... .xx."),
            "tom": (".... ..xX", ".... ...X", "...x ...X"),
        },
        "kick": {"kick": ("X... X...", "x... ..x.")},
        "hats": {"hat": ("o... ....", "o... o...")},
    },
    "hats": {"hats": {"hat": ("x.xo xorr", "xoxo rrxr", "x.x. x.rr"), "open": ("...x ....", ".... ..x.")}},
    "drop": {
        "kick": {"kick": ("X... ....", "X... ...x")},
        "snare": {"clap": (".... X..x", ".... X.o."), "rim": ("..o. ....", "...o ..o.")},
    },
    "percussion": {
        "percussion": {
            "conga": ("x.xo x..x", "xox. x.xx", ".xox .xxx"),
            "tumba": ("...x .xX.", "..x. ..xX", "x... x..X"),
            "tom": ("x..x ..x.", "..x. x..X", "...x ..xX"),
        },
        "kick": {"kick": ("X... x...", "X..x ....")},
    },
    "none": {},
}
"""Of each kind, what a group plays instead: for each lane some choices of eight sixteenths, of which a small fill takes
the last four."""


def fill_size(bar: int) -> int:
    """Sixteenths of the fill that ends a bar, 0 for none. Bars count from 0."""
    if bar % 8 == 7:
        return _LARGE
    return _SMALL if bar % 4 == 3 else 0


def filled(lanes: Mapping[str, str], group: str, fill: str, size: int, bar: Bar) -> Mapping[str, str]:
    """A group's lanes with the fill at their end. size: in sixteenths; a short bar has at most half of it filled."""
    size = min(size, bar.steps // 2)
    played = _FILLS[fill].get(group, {})
    if not size or not played:
        return lanes
    begun = {lane: steps[: bar.steps - size] + "." * size for lane, steps in lanes.items()}
    choice = int(bar.fresh.integers(8))
    for lane, choices in played.items():
        end = choices[choice % len(choices)].replace(" ", "")[-size:]
        begun[lane] = begun.get(lane, "." * bar.steps)[: bar.steps - size] + end
    return begun
