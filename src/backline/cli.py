"""The command line: serve, worker, migrate, users, keys, credits, export, jam, speak, normalize, engines, doctor.

What only a server needs is imported by the command that needs it: a text is spoken in half the time without.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import aclosing, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from backline.accounts.commands import keys_app, users_app
from backline.accounts.principal import LOCAL
from backline.clock import monotonic
from backline.credits.commands import credits_app
from backline.db.database import database_url
from backline.deploy.commands import modal_commands
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind
from backline.errors import BacklineError, Invalid
from backline.exports.commands import export_app
from backline.gateway.speech import open_speech
from backline.ids import new_id
from backline.jam.commands import jam
from backline.media.encode.formats import FORMATS
from backline.observability.logging import configure_logging
from backline.settings import Settings
from backline.speech.events import Sound, SpokenWord
from backline.speech.plan import language_to_read
from backline.speech.replies import passages_of
from backline.speech.schemas import GenerateRequest, check_lexicon
from backline.speech.service import Request
from backline.speech.stream import SpeechStream
from backline.speech.text.normalise.normaliser import Normaliser
from backline.web.problems import describe_validation

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it would print local variables, and with them what somebody wrote
    help="Backline: the backend behind generative-media apps.",
)
err = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)


@asynccontextmanager
async def _administration() -> AsyncIterator[Mapping[type[Any], Any]]:
    from backline.gateway.services import open_administration

    settings = _settings()
    configure_logging("ERROR")
    async with open_administration(settings) as parts:
        yield parts


app.add_typer(users_app(_administration), name="users")
app.add_typer(keys_app(_administration), name="keys")
app.add_typer(credits_app(_administration), name="credits")
app.add_typer(export_app(), name="export")
app.add_typer(modal_commands(lambda: _settings()), name="modal")
app.command()(jam)

LexiconFile = Annotated[Path | None, typer.Option(help="A JSON file: an object of words and how each is spoken.")]

_PROGRESS_FROM_CHARACTERS = 1000
"""Shorter texts are spoken before a bar could be drawn."""


def main() -> None:
    """Runs a command; an error that a person can act on is a sentence and exit status 1."""
    try:
        app()
    except BacklineError as error:
        _fail(error.detail)
    except ValidationError as error:
        _fail(describe_validation(error.errors())[0])
    except OSError as error:
        _fail(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))


def _fail(sentence: str) -> NoReturn:
    err.print("[red]Error:[/red]", escape(sentence))
    raise SystemExit(1)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for what is kept on this machine.")] = None,
) -> None:
    """Start the server."""
    from backline.gateway.app import create_app
    from backline.gateway.server import Server
    from backline.gateway.services import fit_schema

    given = {"host": host, "port": port, "data_dir": data}
    settings = _settings(server={name: value for name, value in given.items() if value is not None})
    configure_logging(settings.observability.log_level)
    settings.server.data_dir.mkdir(parents=True, exist_ok=True)
    fit_schema(settings)
    Server(create_app(settings), settings.server, lambda address: _say_started(address, settings)).run()


@app.command()
def jobs(
    data: Annotated[Path | None, typer.Option(help="Folder for what is kept on this machine.")] = None,
) -> None:
    """Work on jobs, without a server; any number may run beside each other."""
    from backline.gateway.services import open_job_loop
    from backline.jobs.commands import run_loop

    settings = _settings(server={} if data is None else {"data_dir": data})
    configure_logging(settings.observability.log_level)
    settings.server.data_dir.mkdir(parents=True, exist_ok=True)
    asyncio.run(run_loop(lambda: open_job_loop(settings)))


@app.command()
def worker(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8001,
    engine: Annotated[str | None, typer.Option(help="The jam engine that plays; default: the first installed.")] = None,
) -> None:
    """Speak, and play jam sessions, for a gateway that runs elsewhere; needs BACKLINE_JAM__WORKER_KEY or SPEECH's."""
    from backline.worker.app import create_worker
    from backline.worker.server import WorkerServer

    settings = _settings(jam={} if engine is None else {"engine": engine})
    configure_logging(settings.observability.log_level)
    served = create_worker(settings.jam, speech=settings.speech)
    server = WorkerServer(served, host, port, _say_worker_started, settings.server.drain_seconds)
    server.run()
    if server.faulted:
        _fail("The GPU failed. The worker has ended, so that it is started anew.")


@app.command()
def migrate() -> None:
    """Bring the database forward to the schema of this release."""
    from backline.migrations.schema import upgrade

    settings = _settings()
    settings.server.data_dir.mkdir(parents=True, exist_ok=True)
    before, after = upgrade(settings.database_address)
    out.print(f"The schema is {after}" + (", as it was." if before == after else f"; it was {before or 'empty'}."))


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
    lexicon: LexiconFile = None,
) -> None:
    """Say a text into a file or a pipe."""
    configure_logging("ERROR")
    if output == "-" and sys.stdout.isatty():
        raise Invalid("Standard output is a terminal. Name a file with -o, or pipe it into a player.")
    body = GenerateRequest.model_validate(
        {
            "text": _standard_input() if text == "-" else text,
            "voice": voice,
            "language": language,
            "format": audio_format or _format_of(output),
            "sample_rate": sample_rate,
            "speed": speed,
            "normalize": normalize,
            "lexicon": _lexicon(lexicon),
            "stream": True,
        }
    )
    asyncio.run(_speak(body, output))


