"""The app that misbehaves, deployed once for all tests of a process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from backline.compute.on_modal.connection import ModalApp
from backline.settings import ModalSettings
from tests.compute.on_modal.odd_app import NAME

if TYPE_CHECKING:
    from tests.modal_standin.standin import StandIn


@pytest.fixture(scope="session")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    from tests.modal_standin.standin import StandIn

    here = Path(__file__).parent
    with StandIn() as standin:
        standin.deploy(here / "odd_app.py", PYTHONDONTWRITEBYTECODE="1")
        yield standin


@pytest.fixture
async def odd_app(odd: StandIn) -> AsyncIterator[ModalApp]:
    async with ModalApp(ModalSettings(app=NAME), odd.client) as app:
        yield app
