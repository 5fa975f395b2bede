"""A number read by digit and read by word sounds the same from espeak-ng, wherever the engine reads digits rightly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("espeakng_loader")
SCRIPT = Path(__file__).with_name("spell_by_ear.py")


def differing(language: str) -> list[int]:
    """Of every 7th number to 100,000. All of them were compared once, with the same outcome."""
    command = [sys.executable, str(SCRIPT), language, "100001", "7"]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)  # type: ignore[no-any-return]


@pytest.mark.slow
def test_hindi_numbers_sound_as_the_engine_reads_them() -> None:
    assert differing("hi") == []


@pytest.mark.slow
def test_telugu_numbers_do_but_for_one_hundred_and_one_thousand() -> None:
    """The engine says ఒక వంద and ఒక వెయ్యి where Telugu has వంద, నూట and వెయ్యి."""
    expected = [n for n in range(0, 100_001, 7) if n // 100 % 10 == 1 or n // 1000 == 1]
    assert differing("te") == expected
