"""docs/jam.md says what the code does: fields, defaults, codes, and the commands of the journey."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from backline.engines.jam.orders import ChunkMetadata
from backline.jam.loudspeakers import PLAYERS
from backline.jam.schemas import (
    ChangeForm,
    CloseReply,
    HeardReply,
    NextReply,
    SplicedReply,
    StartForm,
    StatusReply,
    SteppedReply,
    WarmupReply,
)

ROOT = Path(__file__).parents[2]
MANUAL = (ROOT / "docs" / "jam.md").read_text(encoding="utf-8")
MODELS = (
    StartForm,
    ChangeForm,
    WarmupReply,
    SteppedReply,
    NextReply,
    StatusReply,
    SplicedReply,
    CloseReply,
    HeardReply,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_field_is_in_the_manual(model: type[BaseModel]) -> None:
    assert not [name for name in model.model_fields if not re.search(rf"\b{name}\b", MANUAL)]


def test_what_a_chunk_tells_is_in_the_manual() -> None:
    _, _, told = MANUAL.partition("### What a chunk tells")
    assert not [field.name for field in fields(ChunkMetadata) if not re.search(rf"\b{field.name}\b", told)]


def test_the_defaults_in_the_manual_are_the_defaults() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|", MANUAL, re.MULTILINE))
    words = {"none": (), "1 each": (), "the loop's own": None, "from the session's id": None}
    for name, field in StartForm.model_fields.items():
        told = rows[name].strip().strip("`")
        default = field.get_default()
        assert (words[told] if told in words else type(default)(told)) == default, name


def test_every_error_of_a_session_is_in_the_manual() -> None:
    sources = [*(ROOT / "src/backline/jam").glob("*.py"), *(ROOT / "src/backline/engines/jam").glob("*.py")]
    codes = {code for path in sources for code in re.findall(r'\bcode="([a-z_]+)"', path.read_text())}
    elsewhere = {"bad_form", "bad_message", "bad_session_id", "no_session_id", "idle", "draining"}  # docs/api.md
    assert codes
    assert not sorted(code for code in codes - elsewhere if f"`{code}`" not in MANUAL)


def test_every_player_is_in_the_manual() -> None:
    assert not [name for name, *_ in PLAYERS if f"`{name}`" not in MANUAL]
