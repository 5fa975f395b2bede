"""The table of engines is only a table."""

from __future__ import annotations

import subprocess
import sys

import pytest

from backline.engines.catalog import CATALOG, EngineEntry, EngineKind, Isolation, find
from backline.errors import NotFound, Unavailable


def test_reading_the_catalogue_imports_no_engine_and_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from backline.engines.catalog import CATALOG\n"
        "asked = [entry.installed for entry in CATALOG]\n"
        "heavy = {'numpy', 'espeakng_loader', 'ctypes', 'av', 'fastapi'}\n"
        "engines = {entry.path.partition(':')[0] for entry in CATALOG}\n"
        "print(sorted((heavy | engines) & set(sys.modules)))\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_copyleft_code_runs_in_a_process_of_its_own() -> None:
    assert all(entry.isolation is Isolation.PROCESS for entry in CATALOG if "GPL" in entry.licence)


def test_an_engine_whose_library_is_missing_says_how_to_get_it() -> None:
    entry = EngineEntry(
        name="ghost",
        kind=EngineKind.SPEECH,
        path="nowhere:Ghost",
        isolation=Isolation.THREAD,
        licence="Apache-2.0",
        about="Not there.",
        source="nowhere",
        requires=("a_module_that_is_not_there",),
        extra="ghost",
    )
    assert not entry.installed
    with pytest.raises(Unavailable, match=r"pip install 'backline\[ghost\]'") as missing:
        entry.load()
    assert missing.value.code == "engine_not_installed"


def test_an_unknown_engine_is_not_found() -> None:
    assert find("tone").name == "tone"
    with pytest.raises(NotFound):
        find("nosuch")
