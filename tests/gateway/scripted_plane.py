"""Another server, of which a test says byte by byte what it answers."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

Script = Callable[[socket.socket], None]


def says(body: bytes = b"{}", status: str = "200 OK", *headers: str, kind: str = "application/json") -> Script:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return lambda client: client.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


def begins(*chunks: bytes) -> Script:
    """The head of an answer that comes in chunks, and the first of them; its end does not come."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/pcm\r\nTransfer-Encoding: chunked\r\n\r\n"
    return lambda client: client.sendall(head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks))


class ScriptedPlane:
    """Answers each request by the next of `scripts`, and then ends the connection. heads: what it was asked, without
    the bodies, which a script may read."""

    def __init__(self) -> None:
        self.scripts: queue.Queue[Script] = queue.Queue()
        self.heads: queue.Queue[str] = queue.Queue()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        self._listen()

    def head(self) -> tuple[str, list[tuple[str, str]]]:
        """The next request: its first line, and its headers with their names in lower case."""
        first, *lines = self.heads.get(timeout=10).split("\r\n")
        headers = [line.partition(": ")[::2] for line in lines if line]
        return first, [(name.lower(), value) for name, value in headers]

    def forget(self) -> None:
        """What a test left behind."""
        for left in (self.scripts.queue, self.heads.queue):
            left.clear()

    def go_away(self) -> None:
        """Nobody listens there until `come_back`."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)

    def come_back(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def _listen(self) -> None:
        self._thread = threading.Thread(target=self._accept, args=(self._listening,), daemon=True)
        self._thread.start()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError, queue.Empty):
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                byte = client.recv(1)
                if not byte:
                    return
                head += byte
            self.heads.put(head.decode())
            self.scripts.get(timeout=10)(client)
