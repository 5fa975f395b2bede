"""Try the newest release of Modal's SDK, whatever pyproject.toml allows: an environment of its own on top of the one
that runs this, and in it the tests that meet the SDK. What fails there is what an upgrade will ask for.

    .venv/bin/python scripts/newest_modal.py [--keep FOLDER] [what pytest is to be given ...]

Exit status: pytest's. Needs a package index.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
TESTS = ["tests/modal_standin", "tests/deploy", "tests/compute/on_modal", "tests/processes/test_jobs_on_modal.py"]


def make_environment(folder: Path) -> str:
    """The interpreter of a new environment, in which the newest SDK goes before everything that is installed here."""
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    places = subprocess.check_output(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
    )
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--upgrade", "modal"], check=True)
    subprocess.run([*install, "--no-deps", "--editable", str(ROOT)], check=True)
    here = sysconfig.get_path("purelib")
    below = Path(places.strip()) / "what_is_installed_here.pth"
    below.write_text(f"import site; site.addsitedir({here!r})\n")
    return python


def try_it(folder: Path, tests: list[str]) -> int:
    python = make_environment(folder)
    newest = subprocess.check_output([python, "-m", "modal", "--version"], text=True).strip()
    print(f"{newest}; installed here: {version('modal')}", flush=True)
    return subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests], cwd=ROOT).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tests", nargs=argparse.REMAINDER)
    parser.add_argument("--keep", type=Path, help="make the environment in this folder, and leave it there")
    asked = parser.parse_args()
    tests = asked.tests or TESTS
    if asked.keep is not None:
        return try_it(asked.keep.absolute(), tests)
    with TemporaryDirectory(prefix="newest-modal-") as folder:
        return try_it(Path(folder), tests)


if __name__ == "__main__":
    sys.exit(main())
