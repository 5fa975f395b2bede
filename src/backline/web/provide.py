"""Services for routers, looked up by type."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from starlette.requests import HTTPConnection

T = TypeVar("T")


class Provided:
    """What the composition root made, by type."""

    def __init__(self, services: Mapping[type[Any], object]) -> None:
        self._services = services

    def get(self, kind: type[T]) -> T:
        service = self._services[kind]
        assert isinstance(service, kind)
        return service


def provide(kind: type[T]) -> Callable[[HTTPConnection], Awaitable[T]]:
    """A dependency for FastAPI: `Annotated[SpeechService, Depends(provide(SpeechService))]`."""

    async def look_up(connection: HTTPConnection) -> T:
        provided: Provided = connection.app.state.provided
        return provided.get(kind)

    return look_up
