"""docs/deploy.md is followed to the letter: every command of it, in its order, in one shell, against the stand-in."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import pytest
import soundfile

from tests.databases import Postgres
from tests.films import Film
from tests.loops import loop
from tests.modal_standin.hub import Options
from tests.modal_standin.listen import free_port
from tests.modal_standin.standin import TOKENS, StandIn
from tests.storage import stores

PAGE = Path(__file__).parents[2] / "docs" / "deploy.md"
BLOCK = re.compile(r"^```sh(?P<real> real)?\n(?P<commands>.*?)^```$", re.MULTILINE | re.DOTALL)
SECONDS = 240

OURS = "MODAL_", "BACKLINE_", "R2_", "DATABASE_URL", "REDIS_URL", "DARIUS_"
"""What a newcomer's shell has none of."""


@dataclass
class Block:
    """Commands below a heading. real: they are for Modal itself, and not run."""

    heading: str
    commands: str
    real: bool


def blocks() -> list[Block]:
    page = PAGE.read_text()
    found = []
    for match in BLOCK.finditer(page):
        heading = re.findall(r"^## (.+)$", page[: match.start()], re.MULTILINE)[-1]
        found.append(Block(heading, match["commands"], match["real"] is not None))
    return found


def filled_in(commands: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        commands = commands.replace(placeholder, value)
    return commands


def script_of(page: list[Block], values: Mapping[str, str]) -> str:
    """One shell for all blocks, which stops at the first command that fails, and says before each where it is."""
    parts = ["set -euo pipefail"]
    for block in page:
        if not block.real:
            parts.append(f"echo; echo {shlex.quote(f'== {block.heading}')}")
            parts.append(filled_in(block.commands, values))
    return "\n".join(parts)


@dataclass
class Newcomer:
    """values: what the page leaves to be filled in, and what it is here."""

    standin: StandIn
    folder: Path
    values: Mapping[str, str]

    def follow(self, page: list[Block]) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        told = self.standin.environment
        environment |= {one: told[one] for one in ("MODAL_SERVER_URL", "MODAL_CONFIG_PATH")}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        done = subprocess.run(
            ["bash", "-c", script_of(page, self.values)],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def newcomer(postgres: Postgres, tmp_path: Path) -> Iterator[Newcomer]:
    """Somebody with an account, an empty database, an empty bucket, a loop, a film, and nothing of ours."""
    with opened(postgres) as (database_url, endpoint, port), platform(port) as standin:
        Film(frames=75).write(tmp_path / "game.mp4")
        soundfile.write(tmp_path / "loop.wav", loop(), 48000)
        (tmp_path / "weights" / "huggingface").mkdir(parents=True)
        (tmp_path / "weights" / "huggingface" / "model.bin").write_bytes(b"heavy")
        values = {
            "ak-0123456789": TOKENS[0],
            "as-0123456789": TOKENS[1],
            "postgresql://backline:secret@db.example.com/backline?sslmode=require": database_url,
            "https://0123456789abcdef.r2.cloudflarestorage.com": endpoint,
            "R2_ACCESS_KEY_ID='0123456789abcdef'": f"R2_ACCESS_KEY_ID='{stores.CREDENTIALS.access_key_id}'",
            "fedcba9876543210": stores.CREDENTIALS.secret_access_key,
            "https://ada--backline-gateway.modal.run": f"http://127.0.0.1:{port}",
        }
        yield Newcomer(standin, tmp_path, values)


@contextmanager
def opened(postgres: Postgres) -> Iterator[tuple[str, str, int]]:
    """A database without tables, a bucket, and the port where the gateway will be."""
    with postgres.fresh("template1") as url, stores.s3_server() as endpoint:
        stores.make_bucket(endpoint, "backline")
        yield url, endpoint, free_port()


@contextmanager
def platform(port: int) -> Iterator[StandIn]:
    with StandIn(Options(web_ports={"gateway": port}, scaledown_seconds=30)) as standin:
        yield standin


def test_what_is_not_run_is_named() -> None:
    """The page's last section has the commands of every block that is marked, and each block has a place."""
    page = PAGE.read_text()
    last = page[page.index("## Not run here") :]
    for block in blocks():
        if block.real and block.heading not in last and block.heading.lower() not in last:
            first = " ".join(block.commands.split()[:2])
            assert first.removeprefix(".venv/bin/") in last, block.heading
    assert re.search(r"^\d+\. ", blocks()[0].heading)
    fences = re.findall(r"^```(.*)$", page, re.MULTILINE)
    assert set(fences) == {"", "sh", "sh real"}
    assert len(fences) == 2 * len(blocks())


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_command_of_the_page_works(newcomer: Newcomer) -> None:
    page = blocks()
    assert not [one for one in newcomer.values if not any(one in block.commands for block in page)]
    told = newcomer.follow(page)

    parts = re.split(r"^== (\d+)\. .*$", told, flags=re.MULTILINE)
    said = {int(number): text for number, text in zip(parts[1::2], parts[2::2], strict=True)}
    assert "Workspace: standin" in said[2]
    assert {"backline", "backline-worker"} <= set(re.findall(r"backline[\w-]*", said[4]))
    assert "huggingface" in said[6]
    assert "render" in said[7]
    assert newcomer.values["https://ada--backline-gateway.modal.run"] in said[8].replace("\n", "")
    assert "differs" not in said[9]
    assert "missing" not in said[9]
    assert '"unauthenticated"' in said[10]
    assert '"close_reason"' in said[12]
    assert "http.request" in said[14]
    assert "v1" in said[17]
    ran = {one.function.root.tag for one in newcomer.standin.containers(alive=False)}
    assert ran == {"gateway", "Speech.*", "Jam", "render"}
    assert not newcomer.standin.containers()
    assert not newcomer.standin.unimplemented

    with av.open(str(newcomer.folder / "hello.mp3")) as sound:
        assert sum(frame.samples for frame in sound.decode(audio=0)) > 0
    assert soundfile.info(newcomer.folder / "0.flac").duration > 5
    with av.open(str(newcomer.folder / "goal.mp4")) as film:
        assert sum(1 for _ in film.decode(video=0)) >= 59
