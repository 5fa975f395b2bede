"""One stand-in with the small app for many tests, and fresh ones for those that change what is deployed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.modal_standin.standin import StandIn

SMALL_APP = Path(__file__).with_name("small_app.py")


def place_app(folder: Path, word: str = "one") -> Path:
    """A copy of the small app whose version says this word."""
    path = folder / SMALL_APP.name
    path.write_text(SMALL_APP.read_text().replace('WORD = "one"', f'WORD = "{word}"'))
    return path


def with_secret(standin: StandIn) -> StandIn:
    assert standin.command("secret", "create", "small-secret", "SMALL_KEY=abc").returncode == 0
    return standin


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    """The small app, deployed once; tests may end its containers but not deploy again."""
    from tests.modal_standin.standin import StandIn

    with StandIn() as standin:
        with_secret(standin).deploy(place_app(tmp_path_factory.mktemp("small")))
        (standin.volume("weights").folder / "put.txt").write_text("heavy")
        yield standin


@pytest.fixture
def fresh() -> Iterator[StandIn]:
    """A stand-in with the secret that the small app wants, and nothing deployed."""
    from tests.modal_standin.standin import StandIn

    with StandIn() as standin:
        yield with_secret(standin)


@pytest.fixture
def deploy(fresh: StandIn, tmp_path: Path) -> Callable[[str], None]:
    """Deploy the small app with a word of its own."""

    def deploy_word(word: str) -> None:
        fresh.deploy(place_app(tmp_path, word))
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)

    return deploy_word
