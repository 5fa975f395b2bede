"""What may be asked of a jam: ranges, and what to do about a value outside."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import get_args

from backline.engines.jam.orders import ChunkFormat, JamChange, JamOptions, LoudnessMode
from backline.errors import Invalid
from backline.ids import is_id

MOST_CHUNK_SECONDS = 32.0
MOST_STYLES = 16
MOST_STYLE_CHARACTERS = 200
_BPM = (20, 300)
_BARS_PER_CHUNK = (1, 16)
_BEATS_PER_BAR = (1, 16)
_WEIGHT = (0, 10)
_STYLE_WEIGHT = (-1000, 1000)
_TEMPERATURE = (0, 4)
_TOPK = (1, 1024)
_HEADROOM_DB = (0, 24)
_SAMPLE_RATE_HZ = (8000, 192_000)
_SEED = (0, 2**63 - 1)
_ANCHOR_BARS = (0, 64)
_TIMEOUT_SECONDS = (0, 60)


def check_options(options: JamOptions) -> None:
    """Raises Invalid `out_of_range`, naming the field and its range, or `chunk_too_long`."""
    _within("bpm", options.bpm, _BPM)
    _within("bars_per_chunk", options.bars_per_chunk, _BARS_PER_CHUNK, whole=True)
    _within("beats_per_bar", options.beats_per_bar, _BEATS_PER_BAR, whole=True)
    _within("loudness_headroom_db", options.loudness_headroom_db, _HEADROOM_DB)
    _within("target_sample_rate", options.target_sample_rate, _SAMPLE_RATE_HZ, whole=True)
    _within("seed", options.seed, _SEED, whole=True)
    _one_of("loudness_mode", options.loudness_mode, get_args(LoudnessMode))
    _check_knobs(options)
    _check_chunk(options)
    check_styles(options.styles, options.style_weights)
    check_weight_count(options.styles, options.style_weights)


def check_change(change: JamChange) -> None:
    """Raises Invalid `out_of_range`; whether there are styles for the weights is known to the session alone."""
    _check_knobs(change)
    check_styles(change.styles, change.style_weights)
    if change.styles:
        check_weight_count(change.styles, change.style_weights)


def check_anchor(anchor_bars: float) -> None:
    _within("anchor_bars", anchor_bars, _ANCHOR_BARS)


def check_format(chunk_format: str) -> None:
    _one_of("format", chunk_format, get_args(ChunkFormat))


def check_index(index: int | None) -> None:
    if index is not None and index < 0:
        raise _refused("index", "An index must be a whole number from 0.")


def check_timeout(timeout_seconds: float) -> None:
    _within("timeout_seconds", timeout_seconds, _TIMEOUT_SECONDS)


def check_session_id(session_id: str) -> None:
    """Raises Invalid `bad_session_id`."""
    if not is_id(session_id):
        detail = "A session_id has 1 to 64 letters, digits, underscores and hyphens."
        raise Invalid(detail, code="bad_session_id", more={"field": "session_id"})


def check_styles(styles: Sequence[str], weights: Sequence[float]) -> None:
    if len(styles) > MOST_STYLES or any(len(words) > MOST_STYLE_CHARACTERS for words in styles):
        raise _refused("styles", f"There may be at most {MOST_STYLES} styles of {MOST_STYLE_CHARACTERS} characters.")
    if not all(words.strip() for words in styles):
        raise _refused("styles", "A style without words means nothing; leave it out.")
    for weight in weights:
        _within("style_weights", weight, _STYLE_WEIGHT)


def check_weight_count(styles: Sequence[str], weights: Sequence[float]) -> None:
    """Raises Invalid for a weight that belongs to no style."""
    if len(weights) > len(styles):
        detail = f"There are {len(weights)} style_weights for {len(styles)} styles; leave out those that are too many."
        raise _refused("style_weights", detail)


def _check_knobs(asked: JamOptions | JamChange) -> None:
    _within("loop_weight", asked.loop_weight, _WEIGHT)
    _within("guidance_weight", asked.guidance_weight, _WEIGHT)
    _within("temperature", asked.temperature, _TEMPERATURE)
    _within("topk", asked.topk, _TOPK, whole=True)


def _check_chunk(options: JamOptions) -> None:
    bar_seconds = 60 * options.beats_per_bar / options.bpm
    seconds = bar_seconds * options.bars_per_chunk
    if seconds > MOST_CHUNK_SECONDS:
        most_bars = int(MOST_CHUNK_SECONDS / bar_seconds)
        cure = f"Ask for at most {most_bars} bars_per_chunk." if most_bars else "Ask for fewer beats_per_bar."
        raise Invalid(
            f"A chunk would last {seconds:.1f} s; {MOST_CHUNK_SECONDS:.0f} s is the most. {cure}",
            code="chunk_too_long",
            more={"field": "bars_per_chunk"},
        )


def _within(field: str, value: float | None, bounds: tuple[int, int], whole: bool = False) -> None:
    """None means that nothing was asked for."""
    low, high = bounds
    if value is None or (math.isfinite(value) and low <= value <= high and (not whole or value == int(value))):
        return
    number = "a whole number" if whole else "a number"
    raise _refused(field, f"{field} must be {number} from {low} to {high}.")


def _one_of(field: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise _refused(field, f"{field} must be one of {', '.join(choices)}.")


def _refused(field: str, detail: str) -> Invalid:
    return Invalid(detail, code="out_of_range", more={"field": field})
