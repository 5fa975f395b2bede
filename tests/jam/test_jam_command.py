"""`backline jam` as it is installed: a loop goes on in a file, in a pipe, and in what plays it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from backline.cli import app
from backline.errors import BacklineError
from backline.media.audio import to_pcm16
from backline.media.decode import decode
from backline.media.groove.bars import BarGrid
from backline.media.wav import HEADER_BYTES
from tests.loops import loop

COMMAND = Path(sys.executable).with_name("backline")
BPM, RATE_HZ = 93.7, 44_100
GRID = BarGrid.of(BPM, 3, RATE_HZ)
PLAIN = ("--bpm", str(BPM), "--beats-per-bar", "3", "--engine", "metronome")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs: a loop, and nothing else, so that what it leaves behind is seen."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with wave.open("loop.wav", "wb") as file:
        file.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(to_pcm16(loop("mix", BPM, 3, 4, RATE_HZ)).tobytes())
    return folder


def jam(*arguments: str) -> Result:
    """In this process, whose start is most of a short command."""
    return CliRunner().invoke(app, ["jam", *arguments])


def played(*arguments: str) -> Result:
    done = jam(*arguments)
    assert done.exit_code == 0, done.output
    return done


def refusal(*arguments: str) -> str:
    refused = jam(*arguments)
    assert isinstance(refused.exception, BacklineError), refused.output
    return refused.exception.detail


def player(folder: Path, script: str) -> str:
    """A PATH on which only `aplay` and what a script needs can be found."""
    bin_folder = folder.parent / "bin"
    bin_folder.mkdir()
    stand_in = bin_folder / "aplay"
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o755)
    return f"{bin_folder}:/bin:/usr/bin"


def test_a_file_is_whole_bars_at_the_loops_own_rate(folder: Path) -> None:
    played("loop.wav", "-o", "out.wav", "--seconds", "5", *PLAIN)
    played("loop.wav", "-o", "out.flac", "--bars", "3", *PLAIN)
    played("loop.wav", "-o", "out.opus", "--bars", "3", *PLAIN)
    assert sorted(os.listdir(folder)) == ["loop.wav", "out.flac", "out.opus", "out.wav"]
    samples, rate_hz = decode(Path("out.wav").read_bytes())
    assert samples.shape == (GRID.length(0, 3), 2)  # 5 s are two bars and a half
    assert rate_hz == RATE_HZ
    assert np.abs(samples).max() > 0.05
    again, _ = decode(Path("out.flac").read_bytes())
    np.testing.assert_array_equal(again, samples)
    ogg, ogg_hz = decode(Path("out.opus").read_bytes())
    assert ogg_hz == 48_000
    assert len(ogg) / ogg_hz == pytest.approx(len(samples) / RATE_HZ, abs=0.001)


def test_a_written_wav_knows_its_size() -> None:
    played("loop.wav", "-o", "out.wav", "--bars", "1", *PLAIN)
    data = Path("out.wav").read_bytes()
    assert int.from_bytes(data[40:44], "little") == len(data) - HEADER_BYTES == 4 * GRID.length(0)


@pytest.mark.slow
def test_the_default_engine_plays_from_the_seed_and_the_styles() -> None:
    common = ("loop.wav", "--bpm", str(BPM), "--beats-per-bar", "3", "--bars", "4", "-o", "-")
    one, same = played(*common, "--seed", "5"), played(*common, "--seed", "5")
    other_seed = played(*common, "--seed", "6")
    styled = played(*common, "--seed", "5", "--styles", "acid house, dark", "--style-weights", "1, 0.5")
    assert one.stdout_bytes[:4] == b"RIFF"
    assert one.stdout_bytes == same.stdout_bytes
    assert len({one.stdout_bytes, other_seed.stdout_bytes, styled.stdout_bytes}) == 3
    assert one.stderr.splitlines()[-1].endswith("44100 Hz, seed 5")


def test_the_tempo_is_found_and_said() -> None:
    found = played("loop.wav", "--beats-per-bar", "3", "--engine", "metronome", "--bars", "1", "-o", "-")
    first = found.stderr.splitlines()[0]
    assert first.endswith("--bpm says otherwise.")
    assert float(first.split()[3]) == pytest.approx(BPM, rel=0.01)


def test_what_is_played_is_what_is_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", player(folder, "cat > heard.wav"))
    played("loop.wav", "--bars", "3", *PLAIN)
    played("loop.wav", "--bars", "3", "-o", "out.wav", *PLAIN)
    assert Path("heard.wav").read_bytes()[HEADER_BYTES:] == Path("out.wav").read_bytes()[HEADER_BYTES:]


def test_a_player_that_ends_is_quoted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", player(folder, "echo 'no such device' >&2; exit 1"))
    assert refusal("loop.wav", *PLAIN) == "aplay ended: no such device"


def test_without_a_player_it_says_what_to_do(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    assert "-o" in refusal("loop.wav", *PLAIN)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_nothing(folder: Path, number: signal.Signals) -> None:
    playing = subprocess.Popen([COMMAND, "jam", "loop.wav", "-o", "out.wav", "--seconds", "80000", *PLAIN])
    part = folder / "out.wav.part"
    while not part.exists() or not part.stat().st_size:
        assert playing.poll() is None
        time.sleep(0.02)
    playing.send_signal(number)
    assert playing.wait(30) == 128 + number
    assert os.listdir(folder) == ["loop.wav"]


def test_a_signal_silences_the_player(folder: Path) -> None:
    path = player(folder, "echo $$ > pid; head -c 100000 > /dev/null; touch heard; exec sleep 60")
    environment = {**os.environ, "PATH": path}
    playing = subprocess.Popen([COMMAND, "jam", "loop.wav", *PLAIN], env=environment)
    while not (folder / "heard").exists():
        assert playing.poll() is None
        time.sleep(0.02)
    playing.send_signal(signal.SIGINT)
    assert playing.wait(30) == 130
    assert not Path(f"/proc/{(folder / 'pid').read_text().strip()}").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("text.wav", *PLAIN), "not sound"),
        (("loop.wav", "--bpm", "12"), "bpm must be"),
        (("loop.wav", *PLAIN, "--temperature", "9"), "temperature must be"),
        (("loop.wav", *PLAIN, "--topk", "0"), "topk must be"),
        (("loop.wav", *PLAIN, "--seconds", "3", "--bars", "2"), "not both"),
        (("loop.wav", *PLAIN, "--bars", "0"), "--bars must be"),
        (("loop.wav", *PLAIN, "--seconds", "nan"), "--seconds must be"),
        (("loop.wav", *PLAIN[:-1], "nobody"), "no jam engine 'nobody'"),
        (("loop.wav", *PLAIN, "-o", "out.xyz"), "end in one of .wav, .flac, .opus"),
        (("loop.wav", *PLAIN, "-o", "out.opus", "--sample-rate", "44100"), "opus has no 44100 Hz"),
    ],
)
def test_what_cannot_be_played_is_one_sentence_and_leaves_an_older_file(
    folder: Path, words: tuple[str, ...], sentence: str
) -> None:
    (folder / "text.wav").write_text("a text")
    (folder / "out.wav").write_text("precious")
    assert sentence in refusal("-o", "out.wav", *words)
    assert (folder / "out.wav").read_text() == "precious"
    assert sorted(os.listdir(folder)) == ["loop.wav", "out.wav", "text.wav"]


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_one_sentence(folder: Path) -> None:
    """As it is installed: nothing else tries the way from an error to the terminal."""
    command = [str(COMMAND), "jam", "loop.wav", *PLAIN, "-o", "no/out.wav"]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: No such file or directory: no/out.wav\n"
    assert os.listdir(folder) == ["loop.wav"]
