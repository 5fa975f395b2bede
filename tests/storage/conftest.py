"""A real S3 server (moto) in a process of its own, and each back end ready for use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from backline.ids import new_id
from backline.storage.base import Storage
from tests.storage import stores

_SERVE = """
import sys, time
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Its own process: what it holds in memory is not ours."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(20)


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
