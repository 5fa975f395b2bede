from __future__ import annotations

import pytest

from backline.db.database import Database
from tests.jam.house import Gateway, House


@pytest.fixture
def house(database: Database) -> House:
    return House(database)


@pytest.fixture
def gateway(house: House) -> Gateway:
    return Gateway(house, "gateway_1")
