"""The normaliser is worth using alone: it pulls in nothing heavy, and languages only when they are asked for."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
from backline.speech.text.normalise.normaliser import Normaliser
heavy = {"numpy", "fastapi", "pydantic", "av", "asyncio", "backline.engines"} & set(sys.modules)
assert not heavy, heavy
assert not [name for name in sys.modules if "languages.hi" in name]
Normaliser().normalise("5", "hi")
assert "backline.speech.text.normalise.languages.hi" in sys.modules
assert "backline.speech.text.normalise.languages.te" not in sys.modules
"""


def test_importing_pulls_in_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
