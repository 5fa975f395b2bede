"""`backline modal check`: what is deployed, held against what would be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from backline.deploy.check import Deployed, State, Version, compare
from backline.deploy.table import definitions, table_of
from backline.deploy.tags import CODE, RELEASE, tags_of
from backline.settings import ModalSettings
from tests.deploy.cloud import Cloud, open_cloud

COMMAND = Path(sys.executable).with_name("backline")
FIRST = Version(1, datetime(2026, 1, 2, 3, 4, tzinfo=UTC))


def planned(**modal: Any) -> dict[str, str]:
    settings = ModalSettings.model_validate(modal)
    return tags_of(definitions(settings), table_of(settings))


def deployed(**modal: Any) -> Deployed:
    names = frozenset(one.name for one in definitions(ModalSettings.model_validate(modal)))
    return Deployed(planned(**modal), names, (FIRST,))


def test_the_same_is_the_same() -> None:
    there = deployed()
    report = compare(there.tags, there)
    assert report.same
    assert set(report.functions.values()) == {State.SAME}


def test_what_differs_is_named() -> None:
    there = replace(
        deployed(speech={"target_inputs": 2}), functions=frozenset({"gateway", "Speech", "render", "extra"})
    )
    there = replace(there, tags={**there.tags, RELEASE: "0.0.1", CODE: "other"})
    report = compare(planned(), there)
    assert not report.same
    assert (report.release, report.code, report.table) == (State.DIFFERS, State.DIFFERS, State.DIFFERS)
    assert report.functions == {
        "gateway": State.SAME,
        "Speech": State.DIFFERS,
        "Jam": State.MISSING,
        "render": State.SAME,
        "extra": State.NOT_OURS,
    }


def test_what_only_the_bodies_read_is_a_difference_too() -> None:
    report = compare(planned(), deployed(jam={"engine": "metronome"}))
    assert report.table is State.DIFFERS
    assert set(report.functions.values()) == {State.SAME}
    assert not replace(report, release=State.SAME, code=State.SAME).same


def test_an_app_of_somebody_else_is_not_ours() -> None:
    report = compare(planned(), Deployed({}, frozenset({"gateway"}), (FIRST,)))
    assert report.functions["gateway"] is State.NOT_OURS
    assert "it is not from this file" in report.notes[0]


def test_a_rollback_and_a_pinned_version_are_differences() -> None:
    again = replace(FIRST, number=3, rollback_of=1)
    report = compare(planned(), replace(deployed(), versions=(again, FIRST)), pinned=1)
    assert not report.same
    assert "Version 3 is version 1 again" in report.notes[0]
    assert "told to use version 1" in report.notes[1]


def check(cloud: Cloud, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(COMMAND), "modal", "check", *arguments],
        env={**os.environ, **cloud.standin.environment, **cloud.table, **variables},
        cwd=cloud.folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
def test_the_command_asks_what_is_deployed(cloud: Cloud) -> None:
    same = check(cloud)
    assert same.returncode == 0, same.stdout + same.stderr
    assert "version 1:" in same.stdout
    other = check(cloud, "--json", BACKLINE_MODAL__GATEWAY__CPU="7")
    assert other.returncode == 1
    assert json.loads(other.stdout)["functions"]["gateway"] == "differs"
    nothing = check(cloud, BACKLINE_MODAL__APP="nobody")
    assert nothing.returncode == 1
    assert "Nothing is deployed as nobody" in nothing.stdout
    stranger = check(cloud, MODAL_TOKEN_ID="ak-other")
    assert stranger.returncode == 1
    assert "Modal refuses the token" in stranger.stderr


@pytest.mark.slow
def test_a_rollback_is_seen(tmp_path: Path) -> None:
    with open_cloud(tmp_path) as cloud:
        cloud.deploy(BACKLINE_MODAL__GATEWAY__CPU="7")
        assert cloud.standin.command("app", "rollback", "backline", "v1").returncode == 0
        found = check(cloud, "--json", BACKLINE_MODAL__GATEWAY__CPU="7")
        assert found.returncode == 1
        told = json.loads(found.stdout)
        assert [one["rollback_of"] for one in told["versions"]] == [1, None, None]
        assert not cloud.standin.unimplemented
