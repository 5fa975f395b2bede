"""Where the caller comes in: the one dependency that every route with an owner declares."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from backline.accounts.loopback import LoopbackGate
from backline.accounts.principal import Principal
from backline.web.provide import Provided


async def caller(connection: HTTPConnection) -> Principal:
    provided: Provided = connection.app.state.provided
    return provided.get(LoopbackGate).admit(connection.headers.items())


Caller = Annotated[Principal, Depends(caller)]
