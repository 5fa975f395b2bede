"""Spectrograms with a waveform below and the bars above, drawn with Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from backline.media.audio import Samples
from backline.media.groove.bars import BarGrid

WIDTH, LEFT, RIGHT = 1200, 62, 12
HEAD, PICTURE, WAVE, GAP = 46, 250, 56, 14
LOWEST_HZ, HIGHEST_HZ = 40.0, 16_000.0
RANGE_DB = 75.0
WINDOWS = ((120.0, 8192), (700.0, 3072), (4000.0, 1024))
"""Around so many Hz a window of so many samples at 48 kHz: long where notes lie close, short where hits are. Between
them one fades into the next."""

PAPER, INK, FAINT, TRACE = (16, 16, 24), (232, 232, 236), (120, 120, 134), (246, 171, 96)
SHADES = ((0, 0, 6), (45, 12, 92), (122, 28, 109), (196, 54, 86), (243, 112, 60), (252, 190, 80), (252, 252, 200))

Numbers = npt.NDArray[np.float64]
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Panel:
    """bars_per_chunk: 0 where there are no chunks. labels: one a bar, under its number."""

    title: str
    samples: Samples
    grid: BarGrid
    bars_per_chunk: int = 0
    labels: Sequence[str] = ()


def draw(path: Path, panels: Sequence[Panel]) -> None:
    each = HEAD + PICTURE + WAVE + GAP
    image = Image.new("RGB", (WIDTH, each * len(panels)), PAPER)
    for number, panel in enumerate(panels):
        _draw(image, panel, each * number)
    image.quantize(192, Image.Quantize.MEDIANCUT).save(path, optimize=True)


def _draw(image: Image.Image, panel: Panel, top: int) -> None:
    ink = ImageDraw.Draw(image)
    inner = WIDTH - LEFT - RIGHT
    frames = len(panel.samples)
    image.paste(Image.fromarray(_colours(_levels(panel.samples, panel.grid.rate_hz, inner))), (LEFT, top + HEAD))
    _wave(ink, panel.samples, top + HEAD + PICTURE)
    ink.text((LEFT, top + 4), panel.title, INK, _font(15))
    for hz in (50, 100, 200, 500, 1000, 2000, 5000, 10_000):
        y = top + HEAD + round(PICTURE * (1 - _height(hz)))
        ink.text((LEFT - 8, y), f"{hz / 1000:g} k" if hz >= 1000 else f"{hz}", FAINT, _font(12), anchor="rm")
        ink.line((LEFT - 5, y, LEFT, y), FAINT)
    bar = 0
    while panel.grid.start(bar) < frames - WIDTH:
        x = LEFT + round(panel.grid.start(bar) * inner / frames)
        chunk = panel.bars_per_chunk and bar % panel.bars_per_chunk == 0
        ink.line((x, top + HEAD - (12 if chunk else 6), x, top + HEAD), TRACE if chunk else FAINT, 2 if chunk else 1)
        label = f"{bar + 1}" + (f"  {panel.labels[bar]}" if bar < len(panel.labels) else "")
        ink.text((x + 4, top + HEAD - 3), label, TRACE if chunk else FAINT, _font(12), anchor="ls")
        bar += 1


def _wave(ink: ImageDraw.ImageDraw, samples: Samples, top: int) -> None:
    edges = np.linspace(0, len(samples), WIDTH - LEFT - RIGHT + 1).astype(int)
    flat = samples.mean(axis=1) / max(float(np.abs(samples).max()), 1e-6)
    for x, (first, end) in enumerate(zip(edges[:-1], np.maximum(edges[1:], edges[:-1] + 1), strict=True)):
        low, high = float(flat[first:end].min()), float(flat[first:end].max())
        middle, half = top + WAVE // 2, WAVE / 2 - 3
        ink.line((LEFT + x, middle - half * high, LEFT + x, middle - half * low), FAINT)


def _levels(samples: Samples, rate_hz: int, columns: int) -> Numbers:
    """dB below the loudest, [PICTURE, columns], the highest frequency first."""
    wanted = LOWEST_HZ * (HIGHEST_HZ / LOWEST_HZ) ** (np.arange(PICTURE)[::-1] / PICTURE)
    flat = samples.mean(axis=1).astype(np.float64)
    energy: Numbers = np.zeros((PICTURE, columns))
    middles = [np.log(hz) for hz, _ in WINDOWS]
    for number, (_, window) in enumerate(WINDOWS):
        weight = np.interp(np.log(wanted), middles, np.eye(len(WINDOWS))[number])
        rows = weight > 0
        found = _columns(flat, round(window * rate_hz / 48_000), columns, rate_hz, wanted[rows])
        energy[rows] += found * weight[rows, None]
    levels = 10 * np.log10(energy * wanted[:, None] + 1e-9)  # an octave of pink noise is equally bright
    below: Numbers = levels - levels.max()
    return below


def _columns(flat: Numbers, window: int, columns: int, rate_hz: int, wanted_hz: Numbers) -> Numbers:
    """Energy, [len(wanted_hz), columns]."""
    padded = np.pad(flat, window)
    shape = np.hanning(window)
    hz = np.fft.rfftfreq(window, 1 / rate_hz)
    found = np.zeros((len(wanted_hz), columns))
    for column, middle in enumerate(np.linspace(0, len(flat), columns, endpoint=False).astype(int)):
        first = middle + window - window // 2
        energy = np.abs(np.fft.rfft(padded[first : first + window] * shape)) ** 2 / (shape**2).sum()
        found[:, column] = np.interp(wanted_hz, hz, energy)
    return found


def _colours(levels_db: Numbers) -> Pixels:
    at = np.clip(1 + levels_db / RANGE_DB, 0, 1) * (len(SHADES) - 1)
    shades = np.array(SHADES, dtype=np.float64)
    pixels = np.stack([np.interp(at, np.arange(len(SHADES)), shades[:, part]) for part in range(3)], -1)
    return pixels.astype(np.uint8)


def _height(hz: float) -> float:
    return float(np.log(hz / LOWEST_HZ) / np.log(HIGHEST_HZ / LOWEST_HZ))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
