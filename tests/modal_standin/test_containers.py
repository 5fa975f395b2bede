"""Containers die, drain, start anew and never outlive their stand-in."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from modal import Dict, Function
from modal.exception import Error

from tests.modal_standin.hub import Options
from tests.modal_standin.standin import StandIn

FAILS = """
import modal

app = modal.App("fails")

@app.cls(min_containers=1)
class Engine:
    @modal.enter()
    def enter(self):
        raise ValueError("no weights")

    @modal.method()
    def speak(self):
        return 1
"""

FOLDER = """
import os
from pathlib import Path
import modal

app = modal.App("folder")

@app.function(volumes={"MOUNT": modal.Volume.from_name("weights", create_if_missing=True)})
def size():
    return os.environ["HINT"], (Path("MOUNT") / "model.bin").stat().st_size
"""

WARM = """
import time
import modal

app = modal.App("warm")

@app.function(min_containers=1)
def word():
    return "warm"

@app.function()
def rest():
    time.sleep(60)
"""

PARENT = """
import sys, time
from pathlib import Path
from modal import Function
from tests.modal_standin.standin import StandIn

with StandIn() as standin:
    standin.deploy(Path(sys.argv[1]))
    call = Function.from_name("warm", "rest", client=standin.client).spawn()
    print(standin.running(call.object_id).process_id, standin.folder, flush=True)
    time.sleep(60)
