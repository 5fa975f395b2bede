"""Where files are kept, as the settings want it, and who looks after them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from backline.accounts.assembly import pepper_of
from backline.assets.service import Assets
from backline.db.database import Database
from backline.errors import Invalid
from backline.settings import Settings, StorageSettings
from backline.storage.base import Storage
from backline.storage.local_disk import LocalDisk
from backline.storage.s3 import S3
from backline.storage.s3_requests import Bucket
from backline.storage.signing import UrlSigner
from backline.storage.sigv4 import Credentials


@asynccontextmanager
async def open_files(
    settings: Settings, database: Database, *, sweeping: bool = True
) -> AsyncIterator[dict[type[Any], Any]]:
    """sweeping: whether what expired, and what was left behind, is removed meanwhile."""
    signer = UrlSigner([pepper_of(settings).key_for("file urls")], f"{settings.server.public_url or ''}/files")
    async with storage_of(settings, signer) as storage:
        assets = Assets(
            database,
            storage,
            quota_bytes=settings.storage.quota_bytes,
            max_file_bytes=settings.storage.max_file_bytes,
            link_seconds=settings.storage.link_seconds,
        )
        parts = {Assets: assets, Storage: storage, UrlSigner: signer}
        if not sweeping:
            yield parts
            return
        async with assets.swept():
            yield parts


def check_files(settings: StorageSettings) -> None:
    """Before anything starts. Raises Invalid when a bucket is named without its keys."""
    if settings.bucket is not None:
        _bucket(settings)


def storage_of(settings: Settings, signer: UrlSigner) -> Storage:
    """Raises Invalid when a bucket is named without its keys."""
    if settings.storage.bucket is None:
        return LocalDisk(settings.server.data_dir / "files", signer)
    return S3(_bucket(settings.storage))


def _bucket(settings: StorageSettings) -> Bucket:
    if settings.bucket is None or settings.access_key_id is None or settings.secret_access_key is None:
        raise Invalid(
            "A bucket needs BACKLINE_STORAGE__ACCESS_KEY_ID and BACKLINE_STORAGE__SECRET_ACCESS_KEY (or "
            "R2_ACCESS_KEY_ID and R2_SECRET_ACCESS_KEY).",
            code="no_bucket_keys",
        )
    credentials = Credentials(settings.access_key_id, settings.secret_access_key.get_secret_value())
    endpoint = settings.endpoint or f"https://s3.{settings.region}.amazonaws.com"
    return Bucket(endpoint.rstrip("/"), settings.bucket, settings.region, credentials)
