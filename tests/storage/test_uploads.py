"""Resumable uploads, over all back ends."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Iterator

import pytest

from backline.errors import Conflict, Invalid, NotFound, TooLarge
from backline.storage.base import Storage
from tests.storage.stores import MIB, content, keys, pattern, pieces

LARGE = pattern(11 * MIB + 13)
TYPE = "audio/wav"


async def _begin(storage: Storage, **options: object) -> str:
    return await storage.uploads.begin("u/a/file", content_type=TYPE, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("body", [b"", b"x", LARGE], ids=len)
@pytest.mark.parametrize("declared", [False, True])
async def test_an_upload_in_one_piece(storage: Storage, body: bytes, declared: bool) -> None:
    upload = await _begin(storage, size_bytes=len(body) if declared else None)
    assert await storage.uploads.append(upload, 0, pieces(body)) == len(body)
    assert await keys(storage) == []
    stored = await storage.uploads.complete(upload)
    assert (stored.size_bytes, stored.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert stored.etag == (await storage.head("u/a/file")).etag
    assert await content(storage, "u/a/file") == body
    assert await keys(storage) == ["u/a/file"]


CUTS = [[1], [5 * MIB], [10 * MIB, 10 * MIB + 1], [100, 200, 6 * MIB, 6 * MIB]]


async def _in_pieces(upload: str, cuts: list[int], storages: Iterator[Storage]) -> None:
    for start, stop in zip([0, *cuts], [*cuts, len(LARGE)], strict=True):
        storage = next(storages)
        assert (await storage.uploads.state(upload)).offset == start
        assert await storage.uploads.append(upload, start, pieces(LARGE[start:stop])) == stop


@pytest.mark.parametrize("cuts", CUTS)
async def test_an_upload_in_several_pieces(storage: Storage, cuts: list[int]) -> None:
    upload = await _begin(storage, size_bytes=len(LARGE))
    await _in_pieces(upload, cuts, itertools.repeat(storage))
    assert (await storage.uploads.complete(upload)).sha256 == hashlib.sha256(LARGE).hexdigest()
    assert await content(storage, "u/a/file") == LARGE
    assert await storage.sweep(0) == 1  # the upload's record
    assert await keys(storage) == ["u/a/file"]


@pytest.mark.parametrize("cuts", CUTS)
async def test_each_piece_may_go_to_another_process(twins: tuple[Storage, Storage], cuts: list[int]) -> None:
    """As after a restart: nothing of an upload is needed from memory."""
    upload = await _begin(twins[0], size_bytes=len(LARGE))
    await _in_pieces(upload, cuts, itertools.cycle(twins))
    stored = await twins[0].uploads.complete(upload)
    assert stored.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert await twins[1].uploads.complete(upload) == stored
    assert await content(twins[1], "u/a/file") == LARGE


class _Lost(Exception):
    pass


async def _failing(body: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(body):
        yield piece
    raise _Lost


@pytest.mark.parametrize("size", [1000, 7 * MIB])
async def test_what_came_before_the_connection_was_lost_is_kept(storage: Storage, size: int) -> None:
    upload = await _begin(storage)
    with pytest.raises(_Lost):
        await storage.uploads.append(upload, 0, _failing(LARGE[:size]))
    assert (await storage.uploads.state(upload)).offset == size
    await storage.uploads.append(upload, size, pieces(LARGE[size:]))
    stored = await storage.uploads.complete(upload)
    assert stored.sha256 == hashlib.sha256(LARGE).hexdigest()


async def test_a_cancelled_append_can_be_resumed_where_the_upload_is(storage: Storage) -> None:
    upload = await _begin(storage)
    reached = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        async for piece in pieces(LARGE[: 7 * MIB]):
            yield piece
        reached.set()
        await asyncio.sleep(60)

    append = asyncio.ensure_future(storage.uploads.append(upload, 0, stalled()))
    await reached.wait()
    append.cancel()
    with pytest.raises(asyncio.CancelledError):
        await append
    offset = (await storage.uploads.state(upload)).offset
    assert offset >= 5 * MIB
    await storage.uploads.append(upload, offset, pieces(LARGE[offset:]))
    assert (await storage.uploads.complete(upload)).sha256 == hashlib.sha256(LARGE).hexdigest()


@pytest.mark.parametrize("offset", [0, 99, 101])
async def test_bytes_are_only_added_at_the_end(storage: Storage, offset: int) -> None:
    upload = await _begin(storage)
    await storage.uploads.append(upload, 0, bytes(100))
    with pytest.raises(Conflict) as caught:
        await storage.uploads.append(upload, offset, b"x")
    assert caught.value.code == "offset_mismatch"
    assert (await storage.uploads.state(upload)).offset == 100


async def test_a_second_append_at_once_is_refused(storage: Storage) -> None:
    upload = await _begin(storage)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        begun.set()
        await go_on.wait()
        yield b"first"

    first = asyncio.ensure_future(storage.uploads.append(upload, 0, slow()))
    await begun.wait()
    for call in (storage.uploads.append(upload, 0, b"second"), storage.uploads.complete(upload)):
        with pytest.raises(Conflict) as caught:
            await call
        assert caught.value.code == "upload_in_use"
        assert caught.value.retryable
    go_on.set()
    assert await first == 5
    await storage.uploads.complete(upload)
    assert await content(storage, "u/a/file") == b"first"


@pytest.mark.parametrize(
    "options", [{"size_bytes": 1000}, {"max_bytes": 1000}, {"size_bytes": 1000, "max_bytes": 2000}]
)
async def test_no_more_than_was_declared_is_accepted(storage: Storage, options: dict[str, int]) -> None:
    upload = await _begin(storage, **options)
    await storage.uploads.append(upload, 0, bytes(600))
    with pytest.raises(TooLarge):
        await storage.uploads.append(upload, 600, bytes(401))
    state = await storage.uploads.state(upload)
    assert state.offset == 600
    assert await storage.uploads.append(upload, 600, bytes(400)) == 1000


async def test_a_declared_size_beyond_the_limit_is_refused_at_once(storage: Storage) -> None:
    with pytest.raises(TooLarge):
        await _begin(storage, size_bytes=11, max_bytes=10)
    with pytest.raises(Invalid):
        await _begin(storage, size_bytes=-1)


async def test_an_unfinished_upload_cannot_be_completed(storage: Storage) -> None:
    upload = await _begin(storage, size_bytes=10)
    await storage.uploads.append(upload, 0, bytes(9))
    with pytest.raises(Conflict) as caught:
        await storage.uploads.complete(upload)
    assert caught.value.code == "upload_incomplete"
    await storage.uploads.append(upload, 9, b"x")
    await storage.uploads.complete(upload)


async def test_the_state_says_what_was_declared(storage: Storage) -> None:
    upload = await _begin(storage, size_bytes=10)
    state = await storage.uploads.state(upload)
    assert (state.key, state.content_type, state.offset, state.size_bytes) == ("u/a/file", TYPE, 0, 10)
    assert state.stored is None


async def test_completing_again_gives_the_same_answer(storage: Storage) -> None:
    upload = await _begin(storage)
    await storage.uploads.append(upload, 0, pieces(LARGE))
    stored = await storage.uploads.complete(upload)
    assert await storage.uploads.complete(upload) == stored
    state = await storage.uploads.state(upload)
    assert (state.stored, state.offset) == (stored, len(LARGE))
    with pytest.raises(Conflict):
        await storage.uploads.append(upload, len(LARGE), b"more")
    await storage.uploads.abort(upload)
    assert await content(storage, "u/a/file") == LARGE
    with pytest.raises(NotFound):
        await storage.uploads.complete(upload)


@pytest.mark.parametrize("body", [b"", b"x", LARGE], ids=len)
async def test_a_conditional_upload_never_replaces(storage: Storage, body: bytes) -> None:
    upload = await _begin(storage, if_absent=True)
    await storage.uploads.append(upload, 0, body)
    await storage.put("u/a/file", b"was first", content_type=TYPE)
    for _ in range(2):
        with pytest.raises(Conflict) as caught:
            await storage.uploads.complete(upload)
        assert caught.value.code == "object_exists"
        assert (await storage.uploads.state(upload)).stored is None
    assert await content(storage, "u/a/file") == b"was first"
    await storage.delete("u/a/file")
    stored = await storage.uploads.complete(upload)
    assert stored.sha256 == hashlib.sha256(body).hexdigest()
    assert await content(storage, "u/a/file") == body


async def test_an_aborted_upload_is_gone_with_its_bytes(storage: Storage) -> None:
    upload = await _begin(storage)
    await storage.uploads.append(upload, 0, pieces(LARGE))
    for _ in range(2):
        await storage.uploads.abort(upload)
    assert await storage.sweep(0) == 0
    assert await keys(storage) == []


@pytest.mark.parametrize("upload", ["up_unknown", "", "../x", "a/b", "x" * 65])
async def test_an_unknown_upload_is_not_found(storage: Storage, upload: str) -> None:
    for call in (
        storage.uploads.state(upload),
        storage.uploads.append(upload, 0, b""),
        storage.uploads.complete(upload),
    ):
        with pytest.raises(NotFound) as caught:
            await call
        assert caught.value.code == "upload_not_found"


async def test_stale_uploads_are_swept_and_others_stay(storage: Storage) -> None:
    upload = await _begin(storage)
    await storage.uploads.append(upload, 0, pieces(LARGE))
    assert await storage.sweep(3600) == 0
    assert (await storage.uploads.state(upload)).offset == len(LARGE)
    assert await storage.sweep(0) == 1
    with pytest.raises(NotFound):
        await storage.uploads.state(upload)
    assert await storage.sweep(0) == 0


async def test_uploads_are_no_objects(storage: Storage) -> None:
    upload = await _begin(storage)
    await storage.uploads.append(upload, 0, pieces(LARGE))
    assert await keys(storage) == []
    for key in (".uploads", f".uploads/{upload}.data", f".uploads/{upload}/record"):
        with pytest.raises(Invalid):
            await storage.get(key)
