"""Files with an owner: uploads that go on where they were cut off, results of jobs, quotas, and what is swept.

Bytes are in `storage`, rows in the database. The order makes every crash harmless: bytes come before their row, and
go after it; what is left without a row is removed by the sweep, once nobody can be about to register it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from backline.assets import repository
from backline.assets.repository import Asset, Upload
from backline.clock import Clock, utc_now
from backline.db.database import Database, Tx
from backline.errors import BacklineError, Conflict, NotFound, TooLarge
from backline.ids import new_id
from backline.observability.logging import get_logger
from backline.storage.base import SignedRequest, Source, Storage, Stored
from backline.storage.paths import check_content_type, owned_key
from backline.storage.signing import check_name

_UPLOAD_LIFE = timedelta(hours=24)
"""After the last bytes that came."""

_ORPHAN_SECONDS = 24 * 3600.0
"""Bytes without a row are left alone for so long: somebody may be about to register them."""

_BATCH = 100
_SWEEP_SECONDS = 600.0


class Assets:
    """quota_bytes: for each owner, uploads and results together. max_file_bytes: of one upload.

    link_seconds: how long a signed address is good.
    """

    def __init__(
        self,
        database: Database,
        storage: Storage,
        *,
        quota_bytes: int,
        max_file_bytes: int,
        link_seconds: int = 3600,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._storage = storage
        self.quota_bytes = quota_bytes
        self.max_file_bytes = max_file_bytes
        self._link_seconds = link_seconds
        self._clock = clock

    async def begin_upload(self, owner_id: str, name: str, content_type: str, size_bytes: int) -> Upload:
        """Room for it is taken at once. Raises Invalid, TooLarge for one file, Conflict `quota_exceeded`."""
        check_name(name)
        check_content_type(content_type)
        if size_bytes > self.max_file_bytes:
            raise TooLarge(f"A file has at most {self.max_file_bytes} bytes.", code="file_too_large")
        asset_id = new_id("file")
        key = owned_key(owner_id, "files", asset_id)
        storage_id = await self._storage.uploads.begin(key, content_type=content_type, size_bytes=size_bytes)
        now = self._clock()
        upload = Upload(asset_id, storage_id, owner_id, key, name, content_type, size_bytes, now, now + _UPLOAD_LIFE)
        try:
            async with self._database.write() as tx:
                if not await repository.take_room(tx, owner_id, size_bytes, self.quota_bytes):
                    raise _no_room(self.quota_bytes)
                await repository.add_upload(tx, upload)
        except BacklineError:
            await self._storage.uploads.abort(storage_id)
            raise
        return upload

    async def offset(self, owner_id: str, upload_id: str) -> tuple[int, int]:
        """How many bytes of an upload are there, and how many it will have; also of one that is an asset by now, since
        the answer that said so may have been lost."""
        try:
            upload = await self._own_upload(owner_id, upload_id)
        except NotFound:
            asset = await self._find(owner_id, upload_id)
            if asset is None:
                raise
            return asset.size_bytes, asset.size_bytes
        offset = (await self._storage.uploads.state(upload.storage_id)).offset
        if offset == upload.size_bytes:
            await self._finish(upload)
        return offset, upload.size_bytes

    async def append(self, owner_id: str, upload_id: str, offset: int, source: Source) -> int:
        """Add bytes at an offset, and return the new one; with its last bytes the upload becomes an asset.

        Raises Conflict `offset_mismatch`.
        """
        upload = await self._own_upload(owner_id, upload_id)
        end = await self._storage.uploads.append(upload.storage_id, offset, source)
        if end == upload.size_bytes:
            await self._finish(upload)
        else:
            async with self._database.write() as tx:
                if not await repository.prolong_upload(tx, upload.id, self._clock() + _UPLOAD_LIFE):
                    raise _no_upload()  # it was given up while this came in
        return end

    async def abort(self, owner_id: str, upload_id: str) -> None:
        await self._abort(await self._own_upload(owner_id, upload_id))

    async def register(
        self,
        tx: Tx,
        *,
        owner_id: str,
        key: str,
        stored: Stored,
        name: str,
        content_type: str,
        source: str | None = None,
        keep_days: float | None = None,
    ) -> Asset:
        """Make stored bytes an asset, in the caller's transaction. A result is not refused for want of room: it is
        made and paid for; the next upload is."""
        now = self._clock()
        ends = None if keep_days is None else now + timedelta(days=keep_days)
        asset = Asset(
            new_id("file"),
            owner_id,
            key,
            check_name(name),
            content_type,
            stored.size_bytes,
            stored.sha256,
            source,
            now,
            ends,
        )
        if not await repository.add_asset(tx, asset):
            raise Conflict("This key belongs to an asset already.", code="asset_exists")
        await repository.take_room(tx, owner_id, asset.size_bytes, None)
        return asset

    async def check_room(self, owner_id: str) -> None:
        """Before work whose result will not be refused. Raises Conflict `quota_exceeded` where nothing is left."""
        if await self.used_bytes(owner_id) >= self.quota_bytes:
            raise _no_room(self.quota_bytes)

    async def get(self, owner_id: str, asset_id: str) -> Asset:
        """Raises NotFound, for an unknown and for a foreign one alike."""
        asset = await self._find(owner_id, asset_id)
        if asset is None:
            raise NotFound("There is no such file.", code="file_not_found")
        return asset

    async def by_keys(self, owner_id: str, keys: Collection[str]) -> dict[str, Asset]:
        """Those of the keys that belong to an asset of this owner."""
        async with self._database.read() as tx:
            return {asset.key: asset for asset in await repository.find_by_keys(tx, owner_id, keys)}

    async def list(self, owner_id: str, *, before: str | None, limit: int) -> list[Asset]:
        async with self._database.read() as tx:
            return await repository.list_assets(tx, owner_id, before=before, limit=limit)

    async def used_bytes(self, owner_id: str) -> int:
        async with self._database.read() as tx:
            return await repository.used_bytes(tx, owner_id)

    def link(self, asset: Asset) -> SignedRequest:
        """An address at which anybody may fetch it for a while."""
        return self._storage.sign_get(
            asset.key,
            expires_seconds=self._link_seconds,
            content_type=asset.content_type,
            download_name=asset.name,
        )

    async def delete(self, owner_id: str, asset_id: str) -> None:
        await self._remove(await self.get(owner_id, asset_id))

    @asynccontextmanager
    async def swept(self) -> AsyncIterator[None]:
        """Sweep now and then while the block runs."""
        task = asyncio.create_task(self._sweep_for_ever())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def sweep(self, orphan_seconds: float = _ORPHAN_SECONDS) -> None:
        """Remove what has expired, and bytes without a row. Any number of processes may do it at once."""
        await self._sweep_expired(self._clock())
        await self._storage.sweep(orphan_seconds)
        await self._sweep_orphans(orphan_seconds)

    async def _sweep_expired(self, now: datetime) -> None:
        while True:
            async with self._database.read() as tx:
                gone = await repository.expired_assets(tx, now, _BATCH)
                left = await repository.expired_uploads(tx, now, _BATCH)
            for asset in gone:
                await self._remove(asset)
            for upload in left:
                await self._abort(upload)
            if max(len(gone), len(left)) < _BATCH:
                return

    async def _sweep_orphans(self, orphan_seconds: float) -> None:
        oldest = self._clock() - timedelta(seconds=orphan_seconds)
        after: str | None = None
        while True:
            page = await self._storage.list("u", after=after)
            old = [one.key for one in page.objects if one.modified <= oldest]
            if old:
                async with self._database.read() as tx:
                    known = await repository.known_keys(tx, old)
                for key in set(old) - known:
                    await self._storage.delete(key)
                    get_logger().info("assets.orphan_removed", key=key)
            if page.after is None:
                return
            after = page.after

    async def _finish(self, upload: Upload) -> None:
        """Repeating it changes nothing: a client that lost the answer asks again."""
        stored = await self._storage.uploads.complete(upload.storage_id)
        asset = Asset(
            upload.id,
            upload.owner_id,
            upload.key,
            upload.name,
            upload.content_type,
            stored.size_bytes,
            stored.sha256,
            None,
            self._clock(),
            None,
        )
        async with self._database.write() as tx:
            if await repository.remove_upload(tx, upload.id):
                await repository.add_asset(tx, asset)

    async def _abort(self, upload: Upload) -> None:
        async with self._database.write() as tx:
            if not await repository.remove_upload(tx, upload.id):
                return
            await repository.give_room(tx, upload.owner_id, upload.size_bytes)
        await self._storage.uploads.abort(upload.storage_id)

    async def _remove(self, asset: Asset) -> None:
        async with self._database.write() as tx:
            if await repository.remove_asset(tx, asset.id):
                await repository.give_room(tx, asset.owner_id, asset.size_bytes)
        await self._storage.delete(asset.key)

    async def _find(self, owner_id: str, asset_id: str) -> Asset | None:
        async with self._database.read() as tx:
            asset = await repository.find_asset(tx, asset_id)
        return asset if asset is not None and asset.owner_id == owner_id else None

    async def _own_upload(self, owner_id: str, upload_id: str) -> Upload:
        async with self._database.read() as tx:
            upload = await repository.find_upload(tx, upload_id)
        if upload is None or upload.owner_id != owner_id:
            raise _no_upload()
        return upload

    async def _sweep_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.sweep()
            except BacklineError as error:
                get_logger().warning("assets.sweep_failed", code=error.code)
            except Exception as error:  # noqa: BLE001 - the next round may succeed, and must be tried
                get_logger().error("assets.sweep_failed", exc_info=error)


def _no_upload() -> NotFound:
    return NotFound("There is no such upload.", code="upload_not_found")


def _no_room(quota_bytes: int) -> Conflict:
    return Conflict(f"Your files may take up {quota_bytes} bytes in all. Delete some first.", code="quota_exceeded")
