"""Rows of the settings become functions; no SDK in here."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from backline.compute.operations import Operation
from backline.deploy.definitions import Definition, Kind
from backline.deploy.requirements import requirements
from backline.deploy.servers import gateway_app
from backline.deploy.table import WEIGHTS, definitions, table_of
from backline.deploy.tags import code_digest, function_digests, tags_of
from backline.errors import Invalid, NotFound
from backline.settings import ModalSettings, Settings


def built(**modal: Any) -> dict[str, Definition]:
    return {one.name: one for one in definitions(ModalSettings.model_validate(modal))}


def test_there_is_a_function_for_each_part_and_each_operation() -> None:
    assert {one.name: one.kind for one in built().values()} == {
        "gateway": Kind.FUNCTION,
        "Speech": Kind.CLASS,
        "Jam": Kind.SERVER,
        "render": Kind.FUNCTION,
    }
    assert set(built(speech={"engines": []}, jam={"enabled": False})) == {"gateway", "render"}
    assert "Jam" not in {one.name for one in definitions(ModalSettings(), sessions=False)}


def test_a_gpu_is_the_rows_or_what_the_engine_wants() -> None:
    assert built(jam={"engine": "magenta-rt"})["Jam"].gpus == ("L40S",)
    assert built(jam={"engine": "magenta-rt", "gpu": []})["Jam"].gpus == ()
    assert built(speech={"gpu": ["L4", "A10G:2"]})["Speech"].gpus == ("L4", "A10G:2")
    wishing = Operation("train", "somewhere:train", "Trains.", extra="magenta", gpu=("A100", "H100"))
    (*_, train) = definitions(ModalSettings(), operations=(wishing,))
    assert (train.gpus, train.extras, train.volumes) == (("A100", "H100"), ("magenta",), {WEIGHTS: "backline-weights"})


def test_only_what_looks_after_users_has_their_secrets() -> None:
    named = {name: [need.name for need in one.secrets] for name, one in built(weights_secret="weights").items()}
    assert named == {
        "gateway": ["backline", "backline-worker"],
        "Speech": ["backline-worker", "weights"],
        "Jam": ["backline-worker", "weights"],
        "render": [],
    }
    assert [need.name for need in built(jam={"enabled": False})["gateway"].secrets] == ["backline"]
    assert [need.name for need in built(planes="one")["Speech"].secrets] == ["backline", "backline-worker"]


def test_one_plane_is_the_whole_server_on_the_machines_of_speech() -> None:
    speech = built(planes="one")["Speech"]
    assert {"postgres", "redis", "espeak"} == set(speech.extras)
    assert speech.arguments["timeout"] == 3600
    with pytest.raises(Invalid, match="no engine is named"):
        built(planes="one", speech={"engines": []})


def test_every_knob_of_a_row_is_told_to_the_platform() -> None:
    row = {
        "gpu": ["L4"],
        "cpu": 1.5,
        "memory_mb": 700,
        "min_containers": 1,
        "buffer_containers": 2,
        "max_containers": 3,
        "scaledown_seconds": 44,
        "startup_seconds": 55,
        "region": "eu",
    }
    machine = {
        "gpu": "L4",
        "cpu": 1.5,
        "memory": 700,
        "min_containers": 1,
        "buffer_containers": 2,
        "max_containers": 3,
        "scaledown_window": 44,
        "startup_timeout": 55,
    }
    work = {**row, "timeout_seconds": 66}
    found = built(
        gateway={**work, "target_inputs": 7, "max_inputs": 8},
        speech={**work, "target_inputs": 5, "max_inputs": 6, "gpu_snapshot": True},
        jam={**row, "snapshot": True, "max_sessions": 9},
        jobs={"render": {**work, "retries": 4}},
    )
    placed = {**machine, "region": "eu", "timeout": 66}
    assert found["gateway"].arguments == placed
    assert found["gateway"].inputs == (7, 8)
    snapshot = {"enable_memory_snapshot": True, "experimental_options": {"enable_gpu_snapshot": True}}
    assert found["Speech"].arguments == {**placed, **snapshot}
    assert found["Speech"].inputs == (5, 6)
    assert found["render"].arguments == {**placed, "retries": 4}
    assert found["Jam"].arguments == {
        **machine,
        "compute_region": "eu",
        "routing_region": "eu",
        "enable_memory_snapshot": True,
        "port": 8000,
        "target_concurrency": 1.0,
        "exit_grace_period": 35,
    }
    assert built(jam={"max_sessions": 9})["Jam"].arguments["max_containers"] == 9


def test_an_engine_or_a_row_that_means_nothing_is_refused() -> None:
    with pytest.raises(NotFound):
        built(speech={"engines": ["nobody"]})
    with pytest.raises(Invalid, match="'groove' is a jam engine"):
        built(speech={"engines": ["groove"]})
    with pytest.raises(Invalid, match="a row for 'rendre'"):
        built(jobs={"rendre": {}})


@pytest.mark.parametrize(
    "row",
    [
        {"speech": {"gpu": ["L40S:x"]}},
        {"speech": {"gpu": ["H100:0"]}},
        {"jobs": {"render": {"gpu": [""]}}},
        {"speech": {"target_inputs": 50}},
        {"gateway": {"min_containers": 5, "max_containers": 2}},
        {"jam": {"min_containers": 20, "max_sessions": 4}},
    ],
)
def test_a_row_that_the_platform_would_refuse_is_refused_before_it(row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ModalSettings.model_validate(row)


def test_who_looks_at_the_app_does_not_change_it() -> None:
    pinned = ModalSettings(version=3, prices={"cpu": Decimal(1)})
    assert table_of(pinned) == table_of(ModalSettings())


def test_a_deployed_server_keeps_nothing_in_its_container(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A secret may have the key, and nothing in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", "")
    with pytest.raises(RuntimeError, match="no DATABASE_URL"):
        gateway_app()


def test_a_container_builds_the_same_app_from_its_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    here = ModalSettings.model_validate(
        {"app": "mine", "planes": "one", "jobs": {"render": {"cpu": 8}}, "prices": {"L4": "0.8"}}
    )
    monkeypatch.setenv("BACKLINE_MODAL", table_of(here, sessions=False))
    there = Settings.read().modal
    assert there.enabled
    assert there.prices == {}
    assert definitions(there) == definitions(here, sessions=False)
    assert "prices" not in json.loads(table_of(here))


def test_tags_tell_functions_apart_and_what_has_changed() -> None:
    before, after = (tags_of(built(speech={"target_inputs": count}).values(), "a table") for count in (4, 5))
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"function.Speech"}
    assert set(function_digests(before)) == {"gateway", "Speech", "Jam", "render"}
    assert all(len(value) <= 63 for value in before.values())


def test_the_code_has_a_digest_of_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    first = code_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("compiled")
    assert code_digest(tmp_path) == first
    (tmp_path / "a.py").rename(tmp_path / "b.py")
    assert code_digest(tmp_path) != first


def test_an_image_has_what_is_installed_here_and_the_extras_that_are_asked_for() -> None:
    base, more = requirements(()), requirements(("postgres", "magenta"))
    assert all("==" in one for one in base)
    assert not any(one.startswith(("pytest", "modal", "psycopg")) for one in base)
    added = set(more) - set(base)
    assert any(one.startswith("psycopg[binary,pool]==") for one in added)
    assert any(one.startswith("magenta-rt[jax]") for one in added)
    assert requirements((), "a-package-that-is-not-there") == ()
