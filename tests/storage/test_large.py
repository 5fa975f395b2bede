"""Large objects pass through in constant memory."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from backline.storage.base import Storage
from tests.storage.stores import MIB, PART_BYTES

SIZE = 64 * MIB
MOST_BYTES = 6 * PART_BYTES
"""Three parts on their way, one waiting, one being gathered, and one more for the rest of the process."""

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
pytestmark = pytest.mark.skipif(not CLEAR.exists(), reason="reads the peak of memory from /proc")


class _Peak:
    """How far resident memory rises; asked of Linux, so that what Rust holds counts too."""

    def __init__(self) -> None:
        CLEAR.write_text("5")
        self._before = self._figure("VmRSS")

    def grown_bytes(self) -> int:
        return self._figure("VmHWM") - self._before

    @staticmethod
    def _figure(name: str) -> int:
        found = re.search(rf"{name}:\s+(\d+) kB", STATUS.read_text())
        assert found is not None
        return int(found[1]) * 1024


async def _source(size: int) -> AsyncIterator[bytes]:
    for number in range(size // (MIB // 4)):
        yield number.to_bytes(4, "big") * (MIB // 16)


async def _hash_of(size: int) -> str:
    digest = hashlib.sha256()
    async for piece in _source(size):
        digest.update(piece)
    return digest.hexdigest()


async def _warm_up(storage: Storage) -> None:
    await storage.put("warm", _source(12 * MIB), content_type="audio/wav")
    async for _ in (await storage.get("warm")).stream:
        pass


@pytest.fixture(params=["local", "s3"])
def lasting(request: pytest.FixtureRequest) -> Storage:
    fixed: Storage = request.getfixturevalue(request.param)
    return fixed


@pytest.mark.slow
async def test_a_put_and_a_get_hold_little_in_memory(lasting: Storage) -> None:
    await _warm_up(lasting)
    peak = _Peak()
    stored = await lasting.put("large", _source(SIZE), content_type="audio/wav")
    assert peak.grown_bytes() < MOST_BYTES
    assert (stored.size_bytes, stored.sha256) == (SIZE, await _hash_of(SIZE))
    peak, digest = _Peak(), hashlib.sha256()
    async for chunk in (await lasting.get("large")).stream:
        digest.update(chunk)
    assert peak.grown_bytes() < MOST_BYTES
    assert digest.hexdigest() == stored.sha256


@pytest.mark.slow
async def test_a_resumable_upload_holds_little_in_memory(lasting: Storage) -> None:
    await _warm_up(lasting)
    upload = await lasting.uploads.begin("large", content_type="audio/wav", size_bytes=SIZE)
    peak = _Peak()
    await lasting.uploads.append(upload, 0, _source(SIZE))
    stored = await lasting.uploads.complete(upload)
    assert peak.grown_bytes() < MOST_BYTES
    assert stored.sha256 == await _hash_of(SIZE)
