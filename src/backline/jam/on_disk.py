"""A jam without a server: a loop from a file, and what follows into a file, a pipe, or to the loudspeakers."""

from __future__ import annotations

import itertools
import math
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from backline.compute.jam_in_process import jam_engine
from backline.engines.jam.base import JamEngine
from backline.engines.jam.check import check_options
from backline.engines.jam.chunks import check_rate
from backline.engines.jam.loops import Loop, read_loop
from backline.engines.jam.orders import JamOptions
from backline.engines.jam.playing import Playing
from backline.errors import Invalid
from backline.jam.loudspeakers import Feed, loudspeakers
from backline.media.audio import Samples, from_pcm16
from backline.media.encode.base import Encoder
from backline.media.encode.flac import FlacEncoder
from backline.media.encode.formats import FORMATS, choose_rate
from backline.media.encode.opus import OggOpusEncoder
from backline.media.encode.pcm import WavEncoder
from backline.media.groove.bars import BarGrid
from backline.media.groove.tempo import find_tempo
from backline.media.wav import HEADER_BYTES

_SECONDS = 30.0
_MOST_SECONDS = 86_400.0
_ENCODERS: Mapping[str, Callable[[int, int], Encoder]] = {
    ".wav": WavEncoder,
    ".flac": FlacEncoder,
    ".opus": OggOpusEncoder,
}


@dataclass(frozen=True, slots=True)
class Wish:
    """options: all but the tempo, which is found where `bpm` is None. output: None: to the loudspeakers; `-`: a WAV on
    standard output. seconds, bars: at most one of them; neither: half a minute, and to the loudspeakers without end."""

    loop: Path
    options: JamOptions
    bpm: float | None
    output: str | None
    seconds: float | None
    bars: int | None
    engine: str | None


def run(wish: Wish) -> None:
    """Raises BacklineError, OSError, and typer.Exit when a signal ended it."""
    suffix = _suffix(wish.output)
    loop = read_loop(wish.loop.read_bytes())
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    options = _options(wish, loop, suffix, err)
    grid = BarGrid.of(options.bpm, options.beats_per_bar, options.target_sample_rate or loop.rate_hz)
    bars = _bars(wish, grid)
    encoder = _ENCODERS[suffix](grid.rate_hz, 2)
    columns = (TextColumn("playing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    hidden = not err.is_terminal or wish.output is None
    bar = Progress(*columns, console=err, disable=hidden, transient=True)
    with _ended_by_signals(), bar, closing(jam_engine(wish.engine).load()) as engine, _sink(wish, encoder) as feed:
        task = bar.add_task("playing", total=bars)
        for samples in _played(engine, loop, options, bars):
            feed(encoder.encode(samples))
            bar.advance(task)
        feed(encoder.finish())
    if bars is not None:
        seconds = grid.length(0, bars) / grid.rate_hz
        err.print(f"{bars} bars, {seconds:.2f} s at {grid.rate_hz} Hz, seed {options.seed}")


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """One of them ends what is under way as an error does, so that nothing is left of it."""
    before = {number: signal.signal(number, _end) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(number: int, _frame: object) -> NoReturn:
    raise typer.Exit(128 + number)


def _suffix(output: str | None) -> str:
    """Raises Invalid for a name that no format has."""
    if output in (None, "-"):
        return ".wav"
    suffix = Path(str(output)).suffix.lower()
    if suffix not in _ENCODERS:
        raise Invalid(f"Let the name end in one of {', '.join(_ENCODERS)}; {output} does not.")
    return suffix


def _options(wish: Wish, loop: Loop, suffix: str, err: Console) -> JamOptions:
    """With a tempo, and a rate that the format has; a bar is a chunk, so that the first is heard soon."""
    bpm = wish.bpm
    if bpm is None:
        bpm = _found_bpm(loop)
        err.print(f"The loop has {bpm:g} bpm, as far as was heard; --bpm says otherwise.")
    rate_hz = wish.options.target_sample_rate
    if suffix == ".opus":
        rate_hz = choose_rate(FORMATS["opus"], rate_hz, loop.rate_hz)
    elif suffix == ".flac":
        check_rate("flac", rate_hz or loop.rate_hz)
    options = replace(wish.options, bpm=bpm, bars_per_chunk=1, target_sample_rate=rate_hz)
    check_options(options)
    return options


def _found_bpm(loop: Loop) -> float:
    tempo = find_tempo(loop.samples, loop.rate_hz)
    if not tempo.clarity:
        raise Invalid("No beat was found in the loop; say how fast it is with --bpm.")
    return round(tempo.bpm, 3)


def _bars(wish: Wish, grid: BarGrid) -> int | None:
    """None: without end."""
    if wish.seconds is not None and wish.bars is not None:
        raise Invalid("Say --seconds or --bars, not both.")
    if wish.bars is not None:
        if wish.bars < 1:
            raise Invalid("--bars must be at least 1.")
        return wish.bars
    if wish.seconds is None and wish.output is None:
        return None
    seconds = _SECONDS if wish.seconds is None else wish.seconds
    if not 0 < seconds <= _MOST_SECONDS:
        raise Invalid("--seconds must be above 0, and at most a day.")
    return math.ceil(seconds / grid.seconds_per_bar)


def _played(engine: JamEngine, loop: Loop, options: JamOptions, bars: int | None) -> Iterator[Samples]:
    """A bar at a time."""
    playing = Playing(engine, loop, options, options.seed or 0, 0)
    for _ in itertools.count() if bars is None else range(bars):
        chunk = playing.play_bar("wav")
        assert chunk is not None  # a chunk is one bar
        yield from_pcm16(memoryview(chunk.files["wav"])[HEADER_BYTES:], 2)


def _sink(wish: Wish, encoder: Encoder) -> AbstractContextManager[Feed]:
    if wish.output is None:
        return loudspeakers()
    if wish.output == "-":
        return _pipe()
    target = Path(wish.output)
    if target.exists() and not target.is_file():  # a pipe or a device; a folder is refused here
        return _device(target)
    return _file(target, encoder)


@contextmanager
def _pipe() -> Iterator[Feed]:
    if sys.stdout.isatty():
        raise Invalid("Standard output is a terminal. Name a file with -o, or pipe it into a player.")
    yield sys.stdout.buffer.write
    sys.stdout.buffer.flush()


@contextmanager
def _device(target: Path) -> Iterator[Feed]:
    with target.open("wb") as file:
        yield file.write


@contextmanager
def _file(target: Path, encoder: Encoder) -> Iterator[Feed]:
    """It appears under its name once it is whole, and until then an older one stays."""
    whole = target.resolve()  # a link stays a link
    part = whole.with_name(f"{whole.name}.part")
    try:
        with _opened(part, target) as file:
            yield file.write
            file.seek(0)
            file.write(encoder.head())
        part.replace(whole)
    finally:
        part.unlink(missing_ok=True)


def _opened(path: Path, named: Path) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(named)) from None
