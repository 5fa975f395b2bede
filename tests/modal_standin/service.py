"""The gRPC service: finds a method's handler among the sides, and answers everything else "unimplemented"."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from grpclib import GRPCError, Status
from grpclib.const import Cardinality, Handler
from modal_proto.api_grpc import ModalClientBase

from tests.modal_standin.hub import Hub
from tests.modal_standin.records import Container

Streamed = Callable[[Any], Awaitable[None]]
_WORD_STARTS = re.compile(r"(?<!^)(?=[A-Z])")


def _snake_case(name: str) -> str:
    return _WORD_STARTS.sub("_", name).lower()


class _EveryMethod:
    """Has any attribute that the generated table of methods asks for; its name is all that matters."""

    def __getattr__(self, name: str) -> str:
        return name


class Service:
    """The service for one listener: everybody on the loopback address, or one container on its own socket.

    sides: objects whose methods are named as the service's, in snake case, and take the request and the container that
    asks (None for a caller from outside). A streamed answer is an async generator.
    tokens: the pair that a caller from outside must show; None for a container, whose socket says who it is.
    """

    def __init__(
        self, hub: Hub, sides: Sequence[object], container: Container | None, tokens: tuple[str, str] | None
    ) -> None:
        self._hub, self._sides, self._container, self._tokens = hub, sides, container, tokens

    def __mapping__(self) -> dict[str, Handler]:
        table = ModalClientBase.__mapping__(_EveryMethod())  # type: ignore[arg-type]
        mapping = {}
        for path, entry in table.items():
            name = path.rpartition("/")[2]
            handler = self._handler(name, entry.cardinality is Cardinality.UNARY_STREAM)
            mapping[path] = Handler(handler, entry.cardinality, entry.request_type, entry.reply_type)
        return mapping

    def _handler(self, name: str, streams: bool) -> Streamed:
        found = [getattr(side, _snake_case(name)) for side in self._sides if hasattr(side, _snake_case(name))]

        async def handle(stream: Any) -> None:
            request = await stream.recv_message()
            self._admit(name, stream.metadata)
            if not found:
                self._hub.unimplemented[name] += 1
                raise GRPCError(Status.UNIMPLEMENTED, f"The stand-in does not implement {name}")
            self._hub.received[name] += 1
            if streams:
                async for message in found[0](request, self._container):
                    await stream.send_message(message)
            else:
                await stream.send_message(await found[0](request, self._container))

        return handle

    def _admit(self, name: str, metadata: Any) -> None:
        if self._container is not None:
            return
        fault = self._hub.faults.get(name) or self._hub.faults.get("*")
        if fault:
            raise GRPCError(*fault)
        shown = (metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret"))
        if self._tokens and shown != self._tokens:
            raise GRPCError(Status.UNAUTHENTICATED, "Token not accepted")
