"""A provider in a process of its own, as real ones are: a twin behind a socket, one JSON line a question."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from backline.compute.remote import Answer, Done, Running, Unknown
from backline.compute.remote_twin import RemoteTwin
from backline.errors import Unavailable, from_data


class RemoteServer:
    """Serves a twin; lives as long as the block that `opened` it."""

    def __init__(self, twin: RemoteTwin) -> None:
        self.twin = twin
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        told: Any = None
        if asked["do"] == "spawn":
            told = await self.twin.spawn(asked["function"], asked["job_id"], asked["attempt"], asked["data"])
        elif asked["do"] == "cancel":
            await self.twin.cancel(asked["call"])
        else:
            told = _as_data(await self.twin.poll(asked["call"]))
        writer.write(json.dumps(told).encode() + b"\n")
        await writer.drain()
        writer.close()


class RemoteOverSocket:
    """`compute.remote.Remote`, for whoever asks it."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def spawn(self, function: str, job_id: str, attempt: int, data: Mapping[str, Any]) -> str:
        call: str = await self._ask(do="spawn", function=function, job_id=job_id, attempt=attempt, data=dict(data))
        return call

    async def poll(self, call: str) -> Answer:
        told = await self._ask(do="poll", call=call)
        if told["is"] == "running":
            return Running(told["progress"], told["message"])
        if told["is"] == "done":
            return Done(told["result"], told["error"] and from_data(told["error"]))
        return Unknown(told["reason"])

    async def cancel(self, call: str) -> None:
        await self._ask(do="cancel", call=call)

    async def _ask(self, **asked: Any) -> Any:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(json.dumps(asked).encode() + b"\n")
            told = json.loads(await reader.readline())
            writer.close()
            return told
        except (OSError, ValueError) as error:
            raise Unavailable("The provider cannot be reached.", code="provider_unavailable") from error


def _as_data(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Running):
        return {"is": "running", "progress": answer.progress, "message": answer.message}
    if isinstance(answer, Done):
        result = dict(answer.result) if answer.result is not None else None
        return {"is": "done", "result": result, "error": answer.error and answer.error.as_data()}
    return {"is": "unknown", "reason": answer.reason}
