"""`backline export` as it is installed, in processes of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from backline.cli import app
from backline.errors import Invalid
from tests.films import Film, frames_of

COMMAND = Path(sys.executable).with_name("backline")
SECONDS = 60
WINDOW = {"x": 20, "y": 10, "width": 54, "height": 96}


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """192x108, two seconds of 30 frames, with sound."""
    return Film().write(tmp_path_factory.mktemp("films") / "a film.mp4")


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes long enough to be interrupted."""
    return Film(frames=600, sound=None, beat_seconds=Fraction(1000)).write(
        tmp_path_factory.mktemp("films") / "long.mp4"
    )


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs: an empty folder, so that what it leaves behind is seen."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def export(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(COMMAND), "export", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)


def written(name: str, what: Any) -> Path:
    path = Path(name)
    path.write_text(json.dumps(what))
    return path


def keyframes(**more: Any) -> Path:
    return written("k.json", [{"time": 0, **WINDOW}, {"time": 2, **WINDOW, "x": 100, **more}])


def size_and_frames(path: Path) -> tuple[int, int, int]:
    frames = frames_of(path)
    return frames[0][1].shape[1], frames[0][1].shape[0], len(frames)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done
    assert done.stdout == ""
    assert re.fullmatch(r"Error: .+\n", done.stderr), done.stderr
    return done.stderr


def left_behind(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"k.json"}


@pytest.mark.slow
def test_a_window_is_followed(film: Path, folder: Path) -> None:
    done = export("framing", film, "--keyframes", keyframes(), "-o", "out.mp4", "--width", "108", "--height", "192")
    assert done.returncode == 0, done.stderr
    assert size_and_frames(folder / "out.mp4") == (108, 192, 60)
    assert done.stdout.startswith("out.mp4: 108x192, 2.00 s, 60 frames, ")
    assert done.stderr == ""
    assert left_behind(folder) == {"out.mp4"}
    with av.open(str(folder / "out.mp4")) as container:
        assert container.streams.audio


@pytest.mark.slow
def test_a_config_of_the_api_is_taken_whole_and_the_command_line_goes_first(film: Path, folder: Path) -> None:
    config = {
        "keyframes": json.loads(keyframes().read_text()),
        "input_key": "files/file_1",
        "segments": {"segments": [{"start": 0, "end": 2, "speed": 2}]},
        "target_width": 54,
        "target_height": 96,
        "target_fps": 10,
    }
    options = ("--width", "108", "--height", "192", "--no-audio", "--fast", "--encoder", "x264")
    done = export("framing", film, "--keyframes", written("k.json", config), "-o", "out.mp4", *options)
    assert done.returncode == 0, done.stderr
    assert size_and_frames(folder / "out.mp4") == (108, 192, 10)
    with av.open(str(folder / "out.mp4")) as container:
        assert not container.streams.audio


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["regions", "keyframes"])
def test_an_ellipse_is_put_on_a_film(film: Path, folder: Path, shape: str) -> None:
    points = [{"time": at, "x": 96, "y": 54, "radiusX": 20, "radiusY": 20, "opacity": 0.9} for at in (0, 2)]
    given = points if shape == "keyframes" else [{"start_time": 0, "end_time": 2, "keyframes": points}]
    done = export("overlay", film, "--keyframes", written("k.json", given), "-o", "out.mp4", "--effect", "dark_overlay")
    assert done.returncode == 0, done.stderr
    before, after = frames_of(film)[30][1], frames_of(folder / "out.mp4")[30][1]
    assert after[54, 10] < before[54, 10] - 10  # dimmed outside
    assert abs(int(after[54, 96]) - int(before[54, 96])) < 6


@pytest.mark.slow
def test_clips_are_cut_labelled_and_joined(film: Path, folder: Path) -> None:
    clips = [
        {"start_time": 0, "end_time": 0.5, "name": "पहला गोल", "rating": 5, "tags": ["goal"]},
        {"start_time": 1, "end_time": 1.5, "notes": "second"},
    ]
    done = export("annotate", film, "--clips", written("k.json", clips), "-o", "out.mp4")
    assert done.returncode == 0, done.stderr
    assert size_and_frames(folder / "out.mp4") == (192, 108, 30)


@pytest.mark.slow
def test_films_are_joined(film: Path, folder: Path) -> None:
    done = export("multi-clip", film, film, "-o", "out.mp4", "--transition", "crossfade", "--transition-seconds", "0.5")
    assert done.returncode == 0, done.stderr
    assert size_and_frames(folder / "out.mp4") == (192, 108, 105)


@pytest.mark.slow
def test_an_output_that_is_there_is_replaced_only_with_force(film: Path, folder: Path) -> None:
    (folder / "out.mp4").write_bytes(b"mine")
    arguments = ("framing", film, "--keyframes", keyframes(), "-o", "out.mp4")
    assert "out.mp4 is there already; --force replaces it." in refusal(export(*arguments))
    assert (folder / "out.mp4").read_bytes() == b"mine"
    assert export(*arguments, "--force").returncode == 0
    assert size_and_frames(folder / "out.mp4")[2] == 60


