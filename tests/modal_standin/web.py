"""The web side: an HTTP port for each web function, whose requests become inputs and whose answers stream back."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

from modal._serialization import deserialize_data_format, serialize_data_format
from modal_proto import api_pb2

from tests.modal_standin.calls import CallSide
from tests.modal_standin.definitions import effective
from tests.modal_standin.hub import Hub
from tests.modal_standin.listen import Listener
from tests.modal_standin.records import Call, FunctionRecord
from tests.modal_standin.servers import ServerProxy

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

PROXY_KEY, PROXY_SECRET = "wk-standin", "ws-standin"
"""The pair that a web function with proxy authorisation asks for, in Modal-Key and Modal-Secret."""
_SCOPE = (
    "type asgi http_version method scheme path raw_path query_string root_path headers client server subprotocols"
).split()
_ASGI = api_pb2.DATA_FORMAT_ASGI


class Web:
    """Opens the ports of what is deployed, and keeps them over later deploys."""

    def __init__(self, hub: Hub, calls: CallSide, balance: Callable[[FunctionRecord], None]) -> None:
        self._hub, self._calls, self._balance = hub, calls, balance
        self._listeners: dict[tuple[str, str], Listener] = {}
        self._servers: dict[str, ServerProxy] = {}

    async def publish(
        self, record: FunctionRecord, webhook: api_pb2.WebhookConfig, methods: Mapping[str, api_pb2.MethodDefinition]
    ) -> None:
        """An address for the function itself, or for each of its methods, that is a web function."""
        if webhook.type != api_pb2.WEBHOOK_TYPE_UNSPECIFIED:
            self._open(record, "", Bridge(self._calls, self._hub, record, ""))
        for name, method in methods.items():
            if method.webhook_config.type != api_pb2.WEBHOOK_TYPE_UNSPECIFIED:
                self._open(record, name, Bridge(self._calls, self._hub, record, name))

    async def publish_server(self, record: FunctionRecord) -> None:
        if record.function_id not in self._servers:
            proxy = self._servers[record.function_id] = ServerProxy(self._hub, record, self._balance)
            await proxy.open()
            record.urls["server"] = proxy.url

    def _open(self, record: FunctionRecord, name: str, app: Any) -> None:
        key = (record.function_id, name)
        if key not in self._listeners:
            self._listeners[key] = Listener(app).open(self._hub.options.web_ports.get(record.tag, 0))
            record.urls[name] = self._listeners[key].url

    async def close(self) -> None:
        await asyncio.gather(*(one.close() for one in self._listeners.values()))
        await asyncio.gather(*(one.close() for one in self._servers.values()))


class Bridge:
    """The ASGI app in front of one web function: the scope is the call's input, messages are its streams."""

    def __init__(self, calls: CallSide, hub: Hub, record: FunctionRecord, method: str) -> None:
        self._calls, self._hub, self._record, self._method = calls, hub, record, method

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope)
        if refusal:
            await _refuse(scope, send, refusal)
            return
        told = {key: scope[key] for key in _SCOPE if key in scope}
        value = api_pb2.FunctionInput(args=pickle.dumps(((told,), {})), data_format=api_pb2.DATA_FORMAT_PICKLE)
        if self._method:
            value.method_name = self._method
        item = api_pb2.FunctionPutInputsItem(input=value)
        call = self._calls.begin(self._record, api_pb2.FUNCTION_CALL_INVOCATION_TYPE_SYNC, [item])
        upward = asyncio.create_task(self._upward(call, receive))
        try:
            await self._downward(call, scope, send)
        finally:
            upward.cancel()
            with suppress(asyncio.CancelledError):
                await upward

    def _refusal(self, scope: Message) -> int:
        if "*" in self._hub.faults or self._record.app.stopped:
            return 503
        function = effective(self._record)
        webhook = function.method_definitions[self._method].webhook_config if self._method else function.webhook_config
        headers = dict(scope["headers"])
        shown = (headers.get(b"modal-key"), headers.get(b"modal-secret"))
        accepted = not webhook.requires_proxy_auth or shown == (PROXY_KEY.encode(), PROXY_SECRET.encode())
        return 0 if accepted else 401

    async def _upward(self, call: Call, receive: Receive) -> None:
        kind = ""
        while not kind.endswith("disconnect"):
            message = await receive()
            kind = message["type"]
            data = serialize_data_format(dict(message), _ASGI)
            index = len(call.incoming) + 1
            call.incoming.append(api_pb2.DataChunk(data_format=_ASGI, data=data, index=index))
            self._hub.notify()

    async def _downward(self, call: Call, scope: Message, send: Send) -> None:
        answered = False
        async for chunk in self._hub.follow(call.outgoing, 0, lambda: call.unfinished == 0):
            answered = True
            message = deserialize_data_format(chunk.data, chunk.data_format, None)
            if message:
                await send(message)
        if not answered:
            await _refuse(scope, send, 500)


async def _refuse(scope: Message, send: Send, status: int) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1011})
        return
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"modal-http: refused"})
