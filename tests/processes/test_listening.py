"""What the socket that the server listens on gives to its connections."""

from __future__ import annotations

import socket

from backline.gateway.server import listen


def test_little_is_taken_of_an_answer_that_nobody_reads() -> None:
    """Whoever leaves pays for what was delivered: the kernel must not take minutes of sound for it."""
    with listen("127.0.0.1", 0) as listening, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        client.connect(listening.getsockname())
        answering, _ = listening.accept()
        with answering:
            answering.setblocking(False)
            taken = 0
            try:
                while taken < 8_000_000:
                    taken += answering.send(bytes(16 * 1024))
            except BlockingIOError:
                pass
    assert 0 < taken < 1_000_000
