"""The figures in docs/normalisation.md are those of today's code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_page_holds_todays_figures() -> None:
    script = ROOT / "scripts" / "normalisation_report.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
