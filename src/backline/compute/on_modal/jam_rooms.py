"""Containers for jam sessions: Modal's sticky sessions, each with a container for itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from modal.exception import ExecutionError

from backline.compute.jam_over_http import JamOverHttp
from backline.compute.jam_requests import JamRequests
from backline.compute.on_modal import names
from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.jam_snapshot import Place
from backline.errors import BacklineError, Unavailable
from backline.observability.logging import get_logger

_CLOSE_SECONDS = 3.0
_END_SECONDS = 5.0


class JamRooms:
    """key: what the worker in the container asks for. idle_seconds: without a request, after which Modal ends a
    session."""

    def __init__(self, app: ModalApp, key: str, idle_seconds: int) -> None:
        self._app = app
        self._key = key
        self._idle_seconds = idle_seconds

    async def open(self, patience_seconds: float) -> tuple[str, str]:
        """Its address, and the token with which requests reach the same container. Modal waits for a free GPU.

        Raises Unavailable, after the patience too.
        """

        async def start() -> tuple[str, str]:
            server = self._app.server(names.JAM)
            try:
                started = await server.sessions.start.aio(idle_timeout=self._idle_seconds)
            except ExecutionError:
                raise Unavailable(
                    "Modal starts no container for a jam now. Try again.", code="modal_unreachable"
                ) from None
            url = await server.get_url.aio()
            assert url is not None  # the SDK has used it itself
            return url, started.token

        return await self._app.ask(start, patience_seconds)

    def link(self, place: Place) -> JamOverHttp:
        """To the worker there; the place must have been found."""
        assert place.url is not None
        shown = {"Modal-Authorization": f"Bearer {place.token}"}
        return JamOverHttp(JamRequests(place.url, self._key, pass_headers=shown))

    async def close(self, place: Place) -> None:
        """As far as Modal can be reached; it ends it by itself later. The container may be given to another session: it
        is told first that this one is over."""
        token = place.token
        if token is None:
            return
        link = self.link(place)
        try:
            with suppress(BacklineError, TimeoutError):
                await asyncio.wait_for(link.close(place.session_id, "left"), _CLOSE_SECONDS)
            await self._app.ask(lambda: self._app.server(names.JAM).sessions.terminate.aio(token), _END_SECONDS)
        except BacklineError as error:
            get_logger().warning("jam.place_not_closed", code=error.code)
        finally:
            await link.aclose()