"""


def gone(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return True
    return False


def until_gone(process_id: int) -> None:
    deadline = time.monotonic() + 10
    while not gone(process_id):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def python(*arguments: str) -> subprocess.Popen[str]:
    """A process that can import these tests."""
    path = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    variables = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True, env=variables)


def place(folder: Path, text: str) -> Path:
    path = folder / "app.py"
    path.write_text(text)
    return path


def test_a_killed_container_s_work_begins_anew(small: StandIn) -> None:
    notes = Dict.from_name("notes", create_if_missing=True, client=small.client)
    call = Function.from_name("small", "nap", client=small.client).with_options(timeout=30).spawn(1.0, "killed")
    first = small.running(call.object_id)
    deadline = time.monotonic() + 20
    while not notes.get("killed started"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    small.kill(first)
    assert call.get(timeout=20) != first.task_id
    assert notes["killed started"] == 2  # the platform runs it at least once
    assert len(small.call(call.object_id).inputs[0].task_ids) == 2


def test_a_stream_whose_container_died_is_whole_and_has_nothing_twice(small: StandIn) -> None:
    items = Function.from_name("small", "count", client=small.client).remote_gen(6, 0.3)
    arrived = [next(items), next(items)]
    first = next(one for one in small.containers("count") if one.running)
    small.kill(first)
    arrived.extend(items)
    assert [int.from_bytes(item) for item in arrived] == list(range(6))
    call = list(small.hub.calls.values())[-1]
    assert len(call.inputs[0].task_ids) == 2
    assert [chunk.index for chunk in call.outgoing] == list(range(1, 7))


def test_a_drained_container_finishes_and_takes_nothing_more(small: StandIn) -> None:
    nap = Function.from_name("small", "nap", client=small.client).with_options(timeout=31)
    call = nap.spawn(1.0)
    first = small.running(call.object_id)
    small.drain(first)
    assert nap.remote(0.0) != first.task_id
    assert call.get(timeout=20) == first.task_id
    small.wait_until(lambda: not first.alive)


def test_a_container_drains_itself(small: StandIn) -> None:
    drains = Function.from_name("small", "drains", client=small.client)
    first = drains.remote()
    assert drains.remote() != first


@pytest.mark.slow
def test_a_container_that_cannot_start_fails_what_waits(fresh: StandIn, tmp_path: Path) -> None:
    from modal import Cls

    fresh.deploy(place(tmp_path, FAILS))
    with pytest.raises(ValueError, match="no weights"):
        Cls.from_name("fails", "Engine", client=fresh.client)().speak.remote()
    tried = fresh.containers(alive=False)
    assert "no weights" in tried[0].log_path.read_text()
    time.sleep(0.5)
    assert len(fresh.containers(alive=False)) == len(tried)  # its least number is not tried for ever


@pytest.mark.slow
def test_warm_containers_start_with_the_deploy(fresh: StandIn, tmp_path: Path) -> None:
    fresh.deploy(place(tmp_path, WARM))
    fresh.wait_until(lambda: any(one.ready_at for one in fresh.hub.containers.values()))
    first = fresh.containers("word")[0]
    fresh.kill(first)
    fresh.wait_until(lambda: any(one.alive and one.ready_at for one in fresh.hub.containers.values()))


@pytest.mark.slow
def test_a_volume_below_the_stand_in_s_mounts_is_where_the_app_says(tmp_path: Path) -> None:
    with StandIn(Options(environment={"HINT": "given"})) as standin:
        standin.deploy(place(tmp_path, FOLDER.replace("MOUNT", str(standin.mounts / "weights"))))
        (standin.volume("weights").folder / "model.bin").write_bytes(b"123")
        assert Function.from_name("folder", "size", client=standin.client).remote() == ("given", 3)


@pytest.mark.slow
def test_idle_containers_go(tmp_path: Path) -> None:
    with StandIn(Options(prewarm=False, scaledown_seconds=0.2)) as standin:
        standin.deploy(place(tmp_path, WARM))
        assert Function.from_name("warm", "word", client=standin.client).remote() == "warm"
        container = standin.containers(alive=False)[0]
        standin.wait_until(lambda: not container.alive)
        assert container.exit_status == 0


@pytest.mark.slow
def test_more_functions_than_processes_still_work(tmp_path: Path) -> None:
    one = '@app.function()\ndef {name}():\n    return "{name}"\n'
    names = ["first", "second", "third"]
    text = "import modal\napp = modal.App('many')\n" + "\n".join(one.format(name=name) for name in names)
    with StandIn(Options(max_processes=1)) as standin:
        standin.deploy(place(tmp_path, text))
        answers = [Function.from_name("many", name, client=standin.client).remote() for name in names]
    assert answers == names


@pytest.mark.slow
def test_nothing_outlives_the_stand_in(tmp_path: Path) -> None:
    with StandIn() as standin:
        standin.deploy(place(tmp_path, WARM))
        assert Function.from_name("warm", "word", client=standin.client).remote() == "warm"
        process_id, folder = standin.containers("word")[0].process_id, standin.folder
        assert not gone(process_id)
    until_gone(process_id)
    assert not folder.exists()


@pytest.mark.slow
def test_nothing_outlives_a_killed_test(tmp_path: Path) -> None:
    app = place(tmp_path, WARM)
    with python("-c", PARENT, str(app)) as parent:
        assert parent.stdout is not None
        process_id, folder = parent.stdout.readline().split()
        parent.send_signal(signal.SIGKILL)
    shutil.rmtree(folder)
    until_gone(int(process_id))


@pytest.mark.slow
def test_an_app_s_containers_end_with_it(fresh: StandIn, deploy: Callable[[str], None]) -> None:
    deploy("one")
    call = Function.from_name("small", "nap", client=fresh.client).spawn(60.0)
    container = fresh.running(call.object_id)
    assert fresh.command("app", "stop", "small", "--yes").returncode == 0
    fresh.wait_until(lambda: not container.alive)
    with pytest.raises(Error):
        call.get(timeout=1)


@pytest.mark.slow
def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    with python("-m", "tests.modal_standin") as standin:
        assert standin.stdout is not None
        lines = [standin.stdout.readline().removeprefix("export ").strip() for _ in range(5)]
        variables = {**os.environ, **dict(line.split("=", 1) for line in lines)}
        command = [sys.executable, "-m", "modal", "deploy", str(place(tmp_path, WARM))]
        deployed = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
        standin.send_signal(signal.SIGTERM)
    assert deployed.returncode == 0, deployed.stderr
    assert standin.returncode == 0
