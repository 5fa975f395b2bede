"""`backline worker`: what it refuses to start with, said in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes.jam_worker import COMMAND, environment, jam_worker

REFUSED = {
    "no key": ([], {"worker_key": None}, "BACKLINE_JAM__WORKER_KEY"),
    "a short key": ([], {"worker_key": "short"}, "BACKLINE_JAM__WORKER_KEY"),
    "no such engine": (["--engine", "nosuch"], {}, "There is no jam engine 'nosuch'"),
    "an engine that speaks": (["--engine", "espeak"], {}, "There is no jam engine 'espeak'"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("options", "settings", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_work_is_refused_before_anything_starts(
    options: list[str], settings: dict[str, object], sentence: str, tmp_path: Path
) -> None:
    command = [*COMMAND, "--port", "0", *options]
    done = subprocess.run(command, cwd=tmp_path, env=environment(settings), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    with jam_worker(tmp_path) as worker:
        command = [*COMMAND, "--engine", "metronome", "--port", str(worker.port)]
        done = subprocess.run(command, cwd=tmp_path, env=environment({}), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Error:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_worker_that_is_told_of_another_plays_itself(tmp_path: Path) -> None:
    """Gateway and worker may share their settings."""
    with jam_worker(tmp_path, worker_url="http://127.0.0.1:9") as worker:
        assert worker.popen.poll() is None


def test_a_worker_knows_nothing_of_users_money_and_rows() -> None:
    program = "import sys, backline.worker.app, backline.worker.server\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    packages = {name.split(".")[1] for name in loaded if name.startswith("backline.")}
    assert packages <= {
        *("worker", "web", "compute", "engines", "media", "observability"),
        *("settings", "modal_table", "release", "errors", "ids", "clock"),
    }
    assert "sqlalchemy" not in loaded
