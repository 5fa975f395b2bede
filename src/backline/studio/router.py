"""The studio: one page in the browser for everything the server can do.

Plain files, served as they are, to anybody: they hold nothing of anybody's, and ask for the key that the API wants. The
page runs no inline script and loads nothing from anywhere else, but for films from where this server stores files, and
says so to the browser with a Content-Security-Policy.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from backline.accounts.caller import for_visitors, visitor
from backline.storage.base import Storage

STATIC_DIR = Path(__file__).parent / "static"

_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""Named here because the system's own table may call a script something that `nosniff` then refuses to run."""

_HEADERS = {
    "Cache-Control": "no-cache",  # ask each time, answered 304 by ETag: an upgraded server never meets an old page
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?")


def add_studio(app: FastAPI) -> None:
    """Serve the page at /studio and its files under /studio/static."""
    files = StudioFiles(directory=STATIC_DIR)

    async def studio(request: Request) -> Response:
        await visitor(request)
        return await files.get_response("index.html", request.scope)

    app.add_route("/studio", studio, methods=["GET"], include_in_schema=False)
    app.mount("/studio/static", for_visitors(files), name="studio-static")


class StudioFiles(StaticFiles):
    """The page, its scripts and its styles. Other kinds of file in the folder (licences, notes) are not served."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        media_type = _MEDIA_TYPES.get(PurePosixPath(path).suffix)
        if media_type is None:
            raise HTTPException(status_code=404)
        response = await super().get_response(path, scope)
        host = Headers(scope=scope).get("host", "")
        policy = content_security_policy(host, _films_origin(scope["app"].state.provided.get(Storage)))
        response.headers.update({**_HEADERS, "Content-Security-Policy": policy})
        if response.status_code == 200:
            response.headers["Content-Type"] = media_type
        return response


def _films_origin(storage: Storage) -> str:
    """Where signed addresses of files lead, such as `https://bucket.s3.amazonaws.com`; empty for this server."""
    url = urlsplit(storage.sign_get("nothing", expires_seconds=1).url)
    return f"{url.scheme}://{url.netloc}" if url.netloc else ""


def content_security_policy(host: str, films: str = "") -> str:
    """Everything from this server only, and films from that origin. host: the Host header.

    Sockets are named in full: `'self'` does not cover them in older browsers, and a bare `ws:` would allow any host.
    """
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"media-src 'self' blob: {films}".rstrip(),
            f"connect-src 'self'{sockets}",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
