"""Every example runs against a real server, as its own first lines say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from backline.media.decode import decode
from tests.conftest import Running

EXAMPLES = Path(__file__).parent.parent / "examples"
ARGUMENTS = {
    "speak_http.py": ["Hello from an example.", "out.mp3"],
    "speak_socket.py": ["out.mp3"],
    "speak_openai.py": ["Hello from an example.", "out.flac"],
}


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(ARGUMENTS)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_an_example_makes_sound(name: str, server: Running, tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES / name), *ARGUMENTS[name], server.address]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    path = tmp_path / next(argument for argument in ARGUMENTS[name] if argument.startswith("out."))
    samples, rate_hz = decode(path.read_bytes())
    assert len(samples) > rate_hz / 2
    assert abs(samples).max() > 0.05
