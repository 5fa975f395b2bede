"""The command as it is installed, in processes of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest

from backline.media.audio import Samples
from backline.media.decode import decode, decode_raw
from backline.media.encode.formats import FORMATS

COMMAND = Path(sys.executable).with_name("backline")
WITHOUT_ESPEAK = "import sys; sys.modules['espeakng_loader'] = None; from backline.cli import main; main()"
TEXT = "Good morning. The train leaves at nine."

Finished = subprocess.CompletedProcess[bytes]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs: an empty folder, so that what it leaves behind is seen."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def backline(*arguments: str, stdin: bytes = b"", program: Iterable[str] = (str(COMMAND),)) -> Finished:
    return subprocess.run([*program, *arguments], input=stdin, capture_output=True, timeout=60, check=False)


def backline_without_espeak(*arguments: str) -> Finished:
    return backline(*arguments, program=(sys.executable, "-c", WITHOUT_ESPEAK))


def each(*commands: tuple[str, ...]) -> list[Finished]:
    """Several commands, two at a time: most of a short one is the interpreter's start."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda arguments: backline(*arguments), commands))


def heard(data: bytes, name: str) -> tuple[Samples, int]:
    return decode_raw(data, name, FORMATS[name].default_rate_hz or 0) if name in ("pcm", "mulaw") else decode(data)


def refusal(finished: Finished) -> str:
    """One sentence for a person, and nothing else."""
    assert finished.returncode == 1, finished
    assert finished.stdout == b""
    message = finished.stderr.decode()
    assert message.startswith("Error: ")
    assert message.count("\n") == 1, message
    return message.removeprefix("Error: ").rstrip()


@pytest.mark.parametrize("formats", [("wav", "mp3"), pytest.param(tuple(FORMATS), marks=pytest.mark.slow)])
def test_speak_writes_the_format_that_the_file_is_named_for(folder: Path, formats: tuple[str, ...]) -> None:
    names = {f"out{FORMATS[name].suffix}": name for name in formats}
    finished = each(*(("speak", TEXT, "--voice", "tone-low", "-o", file) for file in names))
    assert [one.returncode for one in finished] == [0] * len(names), finished
    assert sorted(os.listdir(folder)) == sorted(names)
    for file, name in names.items():
        sound, rate_hz = heard((folder / file).read_bytes(), name)
        assert rate_hz == (FORMATS[name].default_rate_hz or 24_000)
        assert len(sound) / rate_hz == pytest.approx(2.99, abs=0.09)  # letters and rests of 80 ms, less a fade
        assert float(np.sqrt((sound**2).mean())) > 0.1


@pytest.mark.slow
def test_a_written_wav_knows_its_size(folder: Path) -> None:
    assert backline("speak", TEXT, "-o", "out.wav").returncode == 0
    data = (folder / "out.wav").read_bytes()
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    assert int.from_bytes(data[40:44], "little") == len(data) - 44


@pytest.mark.slow
def test_speak_into_a_pipe(folder: Path) -> None:
    by_default, asked = each(("speak", TEXT), ("speak", TEXT, "-o", "-", "--format", "mp3", "--sample-rate", "16000"))
    assert decode(by_default.stdout)[1] == 22_050
    sound, rate_hz = decode(asked.stdout)
    assert rate_hz == 16_000
    assert 1.5 < len(sound) / rate_hz < 5
    assert by_default.stderr == asked.stderr == b""
    assert os.listdir(folder) == []


def test_speak_into_a_pipe_that_has_no_beginning_to_go_back_to() -> None:
    assert decode(backline("speak", TEXT, "-o", "/dev/stdout", "--format", "wav").stdout)[1] == 22_050


@pytest.mark.slow
def test_speak_reads_standard_input() -> None:
    spoken = backline("speak", "-", "--voice", "tone-low", "--format", "pcm", stdin="नमस्ते दुनिया".encode())
    assert len(spoken.stdout) == 13 * 1_920 * 2


