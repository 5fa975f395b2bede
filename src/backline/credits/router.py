"""What a caller has, what came and went, and what was used."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from starlette.requests import HTTPConnection

from backline.accounts.caller import Caller
from backline.accounts.loopback import LoopbackGate
from backline.accounts.principal import Principal
from backline.accounts.service import Accounts
from backline.credits.pricing import Pricing, as_clock, as_seconds, micro_of
from backline.credits.schemas import AddRequest, BalanceReply, DayOut, HistoryReply, MovementOut, UsageReply
from backline.credits.service import Credits
from backline.errors import BacklineError, Denied
from backline.ids import new_id
from backline.web.provide import Provided, provide

router = APIRouter(tags=["credits"])

Service = Annotated[Credits, Depends(provide(Credits))]
Prices = Annotated[Pricing, Depends(provide(Pricing))]


@router.get("/credits/balance")
async def get_balance(caller: Caller, credits: Service, pricing: Prices) -> BalanceReply:
    """What the account has, and what things cost."""
    return await _balance(caller, credits, pricing)


@router.post("/credits/add")
async def add_credit(
    body: AddRequest,
    connection: HTTPConnection,
    caller: Caller,
    credits: Service,
    pricing: Prices,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> BalanceReply:
    """Give credit: for admins, and on the developer's own machine. `Idempotency-Key`: the same again adds once."""
    provided: Provided = connection.app.state.provided
    _check_may_add(connection, caller, body.user_id)
    owner = body.user_id or caller.id
    if body.user_id is not None:
        await provided.get(Accounts).get(body.user_id)
    key = f"add:{caller.id}:{idempotency_key or new_id('once')}"
    await credits.grant(owner, micro_of(body.seconds), idempotency_key=key, actor=caller.id)
    return await _balance(caller if owner == caller.id else Principal(owner), credits, pricing)


@router.get("/credits/history")
async def get_history(
    caller: Caller,
    credits: Service,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> HistoryReply:
    """Every movement, the newest first. cursor: the `next_cursor` of the page before."""
    movements = await credits.history(caller.id, before=cursor, limit=limit + 1)
    page = movements[:limit]
    return HistoryReply(
        entries=[
            MovementOut(
                id=one.id,
                kind=one.kind,
                seconds=as_seconds(one.amount),
                product=one.product,
                reference=one.reference,
                created_at=one.created_at,
            )
            for one in page
        ],
        next_cursor=str(page[-1].id) if len(movements) > limit else None,
    )


@router.get("/credits/usage")
async def get_usage(caller: Caller, credits: Service, days: Annotated[int, Query(ge=1, le=366)] = 30) -> UsageReply:
    """Seconds used by day (UTC) and product; days without use are there too."""
    used = await credits.usage(caller.id, days=days)
    return UsageReply(
        days=[
            DayOut(date=day, products={product: as_seconds(micro) for product, micro in products.items()})
            for day, products in sorted(used.items())
        ]
    )


def _check_may_add(connection: HTTPConnection, caller: Principal, user_id: str | None) -> None:
    """Raises Denied. A developer on the server's own machine may fill their own account."""
    if "admin" in caller.scopes:
        return
    if user_id not in (None, caller.id):
        raise Denied("Only an admin adds credit to somebody else's account.", code="missing_scope")
    try:
        connection.app.state.provided.get(LoopbackGate).admit(connection.headers.items())
    except BacklineError:
        raise Denied("Adding credit needs a key with the scope admin.", code="missing_scope") from None


async def _balance(caller: Principal, credits: Credits, pricing: Pricing) -> BalanceReply:
    has = await credits.balance(caller.id)
    return BalanceReply(
        balance_seconds=as_seconds(has.posted),
        formatted=as_clock(has.posted),
        held_seconds=as_seconds(has.held),
        available_seconds=as_seconds(has.available),
        billed=caller.billed,
        prices=pricing.per_unit,
    )
