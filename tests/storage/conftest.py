"""A real S3 server (moto) in a process of its own, and each back end ready for use."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backline.ids import new_id
from backline.storage.base import Storage
from tests.storage import stores


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    with stores.s3_server() as endpoint:
        yield endpoint


@pytest.fixture
def s3_bucket(s3_endpoint: str) -> str:
    """A fresh bucket's name."""
    name = new_id("b").replace("_", "-")
    stores.make_bucket(s3_endpoint, name)
    return name


@pytest.fixture
async def s3(s3_endpoint: str, s3_bucket: str) -> AsyncIterator[Storage]:
    async with stores.s3(s3_endpoint, s3_bucket) as storage:
        yield storage


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Storage]:
    async with stores.local(tmp_path / "files") as storage:
        yield storage


@pytest.fixture
async def memory() -> AsyncIterator[Storage]:
    async with stores.memory() as storage:
        yield storage


@pytest.fixture(params=["memory", "local", "s3"])
def storage(request: pytest.FixtureRequest) -> Storage:
    fixed: Storage = request.getfixturevalue(request.param)
    return fixed


@pytest.fixture(params=["memory", "local"])
def own_storage(request: pytest.FixtureRequest) -> Storage:
    """The back ends that decide themselves who comes first."""
    fixed: Storage = request.getfixturevalue(request.param)
    return fixed


@pytest.fixture
async def local_twin(tmp_path: Path, local: Storage) -> AsyncIterator[Storage]:
    async with stores.local(tmp_path / "files") as storage:
        yield storage


@pytest.fixture
async def s3_twin(s3_endpoint: str, s3_bucket: str) -> AsyncIterator[Storage]:
    async with stores.s3(s3_endpoint, s3_bucket) as storage:
        yield storage


@pytest.fixture(params=["local", "s3"])
def twins(request: pytest.FixtureRequest) -> tuple[Storage, Storage]:
    """Two instances over the same bytes, as two processes have them."""
    return request.getfixturevalue(request.param), request.getfixturevalue(f"{request.param}_twin")
