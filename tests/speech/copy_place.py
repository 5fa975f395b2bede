"""A place for copies as Supabase's REST interface is: a real HTTP server that can be slow, refuse, and be gone."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


class CopyPlace:
    """While entered, it listens. rows: what it holds, by id. refuses: the status it answers with, if it does so now.
    dislikes: a word that makes it refuse a batch with 400. gate: calls wait for it."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.rows: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, dict[str, str], dict[str, str]]] = []
        """Method, path, query and headers."""
        self.refuses: int | None = None
        self.dislikes: str | None = None
        self.gate = threading.Event()
        self.gate.set()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def texts(self) -> list[str]:
        return sorted(row["text"] for row in self.rows.values())

    def __enter__(self) -> CopyPlace:
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.gate.set()
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, address: str, headers: dict[str, str], body: bytes) -> int:
        split = urlsplit(address)
        query = dict(parse_qsl(split.query))
        self.calls.append((method, split.path, query, headers))
        self.gate.wait(30)
        if self.refuses is not None:
            return self.refuses
        if method == "DELETE":
            self._delete(query)
            return 204
        given = json.loads(body)
        if self.dislikes and any(self.dislikes in row["text"] for row in given):
            return 400
        self.rows |= {row["id"]: row for row in given}
        return 201

    def _delete(self, query: dict[str, str]) -> None:
        owner = query["owner_id"].removeprefix("eq.")
        until = query["created_at"].removeprefix("lte.").replace("Z", "+00:00")
        self.rows = {
            name: row for name, row in self.rows.items() if row["owner_id"] != owner or row["created_at"] > until
        }

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.send_response(place.answer(self.command, self.path, headers, body))
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_DELETE = do_POST

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler
