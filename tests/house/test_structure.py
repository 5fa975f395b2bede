"""The shape of the house: what may import what, how large things are, and that everything can be imported at all."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
SCRIPTS = {"backline.migrations.env"}
"""Run by Alembic, which hands in what they work on."""

MODULES = sorted(
    {
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for path in SOURCE.rglob("*.py")
    }
    - SCRIPTS
)


def python(program: str) -> str:
    """What a fresh interpreter prints; warnings are errors there."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_imports() -> None:
    python("import importlib\n" + "\n".join(f"importlib.import_module({name!r})" for name in MODULES))


def test_imports_run_one_way() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_nothing_is_larger_than_its_budget() -> None:
    done = subprocess.run([sys.executable, "scripts/check_sizes.py"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_size_check_sees_what_is_too_large(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "src").mkdir()
    script = tmp_path / "scripts" / "check_sizes.py"
    script.write_text((ROOT / "scripts" / "check_sizes.py").read_text())
    (tmp_path / "src" / "long.py").write_text("x = 1\n" * 401)
    (tmp_path / "src" / "deep.py").write_text("def f():\n" + "    x = 1\n" * 50)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert done.returncode == 1
    assert "long.py: 401 lines" in done.stdout
    assert "deep.py:1 f: 51 lines" in done.stdout


@pytest.mark.parametrize("folder", ["src", "tests", "benchmarks"])
def test_packages_hold_no_code_of_their_own(folder: str) -> None:
    """Importing one must never bring another."""
    full = [str(path) for path in (ROOT / folder).rglob("__init__.py") if path.read_text().strip()]
    assert full == []


def test_reading_the_catalogue_imports_no_engine() -> None:
    loaded = python(
        "import sys\n"
        "from backline.engines.catalog import CATALOG, find\n"
        "assert [entry.installed for entry in CATALOG] and find('tone')\n"
        "print(*sys.modules)"
    ).split()
    assert "backline.engines.catalog" in loaded
    assert not [name for name in loaded if name.startswith("backline.engines.speech.")]
    assert not {"numpy", "espeakng_loader", "av", "fastapi"} & set(loaded)


def test_the_server_holds_no_code_of_engines_before_they_run() -> None:
    program = "import sys\nimport backline.gateway.app, backline.worker.app, backline.cli\nprint(*sys.modules)"
    loaded = set(python(program).split())
    assert not {"backline.engines.speech.espeak", "backline.engines.speech.tone"} & loaded
    assert not {"espeakng_loader", "torch", "onnxruntime", "jax", "soundfile", "pytest", "modal", "grpclib"} & loaded


WHERE_MODAL_IS_SPOKEN_OF = ("cli.py", "compute/on_modal/", "deploy/", "gateway/", "modal_table.py", "settings.py")
"""All else knows that work is done elsewhere, and not by whom."""


def test_nobody_else_knows_the_word_modal() -> None:
    package = SOURCE / "backline"
    told = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search("modal(?! jazz)", path.read_text(), re.IGNORECASE)
    ]
    assert [path for path in told if not path.startswith(WHERE_MODAL_IS_SPOKEN_OF)] == []


def test_what_runs_an_engine_elsewhere_knows_no_web() -> None:
    loaded = set(python("import sys\nimport backline.compute.pool_worker\nprint(*sys.modules)").split())
    assert not {"fastapi", "starlette", "uvicorn", "pydantic", "prometheus_client"} & loaded


def test_every_test_folder_is_a_package_and_every_test_module_has_a_name_of_its_own() -> None:
    modules = list((ROOT / "tests").rglob("test_*.py"))
    assert not [path for path in modules if not (path.parent / "__init__.py").exists()]
    names = Counter((path.parent, path.name) for path in modules)
    assert max(names.values()) == 1


def _sources() -> list[Path]:
    return [path for folder in ("src", "benchmarks", "scripts", "examples") for path in (ROOT / folder).rglob("*.py")]


def test_nothing_is_left_for_later() -> None:
    for path in _sources():
        found = re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text())
        assert found is None, f"{found} in {path}"


def test_public_modules_say_what_they_are_for() -> None:
    silent = [
        str(path)
        for path in SOURCE.rglob("*.py")
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_no_module_keeps_something_that_changes() -> None:
    """A name at module level that a function rebinds is global state."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not isinstance(node, ast.Global), f"{path}:{node.lineno}"
