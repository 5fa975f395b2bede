"""What every back end does, over all of them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest

from backline.errors import Conflict, Invalid, NotFound, TooLarge
from backline.storage.base import ByteRange, Storage
from tests.storage.stores import MIB, content, keys, pattern, pieces, read

LARGE = pattern(12 * MIB + 7)
TYPE = "audio/wav"


@pytest.mark.parametrize("body", [b"", b"x", pattern(300_000), LARGE], ids=len)
@pytest.mark.parametrize("streamed", [False, True])
async def test_what_was_put_is_got_with_its_size_and_hash(storage: Storage, body: bytes, streamed: bool) -> None:
    stored = await storage.put("u/ab/file", pieces(body) if streamed else body, content_type=TYPE)
    assert stored.size_bytes == len(body)
    assert stored.sha256 == hashlib.sha256(body).hexdigest()
    reading = await storage.get("u/ab/file")
    assert (reading.size_bytes, reading.start, reading.stop) == (len(body), 0, len(body))
    assert await read(reading) == body
    info = await storage.head("u/ab/file")
    assert (info.key, info.size_bytes, info.etag) == ("u/ab/file", len(body), stored.etag)
    assert info.etag


async def test_a_second_put_replaces(storage: Storage) -> None:
    await storage.put("a", LARGE, content_type=TYPE)
    first = await storage.head("a")
    await storage.put("a", b"second", content_type=TYPE)
    assert await content(storage, "a") == b"second"
    assert (await storage.head("a")).etag != first.etag


@pytest.mark.parametrize("body", [b"small", LARGE], ids=len)
async def test_a_conditional_put_never_replaces(storage: Storage, body: bytes) -> None:
    await storage.put("a", pieces(body), content_type=TYPE, if_absent=True)
    with pytest.raises(Conflict) as caught:
        await storage.put("a", pieces(b"other" + body), content_type=TYPE, if_absent=True)
    assert caught.value.code == "object_exists"
    assert await content(storage, "a") == body
    assert await storage.sweep(0) == 0


@pytest.mark.parametrize("size", [10, 6 * MIB])
async def test_of_conditional_puts_at_once_exactly_one_wins(own_storage: Storage, size: int) -> None:
    """Not on S3: there the server decides, and the one of the tests looks first and writes then."""
    storage = own_storage
    bodies = [bytes([number]) * size for number in range(4)]
    puts = (storage.put("a", pieces(body), content_type=TYPE, if_absent=True) for body in bodies)
    results = await asyncio.gather(*puts, return_exceptions=True)
    won = [number for number, result in enumerate(results) if not isinstance(result, BaseException)]
    assert len(won) == 1
    assert all(isinstance(result, Conflict) for number, result in enumerate(results) if number not in won)
    assert await content(storage, "a") == bodies[won[0]]


class _Lost(Exception):
    pass


async def _failing(body: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(body):
        yield piece
    raise _Lost


@pytest.mark.parametrize("size", [0, 10, 12 * MIB])
async def test_a_source_that_fails_leaves_nothing(storage: Storage, size: int) -> None:
    with pytest.raises(_Lost):
        await storage.put("a", _failing(bytes(size)), content_type=TYPE)
    assert not await storage.exists("a")
    assert await keys(storage) == []
    assert await storage.sweep(0) == 0


@pytest.mark.parametrize("size", [10, 12 * MIB])
async def test_a_put_that_is_cancelled_leaves_nothing(storage: Storage, size: int) -> None:
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        async for piece in pieces(bytes(size)):
            yield piece
        waiting.set()
        await asyncio.sleep(60)

    put = asyncio.ensure_future(storage.put("a", stalled(), content_type=TYPE))
    await waiting.wait()
    put.cancel()
    with pytest.raises(asyncio.CancelledError):
        await put
    assert not await storage.exists("a")
    assert await storage.sweep(0) == 0


async def test_the_old_object_stays_while_and_after_a_put_fails(storage: Storage) -> None:
    await storage.put("a", b"old", content_type=TYPE)

    async def looking() -> AsyncIterator[bytes]:
        async for piece in pieces(LARGE):
            yield piece
        assert await content(storage, "a") == b"old"
        raise _Lost

    with pytest.raises(_Lost):
        await storage.put("a", looking(), content_type=TYPE)
    assert await content(storage, "a") == b"old"


@pytest.mark.parametrize("size", [10, 12 * MIB])
async def test_a_put_that_is_too_large_is_refused_and_leaves_nothing(storage: Storage, size: int) -> None:
    await storage.put("fits", pieces(bytes(size)), content_type=TYPE, max_bytes=size)
    with pytest.raises(TooLarge):
        await storage.put("a", pieces(bytes(size)), content_type=TYPE, max_bytes=size - 1)
    assert await keys(storage) == ["fits"]
    assert await storage.sweep(0) == 0


async def test_a_source_is_closed_however_a_put_ends(storage: Storage) -> None:
    closed = []

    async def source() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x" * 1000
        finally:
            closed.append(True)

    with pytest.raises(TooLarge):
        await storage.put("a", source(), content_type=TYPE, max_bytes=5000)
    assert closed


@pytest.mark.parametrize("byte_range", [None, ByteRange(0), ByteRange(last=3)])
async def test_what_is_missing_is_not_found(storage: Storage, byte_range: ByteRange | None) -> None:
    await storage.put("a/b", b"x", content_type=TYPE)
    for key in ("a", "a/c", "b", "a/b/c"):
        with pytest.raises(NotFound):
            await storage.get(key, byte_range)
        with pytest.raises(NotFound):
            await storage.head(key)
        with pytest.raises(NotFound):
            await storage.copy(key, "c")
        assert not await storage.exists(key)
        await storage.delete(key)
    assert await keys(storage) == ["a/b"]


async def test_a_deleted_object_is_gone(storage: Storage) -> None:
    await storage.put("u/a/1", b"x", content_type=TYPE)
    await storage.delete("u/a/1")
    await storage.delete("u/a/1")
    assert not await storage.exists("u/a/1")
    await storage.put("u/a/1", b"y", content_type=TYPE, if_absent=True)
    assert await content(storage, "u/a/1") == b"y"


@pytest.mark.parametrize("body", [b"small", LARGE], ids=len)
async def test_a_copy_is_another_object(storage: Storage, body: bytes) -> None:
    await storage.put("a", body, content_type=TYPE)
    await storage.put("b/c", b"old", content_type=TYPE)
    await storage.copy("a", "b/c")
    await storage.delete("a")
    assert await content(storage, "b/c") == body


async def test_a_copy_onto_itself_changes_nothing(storage: Storage) -> None:
    await storage.put("a", b"x", content_type=TYPE)
    await storage.copy("a", "a")
    assert await content(storage, "a") == b"x"
    assert await storage.sweep(0) == 0


async def test_a_prefix_is_whole_segments(storage: Storage) -> None:
    for key in ("u/ab/1", "u/ab/2/3", "u/abc/1", "u/a", "u/ab-/1", "v/1"):
        await storage.put(key, b"x", content_type=TYPE)
    assert await keys(storage, "u/ab") == ["u/ab/1", "u/ab/2/3"]
    assert await keys(storage, "u/ab/") == ["u/ab/1", "u/ab/2/3"]
    assert await keys(storage, "u/a") == []
    assert await keys(storage, "nothing") == []
    assert await storage.delete_prefix("u/ab") == 2
    assert await keys(storage) == ["u/a", "u/ab-/1", "u/abc/1", "v/1"]
    assert await storage.delete_prefix("u/ab") == 0


async def test_pages_are_in_the_order_of_the_keys_and_none_is_missed(storage: Storage) -> None:
    names = ["a-b", "a.b", "a/b", "a/b-c", "a/b.c", "a/c/d", "a0", "aa/b", "A/b", "z"]
    for name in names:
        await storage.put(name, b"x", content_type=TYPE)
    for limit in (1, 3, 10, 1000):
        found, after = [], None
        while True:
            page = await storage.list(after=after, limit=limit)
            assert len(page.objects) <= limit
            found += [one.key for one in page.objects]
            after = page.after
            if after is None:
                break
        assert found == sorted(names)
    page = await storage.list("a", after="a/b", limit=1)
    assert ([one.key for one in page.objects], page.after) == (["a/b-c"], "a/b-c")
    one = (await storage.list("z0")).objects
    assert one == ()


async def test_a_listing_says_what_head_says(storage: Storage) -> None:
    await storage.put("a/b", LARGE, content_type=TYPE)
    assert (await storage.list()).objects == (await storage.head("a/b"),)


async def test_many_objects_are_deleted_by_their_prefix(storage: Storage) -> None:
    for number in range(120):
        await storage.put(f"u/a/{number}", b"x", content_type=TYPE)
    assert await storage.delete_prefix("u/a") == 120
    assert await keys(storage) == []


@pytest.mark.parametrize(
    "key", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/./b", ".hidden", "a\0b", "a b", "ä", "a\\b"]
)
async def test_a_bad_key_is_refused_everywhere(storage: Storage, key: str) -> None:
    calls = [
        storage.put(key, b"", content_type=TYPE),
        storage.get(key),
        storage.head(key),
        storage.exists(key),
        storage.delete(key),
        storage.copy(key, "a"),
        storage.copy("a", key),
        storage.uploads.begin(key, content_type=TYPE),
        storage.delete_prefix(key.removesuffix("/")) if key != "a/" else storage.delete_prefix(""),
    ]
    for call in calls:
        with pytest.raises(Invalid):
            await call
    with pytest.raises(Invalid):
        storage.sign_get(key, expires_seconds=5)
    with pytest.raises(Invalid):
        storage.sign_put(key, size_bytes=1, content_type=TYPE, expires_seconds=5)


@pytest.mark.parametrize("limit", [0, 1001])
async def test_a_page_has_a_size(storage: Storage, limit: int) -> None:
    with pytest.raises(Invalid):
        await storage.list(limit=limit)


@pytest.mark.parametrize("content_type", ["", "wav", "a/b\r\nX: y", "a/b\0"])
async def test_a_bad_content_type_is_refused(storage: Storage, content_type: str) -> None:
    with pytest.raises(Invalid):
        await storage.put("a", b"", content_type=content_type)


async def test_a_reading_may_be_left_early(storage: Storage) -> None:
    await storage.put("a", LARGE, content_type=TYPE)
    reading = await storage.get("a")
    first = await anext(reading.stream)
    assert LARGE.startswith(first)
    await reading.stream.aclose()
    assert await content(storage, "a") == LARGE
