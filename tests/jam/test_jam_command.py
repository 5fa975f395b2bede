"""`backline jam` as it is installed: a loop goes on in a file, in a pipe, and in what plays it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import wave
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

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

Finished = subprocess.CompletedProcess[bytes]


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


def jam(*arguments: str, path: str | None = None) -> Finished:
    environment = {**os.environ, **({} if path is None else {"PATH": path})}
    command = [str(COMMAND), "jam", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)


def each(*commands: tuple[str, ...]) -> list[Finished]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda arguments: jam(*arguments), commands))


def refusal(finished: Finished) -> str:
    assert finished.returncode == 1, finished
    *_, last = finished.stderr.decode().splitlines()
    assert last.startswith("Error: ")
    return last.removeprefix("Error: ")


def player(folder: Path, script: str) -> str:
    """A PATH on which only `aplay` and what a script needs can be found."""
    bin_folder = folder.parent / "bin"
    bin_folder.mkdir()
    stand_in = bin_folder / "aplay"
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o755)
    return f"{bin_folder}:/bin:/usr/bin"


def test_a_file_is_whole_bars_at_the_loops_own_rate(folder: Path) -> None:
    wav, flac, opus = each(
        ("loop.wav", "-o", "out.wav", "--seconds", "5", *PLAIN),
        ("loop.wav", "-o", "out.flac", "--bars", "3", *PLAIN),
        ("loop.wav", "-o", "out.opus", "--bars", "3", *PLAIN),
    )
    assert (wav.returncode, flac.returncode, opus.returncode) == (0, 0, 0), (wav, flac, opus)
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
    assert jam("loop.wav", "-o", "out.wav", "--bars", "1", *PLAIN).returncode == 0
    data = Path("out.wav").read_bytes()
    assert int.from_bytes(data[40:44], "little") == len(data) - HEADER_BYTES == 4 * GRID.length(0)


def test_the_default_engine_plays_from_the_seed_and_the_styles() -> None:
    common = ("loop.wav", "--bpm", str(BPM), "--beats-per-bar", "3", "--bars", "4", "-o", "-")
    one, same, other_seed, styled = each(
        (*common, "--seed", "5"),
        (*common, "--seed", "5"),
        (*common, "--seed", "6"),
        (*common, "--seed", "5", "--styles", "acid house, dark", "--style-weights", "1, 0.5"),
    )
    assert one.stdout[:4] == b"RIFF"
    assert one.stdout == same.stdout
    assert len({one.stdout, other_seed.stdout, styled.stdout}) == 3
    assert one.stderr.decode().splitlines()[-1].endswith("44100 Hz, seed 5")


def test_the_tempo_is_found_and_said() -> None:
    found = jam("loop.wav", "--beats-per-bar", "3", "--engine", "metronome", "--bars", "1", "-o", "-")
    first = found.stderr.decode().splitlines()[0]
    assert first.endswith("--bpm says otherwise.")
    assert float(first.split()[3]) == pytest.approx(BPM, rel=0.01)


def test_what_is_played_is_what_is_written(folder: Path) -> None:
    path = player(folder, "cat > heard.wav")
    played = jam("loop.wav", "--bars", "3", *PLAIN, path=path)
    written = jam("loop.wav", "--bars", "3", "-o", "out.wav", *PLAIN)
    assert (played.returncode, written.returncode) == (0, 0), played
    assert Path("heard.wav").read_bytes()[HEADER_BYTES:] == Path("out.wav").read_bytes()[HEADER_BYTES:]


def test_a_player_that_ends_is_quoted(folder: Path) -> None:
    path = player(folder, "echo 'no such device' >&2; exit 1")
    assert refusal(jam("loop.wav", *PLAIN, path=path)) == "aplay ended: no such device"


def test_without_a_player_it_says_what_to_do(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert "-o" in refusal(jam("loop.wav", *PLAIN, path=str(folder / "empty")))


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
    path = player(folder, "echo $$ > pid; exec cat > /dev/null")
    environment = {**os.environ, "PATH": path}
    playing = subprocess.Popen([COMMAND, "jam", "loop.wav", *PLAIN], env=environment)
    while not (folder / "pid").exists() or not (folder / "pid").read_text().strip():
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
    refused = CliRunner().invoke(app, ["jam", "-o", "out.wav", *words])
    assert isinstance(refused.exception, BacklineError), refused.output
    assert sentence in refused.exception.detail
    assert (folder / "out.wav").read_text() == "precious"
    assert sorted(os.listdir(folder)) == ["loop.wav", "out.wav", "text.wav"]


def test_a_place_that_cannot_be_written_and_a_loop_that_is_not_there(folder: Path) -> None:
    unwritable, missing = each(
        ("loop.wav", *PLAIN, "-o", "no/out.wav"),
        ("nowhere.wav", *PLAIN, "-o", "out.wav"),
    )
    assert refusal(unwritable) == "No such file or directory: no/out.wav"
    assert refusal(missing) == "No such file or directory: nowhere.wav"
    assert os.listdir(folder) == ["loop.wav"]
