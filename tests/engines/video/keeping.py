"""A store as signed addresses show it: files are got, and put only once where that was signed; and its bad days."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Kept:
    """files: by key. answers: what the next requests for a key are answered with, in place of the truth; 0 hangs up.
    asked: each request, as `PUT key`."""

    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    root: str = ""

    def link(self, key: str) -> str:
        return f"{self.root}/{key}?signature=1"

    def put(self, key: str, *, once: bool = False) -> dict[str, Any]:
        headers = {"Content-Type": "video/mp4"} | ({"If-None-Match": "*"} if once else {})
        return {"url": self.link(key), "headers": headers}


@contextmanager
def keeping(kept: Kept) -> Iterator[Kept]:
    alone = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            key, planned = self._asked()
            data = kept.files.get(key)
            if planned is not None or data is None:
                self._answer(404 if planned is None else planned)
                return
            wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            first = int(wanted[1]) if wanted else 0
            self._answer(206 if wanted else 200, data[first:], f"bytes {first}-{len(data) - 1}/{len(data)}")

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key, planned = self._asked()
            if planned is not None:
                self._answer(planned)
                return
            with alone:
                taken = self.headers.get("If-None-Match") == "*" and key in kept.files
                if not taken:
                    kept.files[key] = body
            self._answer(412 if taken else 200, b"", data=body)

        def _asked(self) -> tuple[str, int | None]:
            key = self.path.partition("?")[0].lstrip("/")
            kept.asked.append(f"{self.command} {key}")
            planned = kept.answers.get(key, [])
            return key, planned.pop(0) if planned else None

        def _answer(self, status: int, body: bytes = b"", content_range: str = "", data: bytes | None = None) -> None:
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.md5(body if data is None else data).hexdigest()}"')
            if content_range:
                self.send_header("Accept-Ranges", "bytes")
                self.send_header("Content-Range", content_range)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Nothing: it would be printed."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """A reader that hangs up in the middle is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    kept.root = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
