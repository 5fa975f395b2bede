"""Bodies of the routes of files."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class FileOut(BaseModel):
    """source: the job that made it; None for an upload. url: where anybody may fetch it until `url_expires_at`."""

    id: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    source: str | None
    created_at: datetime
    expires_at: datetime | None
    url: str
    url_expires_at: datetime


class FileList(BaseModel):
    """used_bytes: files and running uploads together."""

    files: list[FileOut]
    next_cursor: str | None
    used_bytes: int
    quota_bytes: int
