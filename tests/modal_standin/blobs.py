"""Bytes that go past the messages: large values over HTTP, and the files of deployed code and of volumes."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from modal_proto import api_pb2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.modal_standin.listen import Listener


class Blobs:
    """Keeps bytes in a folder. The SDK puts and gets large values at `url`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir()
        routes = [Route("/blobs/{blob_id}", self._put, methods=["PUT"]), Route("/blobs/{blob_id}", self._get)]
        self._listener = Listener(Starlette(routes=routes))

    def open(self) -> None:
        self._listener.open()

    async def close(self) -> None:
        await self._listener.close()

    def url(self, blob_id: str) -> str:
        return f"{self._listener.url}/blobs/{blob_id}"

    def blob(self, blob_id: str) -> bytes:
        return (self._folder / blob_id).read_bytes()

    def has_file(self, sha256_hex: str) -> bool:
        return (self._folder / sha256_hex).exists()

    def put_file(self, sha256_hex: str, data: bytes) -> None:
        (self._folder / sha256_hex).write_bytes(data)

    def place(self, file: api_pb2.MountFile, folder: Path) -> None:
        """Put one file where its name says, below a folder."""
        path = folder / PurePosixPath(file.filename).relative_to("/" if file.filename.startswith("/") else ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.blob(file.sha256_hex))

    async def _put(self, request: Request) -> Response:
        data = await request.body()
        (self._folder / request.path_params["blob_id"]).write_bytes(data)
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()  # the SDK compares it, as with S3
        return Response(headers={"ETag": f'"{digest}"'})

    async def _get(self, request: Request) -> Response:
        path = self._folder / str(request.path_params["blob_id"])
        return Response(path.read_bytes()) if path.exists() else Response(status_code=404)
