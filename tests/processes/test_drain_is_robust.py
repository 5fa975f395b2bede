"""A session that is ending at the moment the server is told to end does not keep it from ending."""

from __future__ import annotations

import asyncio
import signal
import threading
from pathlib import Path
from typing import cast

from backline.accounts.principal import LOCAL
from backline.errors import BacklineError, Unavailable
from backline.gateway.app import create_app
from backline.gateway.server import Server
from backline.realtime.sessions import Sessions
from backline.realtime.socket import Socket
from backline.settings import Settings
from backline.speech.casting import Casting
from backline.speech.service import SpeechService
from backline.speech.session import SpeechSession
from tests.fakes.engines import FakeEngine, entry


class Ending:
    """A session that cannot be told anything any more."""

    def leave(self, reason: BacklineError) -> None:
        raise RuntimeError(reason.code)


async def test_a_session_that_has_not_begun_or_is_over_may_be_told_to_leave() -> None:
    nothing = cast(Socket, None), cast(SpeechService, None), cast(Casting, None)
    SpeechSession(*nothing, LOCAL, "req_1", 60).leave(Unavailable("The server is going away."))


def test_the_server_ends_whatever_its_sessions_do(tmp_path: Path) -> None:
    settings = Settings(_env_file=None, server={"port": 0, "data_dir": tmp_path, "drain_seconds": 5})
    app = create_app(settings, (entry(FakeEngine, default=True),))
    started = threading.Event()
    server = Server(app, settings.server, lambda _address: started.set())
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    assert started.wait(30)
    with app.state.provided.get(Sessions).present(Ending()):
        server.handle_exit(signal.SIGTERM, None)
        thread.join(20)
    assert not thread.is_alive()
