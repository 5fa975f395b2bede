"""Where the caller comes in: a dependency for every route that has an owner, a wrapper for apps that have none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from backline.accounts.credentials import shown
from backline.accounts.entrance import Entrance
from backline.accounts.limits import CallerLimits
from backline.accounts.principal import Principal
from backline.errors import Denied, Unauthenticated
from backline.web.provide import Provided


async def caller(connection: HTTPConnection) -> Principal:
    provided: Provided = connection.app.state.provided
    limits = provided.get(CallerLimits)
    await limits.admit_address(connection)
    principal = await provided.get(Entrance).admit(connection)
    await limits.admit(connection, principal)
    return principal


Caller = Annotated[Principal, Depends(caller)]


def caller_with(scope: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency for routes that need a scope: `Annotated[Principal, Depends(caller_with("jam"))]`."""

    async def with_scope(caller: Caller) -> Principal:
        caller.require(scope)
        return caller

    return with_scope


SpeechCaller = Annotated[Principal, Depends(caller_with("speech"))]


async def account_owner(caller: Caller) -> Principal:
    """For what concerns the account itself: whoever signed in, or a key that was made to administer it."""
    if caller.key_id is not None and "admin" not in caller.scopes:
        raise Denied("Sign in for this, or use a key with the scope admin.", code="missing_scope")
    return caller


AccountOwner = Annotated[Principal, Depends(account_owner)]


async def visitor(connection: HTTPConnection) -> None:
    """For routes that are there for the unknown: the address's limit and the page's origin count, nothing else."""
    provided: Provided = connection.app.state.provided
    await provided.get(CallerLimits).admit_address(connection)
    provided.get(Entrance).admit_anybody(connection)


async def caller_if_any(connection: HTTPConnection) -> Principal | None:
    """None for whoever shows no credential and is not let in without. A bad one is refused here too."""
    try:
        return await caller(connection)
    except Unauthenticated:
        if shown(connection.scope) is not None:
            raise
        return None


def for_visitors(app: ASGIApp) -> ASGIApp:
    """The same app behind `visitor`; for what has no dependencies, such as mounted files."""

    async def admit_first(scope: Scope, receive: Receive, send: Send) -> None:
        await visitor(HTTPConnection(scope))
        await app(scope, receive, send)

    return admit_first
