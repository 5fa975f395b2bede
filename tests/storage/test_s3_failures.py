"""S3 that is away, hangs, is overloaded or refuses: an error in time that says so and gives nothing away."""

from __future__ import annotations

import asyncio
import socket
import traceback
from collections.abc import Awaitable, Callable

import pytest

from backline.errors import BacklineError, Unavailable
from backline.storage.base import Storage
from backline.storage.failures import Limits
from tests.storage import stores
from tests.storage.misbehaving import misbehaving
from tests.storage.stores import MIB, pieces, quick, read

CALLS: dict[str, Callable[[Storage], Awaitable[object]]] = {
    "put": lambda storage: storage.put("a", b"x", content_type="audio/wav"),
    "put_if_absent": lambda storage: storage.put("a", b"x", content_type="audio/wav", if_absent=True),
    "put_large": lambda storage: storage.put("a", pieces(bytes(6 * MIB)), content_type="audio/wav"),
    "get": lambda storage: storage.get("a"),
    "head": lambda storage: storage.head("a"),
    "exists": lambda storage: storage.exists("a"),
    "list": lambda storage: storage.list(),
    "delete": lambda storage: storage.delete("a"),
    "delete_prefix": lambda storage: storage.delete_prefix("a"),
    "copy": lambda storage: storage.copy("a", "b"),
    "begin": lambda storage: storage.uploads.begin("a", content_type="audio/wav"),
    "append": lambda storage: storage.uploads.append("up_1", 0, b"x"),
    "complete": lambda storage: storage.uploads.complete("up_1"),
    "abort": lambda storage: storage.uploads.abort("up_1"),
    "sweep": lambda storage: storage.sweep(0),
}


def _check(error: BacklineError, address: str) -> None:
    """Neither the message nor what would be logged of its causes tells an address or a signature."""
    told = "".join(traceback.format_exception(error)) + str(error.as_data())
    for secret in (address, address.rpartition(":")[2], "Signature", "AKIATEST", "test/secret", "s3cr3t"):
        assert secret not in told


@pytest.mark.parametrize("name", CALLS)
async def test_every_call_to_a_store_that_hangs_ends_in_time(name: str) -> None:
    async with misbehaving("hangs") as (address, _), stores.s3(address, limits=quick()) as storage:
        with pytest.raises(Unavailable) as caught:
            async with asyncio.timeout(15):
                await CALLS[name](storage)
        assert caught.value.retryable
        _check(caught.value, address)


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("manner", ["closes", "500"])
async def test_every_call_that_fails_may_be_repeated(name: str, manner: str) -> None:
    async with misbehaving(manner) as (address, server), stores.s3(address, limits=Limits(answer_seconds=2)) as storage:
        with pytest.raises(Unavailable) as caught:
            async with asyncio.timeout(30):
                await CALLS[name](storage)
        assert server.requests
        assert caught.value.retryable
        _check(caught.value, address)


@pytest.mark.parametrize("name", CALLS)
async def test_a_store_that_is_not_there(name: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
        async with stores.s3(address, limits=quick()) as storage:
            with pytest.raises(Unavailable) as caught:
                async with asyncio.timeout(15):
                    await CALLS[name](storage)
            assert caught.value.retryable
            _check(caught.value, address)


@pytest.mark.parametrize("name", CALLS)
async def test_wrong_credentials_are_ours_to_mend(name: str) -> None:
    async with misbehaving("403") as (address, _), stores.s3(address) as storage:
        with pytest.raises(Unavailable) as caught:
            await CALLS[name](storage)
        assert caught.value.code == "storage_refused"
        assert not caught.value.retryable
        _check(caught.value, address)


@pytest.mark.parametrize("manner", ["stalls", "cuts"])
async def test_a_download_that_stops_half_way_is_an_error(manner: str) -> None:
    limits = Limits(answer_seconds=1)
    async with misbehaving(manner) as (address, _), stores.s3(address, limits=limits) as storage:
        reading = await storage.get("a")
        with pytest.raises(Unavailable) as caught:
            async with asyncio.timeout(15):
                await read(reading)
        _check(caught.value, address)


@pytest.mark.parametrize("name", ["put", "put_if_absent", "put_large", "list", "delete_prefix", "begin"])
async def test_a_missing_bucket_is_ours_to_mend_and_no_missing_file(s3_endpoint: str, name: str) -> None:
    async with stores.s3(s3_endpoint, "no-such-bucket") as storage:
        with pytest.raises(Unavailable) as caught:
            await CALLS[name](storage)
        assert caught.value.code == "storage_refused"


async def test_an_overloaded_store_is_asked_again() -> None:
    async with misbehaving("503") as (address, server), stores.s3(address) as storage:
        with pytest.raises(Unavailable):
            await storage.uploads.begin("a", content_type="audio/wav")
        assert len(server.requests) > 1
