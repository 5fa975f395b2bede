"""The manual says what the code does: routes, settings, formats, engines, events and figures, by name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from pydantic import BaseModel
from starlette.routing import BaseRoute, Mount

from backline.cli import app as command_line
from backline.credits import figures as credit_figures
from backline.engines.catalog import CATALOG
from backline.gateway.app import create_app
from backline.jam import figures as jam_figures
from backline.jobs import figures as job_figures
from backline.media.encode.formats import FORMATS
from backline.modal_table import GatewayRow, JamRow, JobRow, SpeechRow
from backline.observability.metrics import Metric
from backline.settings import Settings
from backline.speech import figures
from backline.speech.schemas import GenerateRequest, LongSpeechRequest, LongSpeechView, SessionConfig

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
SOURCE = ROOT / "src" / "backline"


def _text(name: str) -> str:
    return (DOCS / name).read_text()


def _paths(routes: list[BaseRoute]) -> set[str]:
    """Every path that is routed, through routers that were included."""
    paths: set[str] = set()
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            paths |= _paths(inner.routes)
        elif not isinstance(route, Mount):
            paths.add(str(getattr(route, "path", "")))
    return paths


def _app() -> FastAPI:
    return create_app(Settings(_env_file=None))


def test_every_route_is_in_the_manual() -> None:
    manual = _text("api.md")
    missing = {path for path in _paths(list(_app().routes)) if path not in manual}
    assert not missing


def test_every_setting_is_in_the_manual_and_no_other() -> None:
    named = set(re.findall(r"`BACKLINE_([A-Z]+__[A-Z_]+)`", _text("operations.md")))
    known = set()
    for group, field in Settings.model_fields.items():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, BaseModel)
        known |= {f"{group}__{name}".upper() for name in field.annotation.model_fields}
    assert named == known


def test_the_defaults_in_the_manual_are_the_defaults() -> None:
    rows = dict(re.findall(r"\| `BACKLINE_([A-Z_]+)` \| `([^`]+)` \|", _text("operations.md")))
    settings = Settings(_env_file=None)
    for name, default in rows.items():
        group, _, field = name.lower().partition("__")
        value = getattr(getattr(settings, group), field)
        assert str(value) in (default, f"{default}.0"), name


def test_every_knob_of_a_row_is_in_the_manual_with_its_defaults() -> None:
    _, _, table = _text("operations.md").partition("| of a row | gateway | speech | jam | jobs |")
    rows = (GatewayRow(), SpeechRow(), JamRow(), JobRow())
    told = dict(re.findall(r"^\| `(\w+)` \| (.+?) \| [^|]+ \|$", table.partition("\n\n")[0], re.MULTILINE))
    assert set(told) == {name for row in rows for name in type(row).model_fields}
    for name, cells in told.items():
        assert cells.split(" | ") == [_shown(getattr(row, name, "–")) for row in rows], name


def _shown(default: object) -> str:
    if isinstance(default, list):
        return ", ".join(default)
    return "none" if default is None else f"{default:g}" if isinstance(default, float) else str(default)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_in_the_manual_with_its_type_and_rate(name: str) -> None:
    (row,) = (line for line in _text("api.md").splitlines() if line.startswith(f"| `{name}` |"))
    known = FORMATS[name]
    assert known.media_type in row
    assert (f"{known.default_rate_hz:,}".replace(",", " ") if known.default_rate_hz else "the engine's") in row


@pytest.mark.parametrize("model", [GenerateRequest, SessionConfig, LongSpeechRequest, LongSpeechView])
def test_every_field_is_in_the_manual(model: type[BaseModel]) -> None:
    manual = _text("api.md")
    assert not [name for name in model.model_fields if not re.search(rf"\b{name}\b", manual)]


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.name)
def test_every_engine_is_in_the_manual_with_its_licence(entry: object) -> None:
    name, licence = getattr(entry, "name", ""), getattr(entry, "licence", "")
    (row,) = (line for line in _text("engines.md").splitlines() if line.startswith(f"| `{name}`"))
    assert licence in row


def test_every_figure_is_in_the_manual() -> None:
    known = [
        *vars(figures).values(),
        *vars(job_figures).values(),
        *vars(credit_figures).values(),
        *vars(jam_figures).values(),
    ]
    names = [figure.name for figure in known if isinstance(figure, Metric)]
    assert names
    assert not [name for name in names if name not in _text("operations.md")]


def test_every_log_event_is_in_the_manual() -> None:
    events = {
        event
        for path in SOURCE.rglob("*.py")
        for event in re.findall(r"""\.(?:info|debug|warning|error)\(\s*"([a-z_]+\.[a-z_]+)\"""", path.read_text())
    }
    assert events
    assert not [event for event in sorted(events) if event not in _text("operations.md")]


def test_every_error_code_is_in_the_manual() -> None:
    codes = {
        code for path in SOURCE.rglob("*.py") for code in re.findall(r'\bcode="([a-z]+_[a-z_]+)"', path.read_text())
    }
    manual = _text("api.md")
    assert not sorted(code for code in codes if code not in manual)


def test_every_command_is_in_the_readme_or_the_manual() -> None:
    texts = (ROOT / "README.md").read_text() + _text("operations.md") + _text("engines.md") + _text("normalisation.md")
    for command in command_line.registered_commands:
        assert command.callback is not None
        assert f"backline {command.callback.__name__}" in texts


def test_links_between_pages_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(path.name[:4]) for path in (DOCS / "decisions").glob("*.md"))
    assert numbers == list(range(len(numbers)))
