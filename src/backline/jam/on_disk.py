"""A jam without a server: a loop from a file, and what follows into a file, a pipe, or to the loudspeakers."""

from __future__ import annotations

import asyncio
import io
import itertools
import math
import signal
import sys
import wave
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from backline.compute.base import JamLink
from backline.compute.jam_in_process import open_jam_link
from backline.engines.jam.loops import Loop, read_loop
from backline.engines.jam.orders import JamOptions
from backline.errors import Failed, Invalid
from backline.ids import new_id
from backline.jam.loudspeakers import Feed, loudspeakers
from backline.media.audio import Samples, from_pcm16
from backline.media.encode.base import Encoder
from backline.media.encode.flac import FlacEncoder
from backline.media.encode.formats import FORMATS, choose_rate
from backline.media.encode.opus import OggOpusEncoder
from backline.media.encode.pcm import WavEncoder
from backline.media.groove.bars import BarGrid
from backline.media.groove.tempo import find_tempo
from backline.settings import JamSettings

_SECONDS = 30.0
_PATIENCE_SECONDS = 25.0
_ENCODERS: dict[str, type[WavEncoder | FlacEncoder | OggOpusEncoder]] = {
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
    """Raises BacklineError, OSError, and typer.Exit when it was interrupted."""
    asyncio.run(_interruptible(_run(wish)))


async def _interruptible(work: Coroutine[Any, Any, None]) -> None:
    """A signal ends the work; the exit status is 128 and its number."""
    task = asyncio.ensure_future(work)
    told: list[int] = []

    def end(number: int) -> None:
        told.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, end, number)
    try:
        await task
    except asyncio.CancelledError:
        if not told:
            raise
        raise typer.Exit(128 + told[0]) from None


async def _run(wish: Wish) -> None:
    suffix = _suffix(wish.output)
    data = wish.loop.read_bytes()
    loop = read_loop(data)
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    options = _options(wish, loop, suffix, err)
    grid = BarGrid.of(options.bpm, options.beats_per_bar, options.target_sample_rate or loop.rate_hz)
    bars = _bars(wish, grid)
    encoder: Encoder = _ENCODERS[suffix](grid.rate_hz, 2)
    columns = (TextColumn("playing"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    hidden = not err.is_terminal or wish.output is None
    with Progress(*columns, console=err, disable=hidden, transient=True) as progress:
        task = progress.add_task("playing", total=bars)
        async with (
            open_jam_link(JamSettings(engine=wish.engine)) as link,
            aclosing(_played(link, data, options, bars)) as played,
            _sink(wish.output, encoder) as feed,
        ):
            async for samples in played:
                await feed(await asyncio.to_thread(encoder.encode, samples))
                progress.advance(task)
            await feed(encoder.finish())
    if bars is not None:
        seconds = grid.length(0, bars) / grid.rate_hz
        err.print(f"{bars} bars, {seconds:.2f} s at {grid.rate_hz} Hz, seed {options.seed}")


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
        tempo = find_tempo(loop.samples, loop.rate_hz)
        if tempo.bpm is None:
            raise Invalid("No beat was found in the loop; say how fast it is with --bpm.", code="no_tempo")
        bpm = round(tempo.bpm, 3)
        err.print(f"The loop has {bpm:g} bpm, as far as was heard; --bpm says otherwise.")
    rate_hz = wish.options.target_sample_rate
    if suffix == ".opus":
        rate_hz = choose_rate(FORMATS["opus"], rate_hz, loop.rate_hz)
    return replace(wish.options, bpm=bpm, bars_per_chunk=1, target_sample_rate=rate_hz)


def _bars(wish: Wish, grid: BarGrid) -> int | None:
    """None: without end."""
    if wish.seconds is not None and wish.bars is not None:
        raise Invalid("Say --seconds or --bars, not both.")
    if wish.bars is not None:
        if wish.bars < 1:
            raise Invalid("--bars must be at least 1.")
        return wish.bars
    seconds = wish.seconds if wish.seconds is not None or wish.output is None else _SECONDS
    if seconds is None:
        return None
    if not 0 < seconds <= 86_400:
        raise Invalid("--seconds must be above 0, and at most a day.")
    return math.ceil(seconds / grid.seconds_per_bar)


async def _played(link: JamLink, loop: bytes, options: JamOptions, bars: int | None) -> AsyncGenerator[Samples, None]:
    """A bar at a time. Raises Failed when the music ends by itself."""
    session_id = new_id("jam")
    status = await link.warm_up(session_id)
    try:
        while not status.warmed:
            status = await link.warm_up(session_id)
        await link.start(session_id, loop, options)
        for bar in itertools.count() if bars is None else range(bars):
            chunk = await link.next(session_id, _PATIENCE_SECONDS)
            while chunk is None:
                if (await link.status(session_id)).ended:
                    raise Failed("The engine stopped playing.", code="engine_failed")
                chunk = await link.next(session_id, _PATIENCE_SECONDS, index=bar)
            with wave.open(io.BytesIO(chunk.audio)) as file:
                yield from_pcm16(file.readframes(file.getnframes()), file.getnchannels())
            await link.consume(session_id, chunk.index)
    finally:
        await link.close(session_id, "over")


def _sink(output: str | None, encoder: Encoder) -> AbstractAsyncContextManager[Feed]:
    if output is None:
        return loudspeakers()
    return _pipe() if output == "-" else _file(Path(output).resolve(), encoder)  # a link stays a link


@asynccontextmanager
async def _pipe() -> AsyncIterator[Feed]:
    if sys.stdout.isatty():
        raise Invalid("Standard output is a terminal. Name a file with -o, or pipe it into a player.")

    async def feed(data: bytes) -> None:
        await asyncio.to_thread(sys.stdout.buffer.write, data)

    yield feed
    sys.stdout.buffer.flush()


@asynccontextmanager
async def _file(target: Path, encoder: Encoder) -> AsyncIterator[Feed]:
    """It appears under its name once it is whole, and until then an older one stays."""
    device = target.exists() and not target.is_file()  # a folder is refused where it is opened
    part = target if device else target.with_name(f"{target.name}.part")
    try:
        with part.open("wb") as file:

            async def feed(data: bytes) -> None:
                await asyncio.to_thread(file.write, data)

            yield feed
            if not device:
                file.seek(0)
                file.write(encoder.head())
        if not device:
            part.replace(target)
    finally:
        if not device:
            part.unlink(missing_ok=True)
