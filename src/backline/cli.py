"""The command line: serve, speak, normalize, engines, doctor."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from contextlib import aclosing
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from backline.accounts.principal import LOCAL
from backline.clock import monotonic
from backline.engines.catalog import CATALOG
from backline.errors import BacklineError, Invalid
from backline.gateway.app import create_app
from backline.gateway.server import Server
from backline.gateway.services import open_services
from backline.ids import new_id
from backline.media.encode.formats import FORMATS
from backline.observability.logging import configure_logging
from backline.settings import Settings
from backline.speech.replies import passages_of
from backline.speech.schemas import GenerateRequest
from backline.speech.service import Request, SpeechService
from backline.speech.stream import Sound, SpeechStream, SpokenWord
from backline.speech.text.language import detect_language
from backline.speech.text.normalise.normaliser import Normaliser

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Backline: the backend behind generative-media apps."
)
err = Console(stderr=True)
out = Console()

_PROGRESS_FROM_CHARACTERS = 1000
"""Shorter texts are spoken before a bar could be drawn."""


def main() -> None:
    """Runs a command; an error that a person can act on is a sentence and exit status 1."""
    try:
        app()
    except BacklineError as error:
        err.print(f"[red]Error:[/red] {error.detail}", highlight=False)
        raise SystemExit(1) from None


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for what is kept on this machine.")] = None,
) -> None:
    """Start the server."""
    given = {"host": host, "port": port, "data_dir": data}
    base = Settings()
    server_settings = base.server.model_copy(update={k: v for k, v in given.items() if v is not None})
    settings = base.model_copy(update={"server": server_settings})
    configure_logging(settings.observability.log_level)
    web = create_app(settings)
    Server(web, settings.server, lambda address: _say_started(address, settings)).run()


@app.command()
def speak(
    text: Annotated[str, typer.Argument(help="What to say; - reads standard input.")],
    output: Annotated[str, typer.Option("-o", "--output", help="File to write; - is standard output.")] = "-",
    language: Annotated[str, typer.Option(help="A language code, or auto.")] = "auto",
    voice: Annotated[str | None, typer.Option(help="A voice; `backline engines` lists them.")] = None,
    audio_format: Annotated[str | None, typer.Option("--format", help="Default: by the file's name, else wav.")] = None,
    sample_rate: Annotated[int | None, typer.Option(help="In Hz; default: the format's own.")] = None,
    speed: Annotated[float, typer.Option(help="1 is normal.")] = 1.0,
    normalize: Annotated[bool, typer.Option(help="Read numbers, dates and money as words.")] = True,
) -> None:
    """Say a text into a file or a pipe."""
    configure_logging("ERROR")
    if output == "-" and sys.stdout.isatty():
        raise Invalid("Standard output is a terminal. Name a file with -o, or pipe it into a player.")
    words = sys.stdin.read() if text == "-" else text
    body = GenerateRequest.model_validate(
        {
            "text": words,
            "voice": voice,
            "language": language,
            "format": audio_format or _format_of(output),
            "sample_rate": sample_rate,
            "speed": speed,
            "normalize": normalize,
            "stream": True,
        }
    )
    try:
        asyncio.run(_speak(body, output))
    except BacklineError:
        if output != "-":
            Path(output).unlink(missing_ok=True)
        raise


@app.command()
def normalize(
    language: Annotated[str, typer.Option(help="A language code, or auto.")] = "auto",
) -> None:
    """Read texts from standard input, one a line, and write each as it would be said."""
    normaliser = Normaliser()
    for line in sys.stdin:
        text = line.rstrip("\n")
        code = detect_language(text) if language == "auto" else language.lower()
        sys.stdout.write(normaliser.normalise(text, code).text.replace("\n", " ") + "\n")


@app.command()
def engines() -> None:
    """List the engines, their voices and what is missing."""
    configure_logging("ERROR")
    asyncio.run(_show_engines())


@app.command()
def doctor() -> None:
    """Say what is installed, what is missing, and how to get it. Exit status 1 when speech cannot work."""
    table = Table("part", "state", "what to do", box=None)
    for package in ("numpy", "av", "soxr", "fastapi", "uvicorn", "uvloop"):
        table.add_row(package, _version_of(package), "")
    for entry in CATALOG:
        state = "installed" if entry.installed else "missing"
        table.add_row(f"engine {entry.name}", state, "" if entry.installed else entry.install_command)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    table.add_row("chromium (tests only)", chromium or "missing", "" if chromium else "apt-get install chromium")
    table.add_row("processors", str(os.cpu_count()), "")
    out.print(table)
    if not any(entry.default and entry.installed for entry in CATALOG):
        err.print("No engine that speaks by default is installed.")
        raise SystemExit(1)


async def _speak(body: GenerateRequest, output: str) -> None:
    settings = Settings()
    alone = settings.speech.model_copy(update={"workers": 1})  # one text needs one engine; more would only cost time
    async with open_services(settings.model_copy(update={"speech": alone})) as provided:
        service = provided.get(SpeechService)
        plan = service.planner.plan(body)
        preparation = service.preparation(plan, chunking=body.chunking)
        request = Request(LOCAL, new_id("req"), monotonic(), len(body.text))
        speech = service.speak(plan, preparation, preparation.units_of(passages_of(body.text, plan)), request)
        with contextlib.ExitStack() as stack:
            file: BinaryIO = sys.stdout.buffer if output == "-" else stack.enter_context(open(output, "wb"))  # noqa: ASYNC230
            await _write(speech, file, len(body.text))
            if output != "-":
                file.seek(0)
                file.write(speech.head())


async def _write(speech: SpeechStream, file: BinaryIO, characters: int) -> None:
    columns = (TextColumn("speaking"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    hidden = characters < _PROGRESS_FROM_CHARACTERS or not err.is_terminal
    with Progress(*columns, console=err, disable=hidden, transient=True) as progress:
        task = progress.add_task("speaking", total=characters)
        async with aclosing(speech.events()) as events:
            async for some in events:
                for event in some:
                    if isinstance(event, Sound):
                        await asyncio.to_thread(file.write, event.data)
                    elif isinstance(event, SpokenWord):
                        progress.update(task, completed=event.source_end)
    await asyncio.to_thread(file.flush)


async def _show_engines() -> None:
    async with open_services(Settings()) as provided:
        for status in provided.get(SpeechService).planner.engines():
            entry, capabilities = status.entry, status.capabilities
            out.print(f"[bold]{entry.name}[/bold] ({entry.kind}, {entry.licence}) {entry.about}", highlight=False)
            if capabilities is None:
                out.print(f"  not running: {status.reason}", highlight=False, markup=False)
                continue
            out.print(f"  {capabilities.model_version}, {capabilities.rate_hz} Hz", highlight=False)
            out.print("  voices:    " + ", ".join(voice.id for voice in capabilities.voices), highlight=False)
            out.print("  languages: " + ", ".join(one.code for one in capabilities.languages), highlight=False)


def _say_started(address: str, settings: Settings) -> None:
    err.print(f"\nBackline is at [bold]{address}[/bold]   studio: {address}/studio", highlight=False)
    missing = [entry for entry in CATALOG if not entry.installed]
    embedded = [entry.name for entry in CATALOG if entry.installed]
    err.print(f"  embedded: speech engines {', '.join(embedded)}; request records in memory", highlight=False)
    err.print(f"  files: {settings.server.data_dir}", highlight=False)
    for entry in missing:
        err.print(f"  not installed: speech engine {entry.name} ({entry.install_command})", markup=False)
    if settings.server.bound_to_loopback:
        err.print("  open to this machine only; there are no accounts\n")
    else:
        err.print("  [red]not bound to loopback: without accounts every request will be refused[/red]\n")


def _format_of(output: str) -> str:
    suffix = Path(output).suffix.lower()
    if output == "-" or not suffix:
        return "wav"
    for known in FORMATS.values():
        if suffix == known.suffix:
            return known.name
    raise Invalid(f"No format ends in {suffix}. Choose one with --format: {', '.join(FORMATS)}.")


def _version_of(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
