"""Signing in, who one is, and tickets for sockets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import HTTPConnection

from backline.accounts.caller import AccountOwner, Caller, caller_if_any, visitor
from backline.accounts.entrance import Entrance
from backline.accounts.principal import LOCAL, Principal
from backline.accounts.repository import User
from backline.accounts.schemas import (
    AppleLogin,
    LoginReply,
    Me,
    MockLogin,
    ProfileChange,
    ProfileOut,
    TicketReply,
    UserOut,
)
from backline.accounts.service import Accounts
from backline.accounts.sign_in import SignIn
from backline.accounts.tickets import TICKET_SECONDS, Tickets
from backline.errors import Unauthenticated
from backline.web.provide import provide

router = APIRouter(tags=["accounts"])

Service = Annotated[Accounts, Depends(provide(Accounts))]
Door = Annotated[SignIn, Depends(provide(SignIn))]


async def this_machine(connection: HTTPConnection, entrance: Annotated[Entrance, Depends(provide(Entrance))]) -> None:
    entrance.admit_this_machine(connection)


@router.post("/auth/mock-login", dependencies=[Depends(visitor), Depends(this_machine)])
async def mock_login(body: MockLogin, response: Response, door: Door) -> LoginReply:
    """A token for a made-up user: while the server listens to this machine only, and to a caller on it."""
    return _reply(await door.as_mock(body.test_user_id), response, door)


@router.post("/auth/apple", dependencies=[Depends(visitor)])
async def apple_login(body: AppleLogin, response: Response, door: Door) -> LoginReply:
    """A token for whom Apple vouches for."""
    return _reply(await door.with_apple(body.identity_token), response, door)


@router.post("/auth/ticket")
async def make_ticket(
    caller: Caller, response: Response, tickets: Annotated[Tickets, Depends(provide(Tickets))]
) -> TicketReply:
    """What opens one WebSocket within 60 s, as `?ticket=`."""
    response.headers["Cache-Control"] = "no-store"
    return TicketReply(ticket=await tickets.issue(caller), expires_in=TICKET_SECONDS)


@router.get("/api/me")
async def me(request: Request, accounts: Service) -> Me:
    """Who the caller is; nulls for nobody."""
    caller: Principal | None = await caller_if_any(request)
    user = None if caller is None or caller == LOCAL else await accounts.find(caller.id)
    return _me(user)


@router.patch("/api/profile")
async def change_profile(body: ProfileChange, caller: AccountOwner, accounts: Service) -> Me:
    """Change what is sent; leave the rest."""
    if caller == LOCAL:
        raise Unauthenticated("Sign in first: without an account there is no profile.", code="not_signed_in")
    return _me(await accounts.change_profile(caller.id, body.model_dump(exclude_unset=True)))


def _reply(user: User, response: Response, door: SignIn) -> LoginReply:
    response.headers["Cache-Control"] = "no-store"
    return LoginReply(token=door.token_for(user), user_id=user.id, expires_in=door.token_seconds)


def _me(user: User | None) -> Me:
    if user is None:
        return Me(signed_in=False, user=None, profile=None)
    return Me(
        signed_in=True,
        user=UserOut(id=user.id, email=user.email, created_at=user.created_at),
        profile=ProfileOut(handle=user.handle, display_name=user.display_name, avatar_url=user.avatar_url),
    )
