"""What a deploy sends is kept readable; versions, the command line, look-ups and refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from grpclib import Status
from modal import Client, Cls, Dict, Function
from modal.exception import AuthError, NotFoundError, UnimplementedError
from modal_proto import api_pb2

from tests.modal_standin.conftest import SMALL_APP
from tests.modal_standin.standin import StandIn

ONCE = """
import modal

app = modal.App("once")

@app.function()
def twice(number):
    print("in the container")
    return 2 * number

@app.local_entrypoint()
def main():
    print("twice", twice.remote(21))
"""


def test_definitions_are_kept_as_received(small: StandIn) -> None:
    report = small.definition("small", "report")
    assert [one.resources.gpu_config.gpu_type for one in report.choices] == ["L4", "A10G"]
    assert [one.resources.gpu_config.count for one in report.choices] == [1, 2]
    assert small.volume_names(report) == {"/weights": "weights"}
    assert [one.bucket_name for one in report.function.cloud_bucket_mounts] == ["media"]
    assert small.secret_names(report) == ["small-secret"]
    assert report.function.autoscaler_settings.max_containers == 3
    assert report.function.autoscaler_settings.scaledown_window == 30
    assert (report.function.timeout_secs, report.function.startup_timeout_secs) == (120, 60)

    third = small.definition("small", "third_time").function
    assert third.retry_policy.retries == 2

    nap = small.definition("small", "nap").function
    assert (nap.max_concurrent_inputs, nap.target_concurrent_inputs) == (8, 4)

    engine = small.definition("small", "Engine.*").function
    assert engine.checkpointing_enabled
    assert [one.name for one in engine.class_parameter_info.schema] == ["name", "rate_hz"]

    assert small.definition("small", "site").function.webhook_config.type == api_pb2.WEBHOOK_TYPE_ASGI_APP
    assert small.definition("small", "locked").function.webhook_config.requires_proxy_auth
    room = small.definition("small", "Room").function
    assert room.is_server
    assert room.is_sessioned
    assert room.http_config.port == 8000


def test_nothing_that_the_app_needs_is_unimplemented(small: StandIn) -> None:
    assert small.hub.received["FunctionCreate"] == len(small.functions("small"))
    assert not small.unimplemented


@pytest.mark.slow
def test_each_version_keeps_its_own_code(fresh: StandIn, deploy: Callable[[str], None]) -> None:
    client = fresh.client
    deploy("one")
    latest = Function.from_name("small", "word", client=client)
    assert latest.remote() == "one"
    deploy("two")
    assert fresh.hub.require_app("small").version == 2
    assert latest.remote() == "two"
    assert Function.from_name("small", "word", client=client).remote() == "two"
    assert Function.from_name("small", "word", version=1, client=client).remote() == "one"
    assert Function.from_name("small", "word", version=2, client=client).remote() == "two"
    with pytest.raises(NotFoundError):
        Function.from_name("small", "word", version=3, client=client).hydrate()
    engines = [Cls.from_name("small", "Engine", version=version, client=client) for version in (1, 2)]
    assert [engine(name="a").word.remote() for engine in engines] == ["one", "two"]
    old = fresh.definition("small", "word", version=1)
    assert old is not fresh.definition("small", "word")

    rolled_back = fresh.command("app", "rollback", "small", "v1")
    assert rolled_back.returncode == 0, rolled_back.stderr
    assert latest.remote() == "one"


@pytest.mark.slow
def test_a_deploy_lets_running_work_finish_in_its_own_version(fresh: StandIn, deploy: Callable[[str], None]) -> None:
    deploy("one")
    nap = Function.from_name("small", "nap", client=fresh.client)
    call = nap.spawn(2.0)
    old = fresh.running(call.object_id)
    deploy("two")
    assert nap.remote(0.0) != old.task_id
    assert call.get(timeout=20) == old.task_id
    fresh.wait_until(lambda: not old.alive)
    assert not old.killed


@pytest.mark.slow
def test_stopped_apps_and_unknown_names_are_not_found(fresh: StandIn, deploy: Callable[[str], None]) -> None:
    client = fresh.client
    with pytest.raises(NotFoundError):
        Function.from_name("small", "word", client=client).hydrate()
    deploy("one")
    with pytest.raises(NotFoundError):
        Function.from_name("small", "no_such", client=client).hydrate()
    with pytest.raises(NotFoundError):
        Cls.from_name("small", "NoSuch", client=client).hydrate()
    listed = fresh.command("app", "list", "--json")
    assert '"small"' in listed.stdout, listed.stderr
    stopped = fresh.command("app", "stop", "small", "--yes")
    assert stopped.returncode == 0, stopped.stderr
    with pytest.raises(NotFoundError):
        Function.from_name("small", "word", client=client).hydrate()


@pytest.mark.slow
def test_a_deploy_without_its_secret_fails() -> None:
    with StandIn() as empty, pytest.raises(AssertionError, match="small-secret"):
        empty.deploy(SMALL_APP)


def test_containers_logs_are_read_from_the_command_line(small: StandIn) -> None:
    Cls.from_name("small", "Engine", client=small.client)(name="ann").word.remote()
    logs = small.command("app", "logs", "small")
    assert "asked for its word" in logs.stdout, logs.stderr


@pytest.mark.slow
def test_an_app_runs_without_a_deploy(fresh: StandIn, tmp_path: Path) -> None:
    path = tmp_path / "once.py"
    path.write_text(ONCE)
    ran = fresh.command("run", str(path))
    assert ran.returncode == 0, ran.stderr
    assert "twice 42" in ran.stdout
    assert "in the container" in ran.stdout
    assert fresh.hub.app_named("once") is None


@pytest.mark.slow
def test_wrong_tokens_are_refused(fresh: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_SERVER_URL", fresh.url)
    with Client.from_credentials("ak-other", "as-other") as client, pytest.raises(AuthError):
        client.hello()


@pytest.mark.slow
def test_what_is_missing_is_unimplemented_and_counted(fresh: StandIn) -> None:
    with pytest.raises(UnimplementedError):
        Dict.objects.list(client=fresh.client)
    assert fresh.unimplemented == {"DictList": 1}


def test_one_method_can_be_made_to_fail(small: StandIn) -> None:
    word = Function.from_name("small", "word", client=small.client)
    word.hydrate()
    with small.failing("FunctionMap", Status.NOT_FOUND), pytest.raises(NotFoundError):
        word.spawn()
    assert word.remote() == "one"
