"""`backline jam`, as the command line meets it: what it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Loop = Annotated[Path, typer.Argument(help="An audio file that begins on a bar line.", metavar="LOOP")]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", help="A .wav, .flac or .opus; - is a WAV on standard output. Else it is played."),
]
Bpm = Annotated[float | None, typer.Option(help="Of the loop, 20 to 300. Found when it is not said.")]
Beats = Annotated[int, typer.Option("--beats-per-bar", help="1 to 16.")]
Styles = Annotated[str, typer.Option(help='Words between commas: "acid house, dark".')]
Weights = Annotated[str, typer.Option("--style-weights", help="Numbers between commas; one not said is 1.")]
Seconds = Annotated[float | None, typer.Option(help="How long; whole bars are played.", show_default="30 to a file")]
Bars = Annotated[int | None, typer.Option(help="How long, in bars.")]
LoopWeight = Annotated[float, typer.Option("--loop-weight", help="How much the loop counts, 0 to 10.")]
Guidance = Annotated[float, typer.Option("--guidance-weight", help="How strictly styles are followed, 0 to 10.")]
Temperature = Annotated[float, typer.Option(help="How far it strays from what is likely, 0 to 4.")]
TopK = Annotated[int, typer.Option("--topk", help="Of how many continuations it takes one, 1 to 1024.")]
Loudness = Annotated[
    Literal["auto", "lufs", "rms", "none"], typer.Option("--loudness-mode", help="How it is matched to the loop.")
]
Headroom = Annotated[float, typer.Option("--loudness-headroom-db", help="Peaks stay so far below full scale, 0 to 24.")]
Rate = Annotated[
    int | None, typer.Option("--sample-rate", help="In Hz, 8000 to 192000.", show_default="the loop's own")
]
Seed = Annotated[int, typer.Option(min=0, help="The same seed, loop and knobs are the same samples.")]
Engine = Annotated[str | None, typer.Option(help="What plays.", show_default="the default engine")]


def jam(
    loop: Loop,
    output: Output = None,
    bpm: Bpm = None,
    beats_per_bar: Beats = 4,
    styles: Styles = "",
    style_weights: Weights = "",
    seconds: Seconds = None,
    bars: Bars = None,
    loop_weight: LoopWeight = 1.0,
    guidance_weight: Guidance = 1.1,
    temperature: Temperature = 1.1,
    topk: TopK = 40,
    loudness_mode: Loudness = "auto",
    loudness_headroom_db: Headroom = 1.0,
    sample_rate: Rate = None,
    seed: Seed = 1,
    engine: Engine = None,
) -> None:
    """Play on from a loop: into a file, a pipe, or to the loudspeakers until Ctrl-C."""
    from backline.jam.on_disk import Wish, run
    from backline.jam.schemas import StartForm

    form = StartForm.model_validate(
        {
            "beats_per_bar": beats_per_bar,
            "styles": styles,
            "style_weights": style_weights,
            "loop_weight": loop_weight,
            "guidance_weight": guidance_weight,
            "temperature": temperature,
            "topk": topk,
            "loudness_mode": loudness_mode,
            "loudness_headroom_db": loudness_headroom_db,
            "target_sample_rate": sample_rate,
            "seed": seed,
        }
    )
    run(Wish(loop, form.options, bpm, output, seconds, bars, engine))
