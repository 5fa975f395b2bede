"""A line between a browser and a server: as slow as one wants, and cut when one wants. It counts what it carries."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_BLOCK_BYTES = 65_536


class Line:
    """port: where it listens. target: the port of the server. bytes_per_second: towards the server; None: at once.

    carried: bytes to the server since it was last set. cut: when True, nobody gets through, and nobody stays.
    """

    def __init__(self, target: int, bytes_per_second: float | None = None) -> None:
        self.target = target
        self.bytes_per_second = bytes_per_second
        self.carried = 0
        self._cut = False
        self._ends: set[socket.socket] = set()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        self._cut = True
        for end in list(self._ends):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        self._cut = False

    def close(self) -> None:
        self.cut()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listening.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self._cut:
                return
            with socket.create_connection(("127.0.0.1", self.target)) as server:
                self._ends |= {client, server}
                back = threading.Thread(target=self._carry, args=(server, client, False), daemon=True)
                back.start()
                self._carry(client, server, True)
                back.join()
                self._ends -= {client, server}

    def _carry(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while block := source.recv(_BLOCK_BYTES):
                if counted and self.bytes_per_second is not None:
                    time.sleep(len(block) / self.bytes_per_second)
                if self._cut:
                    break
                sink.sendall(block)
                if counted:
                    self.carried += len(block)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def line_to(address: str, bytes_per_second: float | None = None) -> Iterator[Line]:
    """address: of the server, `http://127.0.0.1:8000`."""
    line = Line(int(address.rpartition(":")[2]), bytes_per_second)
    try:
        yield line
    finally:
        line.close()
