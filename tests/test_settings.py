"""Settings come from the environment and from `.env`, and a wrong one is named."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import ValidationError

from backline.settings import ServerSettings, Settings, SpeechSettings


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_defaults_are_those_of_a_laptop() -> None:
    settings = Settings.read()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8000)
    assert settings.server.bound_to_loopback
    assert settings.speech.workers >= 1
    assert settings.observability.metrics_token is None


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLINE_SERVER__PORT", "8123")
    monkeypatch.setenv("backline_server__host", "::1")
    monkeypatch.setenv("BACKLINE_SERVER__DATA_DIR", "/somewhere/else")
    monkeypatch.setenv("BACKLINE_SPEECH__STALL_SECONDS", "2.5")
    monkeypatch.setenv("BACKLINE_OBSERVABILITY__METRICS_TOKEN", "s3cret")
    settings = Settings.read()
    assert (settings.server.host, settings.server.port) == ("::1", 8123)
    assert settings.server.data_dir == Path("/somewhere/else")
    assert settings.speech.stall_seconds == 2.5
    assert settings.observability.metrics_token is not None
    assert settings.observability.metrics_token.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_the_file_is_read_and_the_environment_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".env").write_text("BACKLINE_SERVER__PORT=8001\nBACKLINE_SPEECH__WORKERS=3\nSOMEBODY_ELSES=1\n")
    monkeypatch.setenv("BACKLINE_SERVER__PORT", "8002")
    settings = Settings.read()
    assert (settings.server.port, settings.speech.workers) == (8002, 3)


def test_what_is_given_comes_first_of_all_and_leaves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLINE_SERVER__PORT", "8002")
    monkeypatch.setenv("BACKLINE_SERVER__DRAIN_SECONDS", "3")
    settings = Settings.read(server={"port": 8003})
    assert (settings.server.port, settings.server.drain_seconds) == (8003, 3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BACKLINE_SERVER__PORT", "eighty"),
        ("BACKLINE_SERVER__PORT", "65536"),
        ("BACKLINE_SERVER__DRAIN_SECONDS", "-1"),
        ("BACKLINE_SERVER__MAX_BODY_BYTES", "0"),
        ("BACKLINE_SPEECH__WORKERS", "0"),
        ("BACKLINE_SPEECH__STALL_SECONDS", "0"),
        ("BACKLINE_SPEECH__OVERLAP_SECONDS", "soon"),
        ("BACKLINE_OBSERVABILITY__LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"^{name}: ") as caught:
        Settings.read()
    assert value not in str(caught.value).removeprefix(name) or value.lstrip("-").isdigit()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("BACKLINE_SERVER__PRT", "BACKLINE_SERVER__PORT"),
        ("BACKLINE_SERVER_PORT", "BACKLINE_SERVER__PORT"),
        ("BACKLINE_SPEACH__WORKERS", "BACKLINE_SPEECH__WORKERS"),
        ("backline_speech__worker", "BACKLINE_SPEECH__WORKERS"),
        ("BACKLINE_MODAL__JAM__MAXSESSIONS", "BACKLINE_MODAL__JAM__MAX_SESSIONS"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_right_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    with monkeypatch.context() as environment:
        environment.setenv(name, "1")
        with pytest.raises(ValueError, match=f"no setting {name}. Did you mean {meant}"):
            Settings.read()
    (folder / ".env").write_text(f"{name}=1\n")
    with pytest.raises(ValueError, match=f"no setting {name}. Did you mean {meant}"):
        Settings.read()


def test_names_of_the_operators_own_stand_below_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLINE_MODAL__JOBS__RENDER__GPU", '["T4", "L4"]')
    monkeypatch.setenv("BACKLINE_MODAL__PRICES__L40S", "1.95")
    monkeypatch.setenv("MODAL_ENABLED", "true")
    modal = Settings.read().modal
    assert (modal.enabled, modal.jobs["render"].gpu, modal.jobs["render"].retries) == (True, ["T4", "L4"], 2)
    assert modal.prices == {"l40s": Decimal("1.95")}


def test_other_names_are_nobodys_business(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BACKLINE_HOME", "/opt")
    monkeypatch.setenv("SERVER__PORT", "1")
    assert Settings.read().server.port == 8000


def test_a_group_knows_its_fields() -> None:
    with pytest.raises(ValidationError):
        SpeechSettings.model_validate({"worker": 3})


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("example.com", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_what_counts_as_loopback(host: str, loopback: bool) -> None:
    assert ServerSettings(host=host).bound_to_loopback is loopback
