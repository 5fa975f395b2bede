"""One's own files."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from backline.accounts.caller import Caller
from backline.assets.repository import Asset
from backline.assets.schemas import FileList, FileOut
from backline.assets.service import Assets
from backline.web.provide import provide

router = APIRouter(tags=["files"])

Service = Annotated[Assets, Depends(provide(Assets))]


@router.get("/api/files")
async def list_files(
    caller: Caller,
    assets: Service,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> FileList:
    """Uploads and results, the newest first; and how much room they take up."""
    found = await assets.list(caller.id, before=cursor, limit=limit + 1)
    page = found[:limit]
    return FileList(
        files=[described(asset, assets) for asset in page],
        next_cursor=page[-1].id if len(found) > limit else None,
        used_bytes=await assets.used_bytes(caller.id),
        quota_bytes=assets.quota_bytes,
    )


@router.get("/api/files/{file_id}")
async def get_file(file_id: str, caller: Caller, assets: Service) -> FileOut:
    """One file, with an address at which it can be fetched."""
    return described(await assets.get(caller.id, file_id), assets)


@router.delete("/api/files/{file_id}", status_code=204)
async def delete_file(file_id: str, caller: Caller, assets: Service) -> None:
    """Remove a file for good."""
    await assets.delete(caller.id, file_id)


def described(asset: Asset, assets: Assets) -> FileOut:
    link = assets.link(asset)
    return FileOut(
        id=asset.id,
        name=asset.name,
        content_type=asset.content_type,
        size_bytes=asset.size_bytes,
        sha256=asset.sha256,
        source=asset.source,
        created_at=asset.created_at,
        expires_at=asset.expires_at,
        url=link.url,
        url_expires_at=link.expires_at,
    )