@app.command()
def normalize(
    language: Annotated[str, typer.Option(help="A language code, or auto.")] = "auto",
    lexicon: LexiconFile = None,
) -> None:
    """Read texts from standard input, one a line, and write each as it would be said."""
    normaliser = Normaliser(_lexicon(lexicon))
    for line in sys.stdin.buffer:
        text = _decoded(line).rstrip("\r\n")
        spoken = normaliser.normalise(text, language_to_read(text, language))
        sys.stdout.write(spoken.text.replace("\n", " ") + "\n")


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
        table.add_row(f"engine {entry.name}", state, "" if entry.installed else escape(entry.install_command))
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    table.add_row("chromium (tests only)", chromium or "missing", "" if chromium else "apt-get install chromium")
    table.add_row("processors", str(os.cpu_count()), "")
    out.print(table)
    if not any(entry.kind is EngineKind.SPEECH and entry.default and entry.installed for entry in CATALOG):
        err.print("No engine that speaks by default is installed.")
        raise SystemExit(1)


async def _speak(body: GenerateRequest, output: str) -> None:
    settings = _settings()
    alone = settings.speech.model_copy(update={"workers": 1})  # one text needs one engine; more would only cost time
    async with open_speech(settings.model_copy(update={"speech": alone})) as service:
        plan = service.planner.plan(body)
        preparation = service.preparation(plan, chunking=body.chunking)
        request = Request(LOCAL, new_id("req"), monotonic(), len(body.text))
        speech = service.speak(plan, preparation, preparation.units_of(passages_of(body.text, plan)), request)
        with _writing(output) as file:
            await _write(speech, file, len(body.text))
            if output != "-" and file.seekable():
                file.seek(0)
                file.write(speech.head())


@contextlib.contextmanager
def _writing(output: str) -> Iterator[BinaryIO]:
    """Where sound goes. A file appears under its name once it is whole, and until then an older one stays."""
    target = Path(output)
    if output == "-":
        yield sys.stdout.buffer
    elif target.exists() and not target.is_file():  # a pipe or a device; a folder is refused here
        with target.open("wb") as file:
            yield file
    else:
        target = target.resolve()  # a link stays a link
        part = target.with_name(f"{target.name}.part")
        try:
            with _opened(part, output) as file:
                yield file
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _opened(path: Path, name: str) -> BinaryIO:
    try:
        return path.open("wb")
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from None


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
    async with open_speech(_settings()) as service:
        for status in service.planner.engines():
            entry, capabilities = status.entry, status.capabilities
            out.print(f"[bold]{entry.name}[/bold] ({entry.kind}, {entry.licence}) {entry.about}")
            if capabilities is None:
                out.print(f"  not running: {status.reason}", markup=False)
                continue
            out.print(f"  {capabilities.model_version}, {capabilities.rate_hz} Hz")
            out.print("  voices:    " + ", ".join(voice.id for voice in capabilities.voices))
            out.print("  languages: " + ", ".join(one.code for one in capabilities.languages))


def _say_started(address: str, settings: Settings) -> None:
    err.print(f"\nBackline is at [bold]{address}[/bold]   studio: {address}/studio")
    for line in (_speech_of(settings), _rows_and_files_of(settings)):
        err.print(f"  {line}", markup=False)
    if settings.modal.enabled:
        err.print(f"  on Modal, as its table says: the app {settings.modal.app}", markup=False)
    for entry in _speaking_here(settings):
        if not entry.installed:
            err.print(f"  not installed: speech engine {entry.name} ({entry.install_command})", markup=False)
    if settings.server.bound_to_loopback:
        err.print("  open to this machine, without a key\n")
    else:
        err.print("  every caller needs a key or a token: backline users create, backline keys create\n")


def _speech_of(settings: Settings) -> str:
    speech = settings.speech
    if speech.plane_url is not None:
        return f"speech is passed on to {speech.plane_url}, where every caller needs a key or a token"
    if speech.worker_url is not None:
        return f"speech is made by the worker at {speech.worker_url}"
    installed = [entry.name for entry in _speaking_here(settings) if entry.installed]
    return f"embedded speech engines: {', '.join(installed) or 'none'}"


def _speaking_here(settings: Settings) -> list[EngineEntry]:
    speech, modal = settings.speech, settings.modal
    if speech.plane_url is not None or speech.worker_url is not None:
        return []
    elsewhere = modal.speech.engines if modal.enabled else []
    return [entry for entry in CATALOG if entry.kind is EngineKind.SPEECH and entry.name not in elsewhere]


def _rows_and_files_of(settings: Settings) -> str:
    bucket = settings.storage.bucket
    files = settings.server.data_dir if bucket is None else f"the bucket {bucket}"
    return f"rows in {_database_of(settings)}, files in {files}"


def _say_worker_started(address: str) -> None:
    err.print(f"\nThe worker is at [bold]{address}[/bold]\n")


def _database_of(settings: Settings) -> str:
    return "SQLite" if database_url(settings.database_address).get_backend_name() == "sqlite" else "Postgres"


def _settings(**given: Any) -> Settings:
    from backline.gateway.limits import require_redis

    try:
        settings = Settings.read(**given)
        database_url(settings.database_address)  # refused here rather than when it is needed
        require_redis(settings)
        return settings
    except ValueError as error:
        raise Invalid(str(error)) from None


def _lexicon(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    try:
        return check_lexicon(json.loads(file.read_bytes()))
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise Invalid(f"The lexicon {file} is not JSON in UTF-8.") from None
    except ValueError as error:
        raise Invalid(f"The lexicon {file}: {error}.") from None


def _standard_input() -> str:
    return _decoded(sys.stdin.buffer.read())


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Invalid("Standard input is not UTF-8.") from None


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