@pytest.mark.slow
def test_speak_heeds_its_options() -> None:
    plain, fast, high = each(
        ("speak", TEXT, "--voice", "tone-low", "--format", "pcm"),
        ("speak", TEXT, "--voice", "tone-low", "--format", "pcm", "--speed", "2"),
        ("speak", TEXT, "--voice", "tone-high", "--format", "pcm"),
    )
    assert len(fast.stdout) == pytest.approx(len(plain.stdout) / 2, rel=0.03)  # the fade is as long as ever
    assert len(high.stdout) == len(plain.stdout)
    assert high.stdout != plain.stdout


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_accident() -> None:
    speaking = subprocess.Popen(
        [COMMAND, "speak", "It goes on. " * 3000], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert speaking.stdout is not None
    assert speaking.stderr is not None
    with speaking:
        assert speaking.stdout.read(44)[:4] == b"RIFF"
        speaking.stdout.close()
        complaints = speaking.stderr.read()
    assert speaking.returncode == 1
    assert complaints == b""


@pytest.mark.slow
def test_what_cannot_be_spoken_is_one_sentence_and_leaves_no_file(folder: Path) -> None:
    wrong = {
        ("",): "text",
        ("a\x07b",): "control characters",
        (os.fsdecode(b"a\xff"),): "text",
        ("...",): "nothing in the text",
        ("<speak>One",): "SSML",
        (TEXT, "--voice", "nobody"): "voice",
        (TEXT, "--format", "midi"): "wav, pcm",
        (TEXT, "--sample-rate", "44100"): "sample_rate",
        (TEXT, "--speed", "nan"): "speed",
    }
    for words, finished in zip(wrong, each(*(("speak", *words, "-o", "out.wav") for words in wrong)), strict=True):
        assert wrong[words] in refusal(finished), words
    assert os.listdir(folder) == []


@pytest.mark.slow
def test_a_place_that_cannot_be_written_is_one_sentence() -> None:
    missing, is_folder, unknown = each(
        ("speak", TEXT, "-o", "nowhere/out.wav"),
        ("speak", TEXT, "-o", ".", "--format", "wav"),
        ("speak", TEXT, "-o", "out.xyz"),
    )
    assert refusal(missing) == "No such file or directory: nowhere/out.wav"
    assert refusal(is_folder) == "Is a directory: ."
    assert ".xyz" in refusal(unknown)


@pytest.mark.slow
def test_a_failure_leaves_an_older_file_as_it_was(folder: Path) -> None:
    (folder / "out.wav").write_text("precious")
    refusal(backline("speak", "...", "-o", "out.wav"))
    assert os.listdir(folder) == ["out.wav"]
    assert (folder / "out.wav").read_text() == "precious"


@pytest.mark.slow
def test_standard_input_must_be_text() -> None:
    assert refusal(backline("speak", "-", stdin=b"a\xff")) == "Standard input is not UTF-8."
    assert refusal(backline("normalize", stdin=b"a\xff\n")) == "Standard input is not UTF-8."


@pytest.mark.slow
def test_an_unknown_option_or_command_is_said_with_how_to_get_help() -> None:
    for finished in each(("speak",), ("speak", TEXT, "--volume", "3"), ("sing",), ("serve", "--port", "99999")):
        assert finished.returncode == 2
        assert b"--help" in finished.stderr
        assert b"Traceback" not in finished.stderr


@pytest.mark.slow
def test_without_a_command_the_help_lists_them() -> None:
    finished = backline()
    help_text = (finished.stdout + finished.stderr).decode()
    for command in ("serve", "speak", "normalize", "engines", "doctor"):
        assert command in help_text


@pytest.mark.slow
def test_normalize_refuses_a_language_that_nobody_here_speaks() -> None:
    assert refusal(backline("normalize", "--language", "tlh", stdin=b"5\n")).startswith("That language is unknown.")


@pytest.mark.slow
def test_a_lexicon_comes_from_a_file(folder: Path) -> None:
    (folder / "words.json").write_text('{"SQL": "sequel", "नमस्ते": "नमस्कार"}', encoding="utf-8")
    finished = backline("normalize", "--lexicon", "words.json", stdin="SQL 5\nनमस्ते 5".encode())
    assert finished.stdout.decode().splitlines() == ["sequel five", "नमस्कार पाँच"]
    manner = ("--voice", "tone-low", "--format", "pcm")
    respelled, written_out = each(
        ("speak", "Ask SQL.", "--lexicon", "words.json", *manner), ("speak", "Ask sequel.", *manner)
    )
    assert respelled.stdout
    assert respelled.stdout == written_out.stdout


@pytest.mark.slow
def test_a_lexicon_that_is_none_is_one_sentence(folder: Path) -> None:
    (folder / "broken.json").write_bytes(b'{"a": \xff}')
    (folder / "list.json").write_text('["a"]')
    (folder / "empty.json").write_text('{"a": "b", "c": ""}')
    told = {"none.json": "No such file", "broken.json": "not JSON", "list.json": "object", "empty.json": "entry 2"}
    for name, finished in zip(told, each(*(("normalize", "--lexicon", name) for name in told)), strict=True):
        assert told[name] in refusal(finished)
        assert name in refusal(finished)
    assert "entry 2" in refusal(backline("speak", TEXT, "-o", "out.wav", "--lexicon", "empty.json"))


@pytest.mark.slow
def test_normalize_answers_each_line_with_one_line() -> None:
    finished = backline("normalize", stdin=b"Hello there.\n\nNo end\r\nlast")
    assert finished.returncode == 0
    assert finished.stdout.decode().splitlines() == ["Hello there.", "", "No end", "last"]


@pytest.mark.slow
def test_engines_lists_what_can_be_asked_for(folder: Path) -> None:
    finished = backline("engines")
    lines = finished.stdout.decode().splitlines()
    assert finished.returncode == 0
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["espeak", "tone"]
    assert any("tone-low, tone-high" in line for line in lines)
    assert any("hi, te," in line for line in lines)
    assert os.listdir(folder) == []


def test_doctor_finds_nothing_wrong() -> None:
    finished = backline("doctor")
    assert finished.returncode == 0
    assert "engine espeak" in finished.stdout.decode()


@pytest.mark.slow
def test_a_missing_engine_is_named_with_its_cure_everywhere(folder: Path) -> None:
    cure = "pip install 'backline[espeak]'"
    doctor, engines = backline_without_espeak("doctor"), backline_without_espeak("engines")
    assert doctor.returncode == 1
    assert cure in doctor.stdout.decode()
    assert engines.returncode == 0
    assert (
        f"not running: The speech engine 'espeak' is not installed. Install it with: {cure}" in engines.stdout.decode()
    )
    assert cure in refusal(backline_without_espeak("speak", TEXT, "-o", "out.wav"))
    assert os.listdir(folder) == []


@pytest.mark.slow
def test_settings_that_mean_nothing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLINE_SERVER__PRT", "1")
    assert "Did you mean BACKLINE_SERVER__PORT?" in refusal(backline("engines"))
    monkeypatch.delenv("BACKLINE_SERVER__PRT")
    monkeypatch.setenv("BACKLINE_SPEECH__WORKERS", "s3cret")
    message = refusal(backline("serve", "--port", "0"))
    assert message.startswith("BACKLINE_SPEECH__WORKERS: ")
    assert "s3cret" not in message


@pytest.mark.slow
@pytest.mark.parametrize("program", [(str(COMMAND),), (sys.executable, "-c", WITHOUT_ESPEAK)], ids=["full", "bare"])
def test_serve_says_where_it_is_what_it_has_and_what_it_lacks(folder: Path, program: tuple[str, ...]) -> None:
    serving = subprocess.Popen([*program, "serve", "--port", "0", "--data", "kept"], stderr=subprocess.PIPE)
    assert serving.stderr is not None
    giving_up = threading.Timer(60, serving.kill)
    giving_up.start()
    with serving:
        words = next(line for line in serving.stderr if b"Backline is at" in line).decode().split()
        address = next(word for word in words if word.startswith("http://127.0.0.1:"))
        assert httpx.get(f"{address}/health").json() == {"status": "ok"}
        assert httpx.get(f"{address}/health/ready").status_code == (200 if len(program) == 1 else 503)
        serving.send_signal(signal.SIGTERM)
        rest = serving.stderr.read().decode()
    giving_up.cancel()
    assert serving.returncode == 0
    assert f"{address}/studio" in words
    assert "rows in SQLite, files in kept" in rest
    assert "open to this machine, without a key" in rest
    assert ("embedded speech engines: espeak, tone" in rest) == (len(program) == 1)
    assert ("not installed: speech engine espeak (pip install 'backline[espeak]')" in rest) == (len(program) > 1)
    assert (folder / "kept").is_dir()


@pytest.mark.slow
def test_serve_on_an_address_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        message = refusal(backline("serve", "--port", str(port), "--data", "kept"))
    assert message.startswith("Address already in use")
    assert str(port) in message
