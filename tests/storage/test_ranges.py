"""Ranges of bytes: every one that HTTP has, over all back ends, against slices of the content."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from backline.errors import Invalid
from backline.storage.base import ByteRange, Storage
from tests.storage import stores
from tests.storage.stores import MIB, pattern, read

_END = st.integers(0, 40) | st.none()
BODY = pattern(30)


@pytest.fixture(params=["memory", "local", "s3"], scope="module")
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Filled]:
    filled = _Filled(request, tmp_path_factory.mktemp("files"))
    filled.run(filled.storage.put("full", BODY, content_type="audio/wav"))
    filled.run(filled.storage.put("empty", b"", content_type="audio/wav"))
    yield filled
    filled.run(filled.storage.close())
    filled.loop.close()


class _Filled:
    """A store that Hypothesis may ask many times: one event loop for all of it."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.storage: Storage
        if request.param == "s3":
            endpoint = request.getfixturevalue("s3_endpoint")
            stores.make_bucket(endpoint, "ranges")
            self.storage = self.run(self._open_s3(endpoint))
        else:
            self.storage = stores.memory() if request.param == "memory" else stores.local(folder)

    @staticmethod
    async def _open_s3(endpoint: str) -> Storage:
        return stores.s3(endpoint, "ranges")

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_END, _END)
@example(0, 0)
@example(29, 29)
@example(30, None)
@example(None, 0)
@example(None, 31)
@example(5, 4)
def test_a_range_is_a_slice(filled: _Filled, first: int | None, last: int | None) -> None:
    if (first is None and last is None) or (first is not None and last is not None and last < first):
        with pytest.raises(Invalid):
            ByteRange(first, last)
        return
    for key, body in (("full", BODY), ("empty", b"")):
        wanted = _slice(body, first, last)
        if not wanted:
            with pytest.raises(Invalid) as caught:
                filled.run(filled.storage.get(key, ByteRange(first, last)))
            assert caught.value.code == "range_not_satisfiable"
            continue
        reading = filled.run(filled.storage.get(key, ByteRange(first, last)))
        assert body[reading.start : reading.stop] == wanted
        assert reading.info.size_bytes == len(body)
        assert filled.run(read(reading)) == wanted


def _slice(body: bytes, first: int | None, last: int | None) -> bytes:
    if first is None:
        return body[-last:] if last else b""
    return body[first:] if last is None else body[first : last + 1]


async def test_a_range_of_a_large_object(storage: Storage) -> None:
    body = pattern(9 * MIB)
    await storage.put("a", body, content_type="audio/wav")
    for byte_range, wanted in (
        (ByteRange(1, 8 * MIB), body[1 : 8 * MIB + 1]),
        (ByteRange(9 * MIB - 5), body[-5:]),
        (ByteRange(last=3 * MIB), body[-3 * MIB :]),
    ):
        assert await read(await storage.get("a", byte_range)) == wanted


@pytest.mark.parametrize("ends", [(-1, None), (None, -1), (-2, -1), (0, -1)])
def test_a_negative_end_is_refused(ends: tuple[int | None, int | None]) -> None:
    with pytest.raises(Invalid):
        ByteRange(*ends)
