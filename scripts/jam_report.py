"""The listener's report of docs/listening.md: three loops and what was played on from them, as pictures and in numbers.

Writes docs/images/jam-*.png, and the page between its two marks. What is said about the pictures is written by hand.
Run it from the repository: .venv/bin/python scripts/jam_report.py
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

import numpy as np  # noqa: E402
from benchmarks.tools import music  # noqa: E402
from benchmarks.tools.jams import played, wav_of  # noqa: E402
from jam_pictures import Panel, draw  # noqa: E402
from tests.loops import LoopKind, loop  # noqa: E402

from backline.compute.base import JamLink  # noqa: E402
from backline.compute.jam_in_process import open_jam_link  # noqa: E402
from backline.engines.jam.orders import JamOptions  # noqa: E402
from backline.media.audio import Samples  # noqa: E402
from backline.media.groove.bars import BarGrid  # noqa: E402
from backline.media.groove.heard import BANDS_HZ, Heard  # noqa: E402
from backline.media.groove.listen import listen  # noqa: E402
from backline.media.loudness import integrated_lufs  # noqa: E402
from backline.media.truepeak import true_peak_db  # noqa: E402
from backline.settings import JamSettings  # noqa: E402

PAGE = ROOT / "docs" / "listening.md"
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
RATE_HZ, SEED = 48_000, 7
BARS, BARS_PER_CHUNK = 24, 4
SHOWN_BARS = 8
CLEAR = 0.3
"""A key that is less clear is none."""
NOTES = "C C# D D# E F F# G G# A A# B".split()


@dataclass(frozen=True)
class Case:
    """name: of the picture. about: what the loop is."""

    name: str
    kind: LoopKind
    about: str
    bpm: float
    beats_per_bar: int
    styles: tuple[str, ...]


CASES = (
    Case("mix", "mix", "drums, bass and chords, Am F C G", 120, 4, ("acid house",)),
    Case("swing", "swing", "swung drums and bass, three beats in a bar", 93.7, 3, ("jazz waltz",)),
    Case("drums", "drums", "drums alone", 174.02, 4, ("drum and bass", "dark")),
)


def main() -> None:
    rows = asyncio.run(_all())
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    table = "\n".join(rows)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table}\n\n{END}{tail}", encoding="utf-8")
    print(table)


async def _all() -> list[str]:
    rows = [
        "| loop | heard in it | style | tempo off by | swing | hits a beat | above 5 kHz, dB | notes alike "
        "| bars that are new | LUFS | true peak, dB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    async with open_jam_link(JamSettings()) as link:
        rows += [await _one(link, case) for case in CASES]
    return rows


async def _one(link: JamLink, case: Case) -> str:
    grid = BarGrid.of(case.bpm, case.beats_per_bar, RATE_HZ)
    source = loop(case.kind, case.bpm, case.beats_per_bar, 4, RATE_HZ)
    options = JamOptions(
        bpm=case.bpm,
        beats_per_bar=case.beats_per_bar,
        bars_per_chunk=BARS_PER_CHUNK,
        styles=case.styles,
        seed=SEED,
    )
    sound = await played(link, wav_of(source, RATE_HZ), options, BARS // BARS_PER_CHUNK)
    styles = ", ".join(case.styles)
    heard = listen(source, grid)
    draw(
        IMAGES / f"jam-{case.name}.png",
        (
            Panel(f"The loop: {case.about}, {case.bpm:g} bpm", source, grid),
            Panel(
                f'Played on from it: "{styles}", its first {SHOWN_BARS} bars (orange: where a chunk begins)',
                sound[: grid.start(SHOWN_BARS)],
                grid,
                BARS_PER_CHUNK,
            ),
        ),
    )
    return f"| {case.about}, {case.bpm:g} bpm | {_heard(heard)} | {styles} | {_figures(source, sound, grid)} |"


def _heard(heard: Heard) -> str:
    if heard.key.clarity < CLEAR:
        return "no key"
    chords = [_name(chord.root, chord.minor) for chord in heard.chords]
    return f"{_name(heard.key.tonic, heard.key.minor)}: " + " ".join(chord for chord, _ in groupby(chords))


def _name(root: int, minor: bool) -> str:
    return NOTES[root] + ("m" if minor else "")


def _figures(source: Samples, sound: Samples, grid: BarGrid) -> str:
    """Of the loop, and of what was played."""
    bpm = float(grid.beats_per_minute)
    before, after = listen(source, grid), listen(sound, grid)
    new = music.new_share(music.bars_of(sound, grid), music.bars_of(source, grid))
    return " | ".join(
        (
            f"{100 * (music.tempo_bpm(sound, RATE_HZ, bpm) / bpm - 1):+.2f} %",
            f"{before.swing:.2f} → {after.swing:.2f}",
            f"{before.onsets_per_beat:.1f} → {after.onsets_per_beat:.1f}",
            f"{_treble_db(before):.1f} → {_treble_db(after):.1f}",
            f"{float(music.chroma(source, RATE_HZ) @ music.chroma(sound, RATE_HZ)):.3f}",
            f"{100 * new:.0f} %",
            f"{integrated_lufs(source, RATE_HZ):.1f} → {integrated_lufs(sound, RATE_HZ):.1f}",
            f"{true_peak_db(sound):.1f}",
        )
    )


def _treble_db(heard: Heard) -> float:
    """Its share of the energy."""
    treble = sum(share for hz, share in zip(BANDS_HZ, heard.spectrum, strict=True) if hz >= 5000)
    return float(10 * np.log10(max(float(treble), 1e-9)))


if __name__ == "__main__":
    main()
