"""A web server for films, with ranges as object stores have them, and with what can go wrong."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Site:
    """folder: its films. status: what it answers with, but for the first `good` requests. silent: it takes connections
    and says nothing. breaks_after: each body ends there, far too early; None: none does."""

    folder: Path
    status: int = 200
    good: int = 0
    silent: bool = False
    breaks_after: int | None = None
    asked: list[str] = field(default_factory=list)
    root: str = ""

    def link(self, name: str) -> str:
        return f"{self.root}/{name}"


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    closing = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.headers.get("Range", ""))
            if site.silent:
                closing.wait()
            elif site.status != 200 and len(site.asked) > site.good:
                self.send_error(site.status)
            else:
                self._send((site.folder / self.path.lstrip("/")).read_bytes())

        def _send(self, data: bytes) -> None:
            wanted = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
            first = int(wanted[1]) if wanted else 0
            last = min(int(wanted[2]) if wanted and wanted[2] else len(data) - 1, len(data) - 1)
            self.send_response(206 if wanted else 200)
            self.send_header("Accept-Ranges", "bytes")
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
            self.send_header("Content-Length", str(last + 1 - first))
            self.end_headers()
            body = data[first : last + 1]
            self.wfile.write(body if site.breaks_after is None else body[: site.breaks_after])

        def log_message(self, *_args: object) -> None:
            """Nothing: it would be printed."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: object) -> None:
            """A reader that hangs up in the middle is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    site.root = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def unused_address() -> str:
    """Where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"
