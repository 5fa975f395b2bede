"""Every example runs against a real server, as its own first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backline.media.audio import to_pcm16
from backline.media.decode import decode
from backline.media.wav import wav_header
from tests.conftest import Running, RunServer
from tests.loops import loop
from tests.processes.jam_worker import KEY, jam_worker

EXAMPLES = Path(__file__).parent.parent / "examples"
ARGUMENTS = {
    "speak_http.py": ["Hello from an example.", "out.mp3"],
    "speak_socket.py": ["out.mp3"],
    "speak_openai.py": ["Hello from an example.", "out.flac"],
    "realtime_flow.py": ["out.wav", "--bpm", "240", "--pause", "0", "--wait", "0.5"],
}


def run(name: str, address: str, folder: Path, *more: str) -> str:
    """What it prints."""
    command = [sys.executable, str(EXAMPLES / name), *ARGUMENTS[name], address, *more]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_example_makes_sound(name: str, server: Running, tmp_path: Path) -> None:
    run(name, server.address, tmp_path)
    path = tmp_path / next(argument for argument in ARGUMENTS[name] if argument.startswith("out."))
    samples, rate_hz = decode(path.read_bytes())
    assert len(samples) > rate_hz / 2
    assert abs(samples).max() > 0.05


def test_the_flow_bills_who_signs_in(server: Running, tmp_path: Path) -> None:
    told = run("realtime_flow.py", server.address, tmp_path)
    assert "balance   600 s, billed" in told
    assert told.count("the money adds up") == 1


@pytest.mark.slow
def test_the_flow_bills_nobody_on_an_open_server(server: Running, tmp_path: Path) -> None:
    told = run("realtime_flow.py", server.address, tmp_path, "--open")
    assert "not billed" in told
    assert "charged 0 s of credit" in told
    assert "the money adds up" in told


@pytest.mark.slow
def test_the_flow_plays_on_from_a_loop_at_its_own_rate(server: Running, tmp_path: Path) -> None:
    samples = to_pcm16(loop("mix", 174.02, 4, 2, 44_100))
    (tmp_path / "loop.wav").write_bytes(wav_header(44_100, 2, samples.nbytes) + samples.tobytes())
    told = run("realtime_flow.py", server.address, tmp_path, "--loop", "loop.wav", "--bpm", "174.02", "--open")
    assert "at 44100 Hz" in told


@pytest.mark.slow
def test_the_flow_passes_with_the_worker_in_a_process_of_its_own(run_server: RunServer, tmp_path: Path) -> None:
    with jam_worker(tmp_path) as worker:
        server = run_server(jam={"worker_url": worker.address, "worker_key": KEY})
        assert "the money adds up" in run("realtime_flow.py", server.address, tmp_path)
