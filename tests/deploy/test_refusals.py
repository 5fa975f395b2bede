"""A server that is asked to work on Modal and could not is refused at its start, in one sentence."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from backline.compute.jam_over_http import JamOverHttp
from backline.errors import Invalid
from backline.gateway.app import create_app
from backline.gateway.cloud import jam_link
from backline.settings import Settings

BUCKET = {"R2_BUCKET_NAME": "files", "R2_ACCESS_KEY_ID": "id", "R2_SECRET_ACCESS_KEY": "secret"}
TOKEN = {"MODAL_TOKEN_ID": "ak-1", "MODAL_TOKEN_SECRET": "as-1"}
PLACE = {"BACKLINE_SERVER__PUBLIC_URL": "https://backline.example"}
KEY = {"DARIUS_API_KEY": "a key for the workers"}


@pytest.fixture(autouse=True)
def _without_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def refused(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Invalid:
    nothing = dict.fromkeys((*TOKEN, *BUCKET, *KEY, "MODAL_API_URL"), "")
    for name, value in {**nothing, **variables, "MODAL_ENABLED": "true"}.items():
        monkeypatch.setenv(name, value)  # an empty token hides what the SDK's own file says
    with pytest.raises(Invalid) as found:
        create_app(Settings.read())
    return found.value


@pytest.mark.parametrize(
    ("variables", "code", "word"),
    [
        ({}, "no_modal_credentials", "MODAL_TOKEN_ID"),
        (TOKEN, "modal_needs_bucket", "R2_BUCKET_NAME"),
        ({"R2_BUCKET_NAME": "files"}, "no_bucket_keys", "R2_SECRET_ACCESS_KEY"),
        ({**TOKEN, **BUCKET}, "modal_needs_public_url", "BACKLINE_SERVER__PUBLIC_URL"),
        ({**TOKEN, **BUCKET, **PLACE}, "no_worker_key", "DARIUS_API_KEY"),
    ],
)
def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], code: str, word: str
) -> None:
    error = refused(monkeypatch, **variables)
    assert error.code == code
    assert word in error.detail
    assert "as-1" not in error.detail


def test_without_the_library_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "modal" else ModuleSpec(name, None))
    error = refused(monkeypatch, **TOKEN, **BUCKET, **PLACE, **KEY)
    assert error.code == "no_modal_sdk"
    assert "pip install 'backline[modal]'" in error.detail


def test_with_all_of_it_the_server_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**TOKEN, **BUCKET, **PLACE, **KEY, "MODAL_ENABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    assert create_app(Settings.read()).title == "Backline"


async def test_a_worker_that_is_named_plays_jams_before_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """MODAL_API_URL would else be read, and ignored."""
    settings = {**TOKEN, **BUCKET, **PLACE, **KEY, "MODAL_ENABLED": "true", "MODAL_API_URL": "http://127.0.0.1:9"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    async with jam_link(Settings.read()) as link:
        assert isinstance(link, JamOverHttp)
