"""The commands of `backline export`: films from files to a file, on this machine, without a server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperCommand

from backline.engines.video.base import Effect, Encoder, Interpolation
from backline.errors import Invalid
from backline.exports.on_disk import Wish, export
from backline.exports.schemas import ExportType

Film = Annotated[Path, typer.Argument(help="The film.", metavar="INPUT", show_default=False)]
Films = Annotated[list[Path], typer.Argument(help="The films, in order.", metavar="INPUT...", show_default=False)]
Output = Annotated[Path, typer.Option("-o", "--output", help="The MP4 to write.", show_default=False)]
Keyframes = Annotated[
    Path, typer.Option("--keyframes", help="JSON: a list, or an object as the API's config.", show_default=False)
]
Clips = Annotated[
    Path, typer.Option("--clips", "--keyframes", help="JSON: a list of clips, or an object as the API's config.")
]
Width = Annotated[
    int | None, typer.Option(help="Of the output, in pixels; with --height.", show_default="the window's")
]
Height = Annotated[int | None, typer.Option(help="Of the output, in pixels.", show_default="the window's")]
Rate = Annotated[float | None, typer.Option("--fps", help="Frames a second.", show_default="the film's")]
Sound = Annotated[bool, typer.Option("--audio/--no-audio", help="Keep the sound.")]
Fast = Annotated[bool, typer.Option("--fast", help="Quicker, and a larger file.")]
Curve = Annotated[Interpolation, typer.Option("--interpolation", help="Between keyframes.")]
By = Annotated[Encoder, typer.Option("--encoder", help="What encodes.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an output that is there.")]


def render_commands() -> dict[str, TyperCommand]:
    """By name."""
    app = typer.Typer(no_args_is_help=True)
    app.command("framing")(framing)
    app.command("overlay")(overlay)
    app.command("annotate")(annotate)
    app.command("multi-clip")(multi_clip)
    group = typer.main.get_group(app)
    return {name: one for name, one in group.commands.items() if isinstance(one, TyperCommand)}


def framing(
    film: Film,
    keyframes: Keyframes,
    output: Output,
    width: Width = None,
    height: Height = None,
    fps: Rate = None,
    audio: Sound = True,
    fast: Fast = False,
    interpolation: Curve = "linear",
    encoder: By = "auto",
    force: Force = False,
) -> None:
    """Follow a window that moves and zooms over a film.

    Keyframes have time, x, y, width, height; an object may also have segments with speeds and trims.
    """
    common = _common(width, height, fps, audio, fast, interpolation, encoder)
    _run("framing", {**_read(keyframes, "keyframes"), **common}, [film], output, force)


def overlay(
    film: Film,
    keyframes: Keyframes,
    output: Output,
    effect: Annotated[Effect | None, typer.Option(help="What is done.", show_default="the file's, or original")] = None,
    width: Width = None,
    height: Height = None,
    fps: Rate = None,
    audio: Sound = True,
    fast: Fast = False,
    interpolation: Curve = "linear",
    encoder: By = "auto",
    force: Force = False,
) -> None:
    """Put a moving ellipse of light, or of colour, on a player.

    A list holds regions (start_time, end_time, keyframes), or keyframes: time, x, y, radiusX, radiusY, opacity, color.
    """
    given = _read(keyframes, "highlight_regions")
    listed = given.get("highlight_regions")
    if isinstance(listed, list) and listed and isinstance(listed[0], dict) and "time" in listed[0]:
        given["highlight_keyframes"] = given.pop("highlight_regions")
    if effect is not None:
        given["highlight_effect_type"] = effect
    common = _common(width, height, fps, audio, fast, interpolation, encoder)
    _run("overlay", {**given, **common}, [film], output, force)


def annotate(
    film: Film,
    clips: Clips,
    output: Output,
    width: Width = None,
    height: Height = None,
    fps: Rate = None,
    audio: Sound = True,
    fast: Fast = False,
    encoder: By = "auto",
    force: Force = False,
) -> None:
    """Cut clips out of a film and join them, each with its label.

    Clips have start_time, end_time, name, notes, rating (1 to 5) and tags.
    """
    common = _common(width, height, fps, audio, fast, None, encoder)
    _run("annotate", {**_read(clips, "clips"), **common}, [film], output, force)


def multi_clip(
    films: Films,
    output: Output,
    clips: Annotated[
        Path | None,
        typer.Option("--clips", "--keyframes", help="JSON: for each film an object with keyframes and segments."),
    ] = None,
    transition: Annotated[Literal["cut", "crossfade"] | None, typer.Option(help="Between two films.")] = None,
    seconds: Annotated[float | None, typer.Option("--transition-seconds", help="Of a crossfade.")] = None,
    width: Width = None,
    height: Height = None,
    fps: Rate = None,
    audio: Sound = True,
    fast: Fast = False,
    interpolation: Curve = "linear",
    encoder: By = "auto",
    force: Force = False,
) -> None:
    """Join several films, each with its own window."""
    config = {"clips": [{} for _ in films]} if clips is None else _read(clips, "clips")
    if transition is not None or seconds is not None:
        how = {"type": transition or "crossfade"} | ({} if seconds is None else {"seconds": seconds})
        config["transition"] = how
    common = _common(width, height, fps, audio, fast, interpolation, encoder)
    _run("multi_clip", {**config, **common}, films, output, force)


def _common(
    width: int | None,
    height: int | None,
    fps: float | None,
    audio: bool,
    fast: bool,
    interpolation: Interpolation | None,
    encoder: Encoder,
) -> dict[str, Any]:
    """What the command line says, and nothing that it leaves to the file."""
    said = {
        "target_width": (width, None),
        "target_height": (height, None),
        "target_fps": (fps, None),
        "include_audio": (audio, True),
        "export_mode": ("FAST" if fast else "quality", "quality"),
        "interpolation": (interpolation or "linear", "linear"),
        "encoder": (encoder, "auto"),
    }
    return {name: value for name, (value, default) in said.items() if value != default}


def _read(file: Path, name: str) -> dict[str, Any]:
    """The config in a file; a bare list is its field of that name. Raises Invalid."""
    try:
        found = json.loads(file.read_bytes())
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid(f"{file} is not JSON in UTF-8.") from None
    if isinstance(found, list):
        return {name: found}
    if not isinstance(found, dict):
        raise Invalid(f"{file} holds neither a list nor an object.")
    return found


def _run(
    kind: ExportType,
    config: Mapping[str, Any],
    films: list[Path],
    output: Path,
    force: bool,
) -> None:
    export(Wish(kind, config, films, output, force))
