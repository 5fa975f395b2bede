"""Where the caller comes in: a dependency for every route that has an owner, a wrapper for apps that have none."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from backline.accounts.limits import CallerLimits
from backline.accounts.loopback import LoopbackGate
from backline.accounts.principal import Principal
from backline.web.origins import DoorPlate
from backline.web.provide import Provided


async def caller(connection: HTTPConnection) -> Principal:
    provided: Provided = connection.app.state.provided
    limits = provided.get(CallerLimits)
    provided.get(DoorPlate).check(connection.scope)
    await limits.admit_address(connection)
    principal = provided.get(LoopbackGate).admit(connection.headers.items())
    await limits.admit(connection, principal)
    return principal


Caller = Annotated[Principal, Depends(caller)]


def guarded(app: ASGIApp) -> ASGIApp:
    """The same app, for callers that may come in; for what has no dependencies, such as mounted files."""

    async def admit_first(scope: Scope, receive: Receive, send: Send) -> None:
        await caller(HTTPConnection(scope))
        await app(scope, receive, send)

    return admit_first