@pytest.mark.slow
def test_a_mistake_is_one_line(film: Path, folder: Path) -> None:
    k = keyframes()
    assert "There is no film none.mp4." in refusal(export("framing", "none.mp4", "--keyframes", k, "-o", "out.mp4"))
    no_film = written("text.mp4", "this is not a film")
    assert "not a video" in refusal(export("framing", no_film, "--keyframes", k, "-o", "out.mp4"))
    assert left_behind(folder) == {"text.mp4"}


def test_each_mistake_is_told(film: Path, folder: Path) -> None:
    k = keyframes()
    clip = {"start_time": 0, "end_time": 1, "input_key": "files/x"}
    wrong: dict[str, tuple[str | Path, ...]] = {
        "let its name end in .mp4": ("framing", film, "--keyframes", k, "-o", "out.avi"),
        "There is no folder": ("framing", film, "--keyframes", k, "-o", "nowhere/out.mp4"),
        "is the film itself": ("framing", film, "--keyframes", k, "-o", film, "--force"),
        "is not JSON": ("framing", film, "--keyframes", film, "-o", "out.mp4"),
        "neither a list nor an object": ("framing", film, "--keyframes", written("n.json", 1), "-o", "out.mp4"),
        "There are 2 films, but 1 clips": ("multi-clip", film, film, "--clips", written("c.json", [{}]), "-o", "o.mp4"),
        "name the films on the command": ("annotate", film, "--clips", written("a.json", [clip]), "-o", "out.mp4"),
        "keyframe 2": ("framing", film, "--keyframes", written("f.json", far_out()), "-o", "out.mp4"),
        "config.keyframes.0.width": ("framing", film, "--keyframes", written("w.json", [{"time": 0}]), "-o", "out.mp4"),
    }
    for words, arguments in wrong.items():
        with pytest.raises(Invalid, match=re.escape(words)):
            app(["export", *map(str, arguments)], standalone_mode=False)
    with pytest.raises(FileNotFoundError):
        app(["export", "framing", str(film), "--keyframes", "none.json", "-o", "out.mp4"], standalone_mode=False)
    assert not {"out.mp4", ".backline-export"} & left_behind(folder)


def far_out() -> list[dict[str, float]]:
    return [{"time": 0, **WINDOW}, {"time": 1, **WINDOW, "x": 1000}]


@contextmanager
def started(*arguments: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The command at a terminal, so that it draws its bar."""
    ours, its = pty.openpty()
    environment = os.environ | {"COLUMNS": "100", "TERM": "xterm"}
    process = subprocess.Popen(
        [str(COMMAND), "export", *map(str, arguments)], stdout=its, stderr=its, stdin=its, env=environment
    )
    os.close(its)
    try:
        yield process, ours
    finally:
        os.close(ours)
        process.kill()
        process.wait()


def shown(terminal: int, until: str) -> str:
    """What was drawn until it said so."""
    text = ""
    with suppress(OSError):  # the command has ended
        while until not in text:
            text += os.read(terminal, 1 << 16).decode(errors="replace")
    assert until in text, text
    return text


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    own = [int(one) for one in found.stdout.split()]
    return own + [deeper for one in own for deeper in children(one)]


def ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.slow
@pytest.mark.parametrize(("number", "times"), [(signal.SIGINT, 1), (signal.SIGINT, 5), (signal.SIGTERM, 1)])
def test_an_interrupt_ends_it_and_leaves_nothing(
    long_film: Path, folder: Path, number: signal.Signals, times: int
) -> None:
    arguments = (
        "framing",
        long_film,
        "--keyframes",
        keyframes(),
        "-o",
        "out.mp4",
        "--width",
        "1080",
        "--height",
        "1920",
    )
    with started(*arguments) as (process, terminal):
        shown(terminal, "/600 frames")
        at_work = children(process.pid)
        assert at_work
        for _ in range(times):
            process.send_signal(number)
        assert "Cancelled" in shown(terminal, "Nothing is left")
        assert process.wait(SECONDS) == 128 + number
        assert all(ended(pid) for pid in at_work)
    assert left_behind(folder) == set()


@pytest.mark.slow
def test_what_a_killed_one_left_is_removed_by_the_next(long_film: Path, film: Path, folder: Path) -> None:
    with started("framing", long_film, "--keyframes", keyframes(), "-o", "out.mp4") as (process, terminal):
        shown(terminal, "/600 frames")
        at_work = children(process.pid)
        process.kill()
        process.wait()
        assert (folder / ".backline-export").exists()
        end = time.monotonic() + 10
        while not all(ended(pid) for pid in at_work) and time.monotonic() < end:
            time.sleep(0.05)
        assert all(ended(pid) for pid in at_work)
    assert export("framing", film, "--keyframes", keyframes(), "-o", "out.mp4").returncode == 0
    assert left_behind(folder) == {"out.mp4"}


@pytest.mark.slow
def test_the_bar_shows_share_frames_and_time_left(long_film: Path) -> None:
    with started("framing", long_film, "--keyframes", keyframes(), "-o", "out.mp4") as (process, terminal):
        text = shown(terminal, " left")
        assert re.search(r"rendering .*%.*/600 frames", text)
        assert re.search(r"\d+:\d\d left", text)
        process.send_signal(signal.SIGINT)
        process.wait(SECONDS)


def test_other_commands_do_not_load_what_it_needs() -> None:
    program = "import sys; import backline.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "backline.exports.commands" in loaded
    assert not {"PIL", "cv2", "backline.exports.schemas", "backline.engines.video.base"} & set(loaded)
