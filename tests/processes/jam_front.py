"""What may stand between two programs: it passes on what they say, cuts an answer, or says something of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


def said(body: bytes, status: int = 200, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} Whatever\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n"
    return f"{head}connection: close\r\n\r\n".encode() + body


class Front:
    """says: what is answered to everything; None: what the other says. Answers that were `cut` are counted."""

    def __init__(self, address: str) -> None:
        self.says: bytes | None = None
        self.cuts = 0
        self._behind = urlsplit(address)
        self._cutting: tuple[bytes, int] | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut_next(self, asked: bytes, after_bytes: int) -> None:
        """The answer to the next request that has these words ends there, with its connection."""
        self._cutting = (asked, after_bytes)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            behind = socket.create_connection((self._behind.hostname, self._behind.port))
            line = _Line(client, behind)
            with behind:
                threading.Thread(target=line.answer, daemon=True).start()
                while data := client.recv(65_536):
                    if self.says is not None:
                        client.sendall(self.says)
                        break
                    self._maybe_cut(data, line)
                    behind.sendall(data)
                line.close()

    def _maybe_cut(self, data: bytes, line: _Line) -> None:
        if self._cutting is not None and self._cutting[0] in data:
            line.left_bytes, self._cutting = self._cutting[1], None
            self.cuts += 1


class _Line:
    """One connection through. left_bytes: of the answer, before it is cut."""

    def __init__(self, client: socket.socket, behind: socket.socket) -> None:
        self.left_bytes: int | None = None
        self._client = client
        self._behind = behind

    def answer(self) -> None:
        with suppress(OSError):
            while data := self._behind.recv(65_536):
                if self.left_bytes is not None:
                    data = data[: self.left_bytes]
                    self.left_bytes -= len(data)
                self._client.sendall(data)
                if self.left_bytes == 0:
                    break
        self.close()

    def close(self) -> None:
        for one in (self._client, self._behind):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


@contextmanager
def front_of(address: str) -> Iterator[Front]:
    front = Front(address)
    try:
        yield front
    finally:
        front.close()
