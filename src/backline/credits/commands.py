"""`backline credits`: what an operator does with the database at hand, without a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from backline.accounts.service import Accounts
from backline.clock import utc_now
from backline.credits.pricing import as_seconds, micro_of
from backline.credits.queries import Balance
from backline.credits.service import Credits
from backline.errors import Invalid
from backline.ids import new_id

Parts = Mapping[type[Any], Any]
OpenParts = Callable[[], AbstractAsyncContextManager[Parts]]

T = TypeVar("T")

UserId = Annotated[str, typer.Argument(help="A user's id, as `backline users list` shows it.")]

Seconds = Annotated[str, typer.Argument(help="How many credits, such as 600 or 0.5.")]
Key = Annotated[str | None, typer.Option(help="Idempotency key: the same again changes nothing.")]
Until = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC) when it ends; default: never.")
]


def credits_app(open_parts: OpenParts) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Credit: grant it, show it, prove that the ledger is right.")
    out = Console(highlight=False, soft_wrap=True)
    err = Console(stderr=True, highlight=False, soft_wrap=True)

    def run(work: Callable[[Parts], Awaitable[T]]) -> T:
        async def working() -> T:
            async with open_parts() as parts:
                return await work(parts)

        return asyncio.run(working())

    @app.command("grant")
    def grant(user_id: UserId, seconds: Seconds, key: Key = None, until: Until = None) -> None:
        """Give a user credit."""
        amount = _micro(seconds)
        ends = until and until.replace(tzinfo=UTC)
        if ends is not None and ends <= utc_now():
            raise Invalid("That day has come: the credit would end at once.")

        async def granting(parts: Parts) -> Balance:
            await parts[Accounts].get(user_id)
            name = f"operator:{key or new_id('once')}"
            await parts[Credits].grant(user_id, amount, idempotency_key=name, actor="operator", expires_at=ends)
            return await _balance(parts, user_id)

        out.print(f"{user_id} has {as_seconds(run(granting).posted)} credits.")

    @app.command("balance")
    def balance(user_id: UserId) -> None:
        """Show what a user has."""

        async def asking(parts: Parts) -> Balance:
            await parts[Accounts].get(user_id)
            return await _balance(parts, user_id)

        has = run(asking)
        out.print(f"{as_seconds(has.posted)} credits, {as_seconds(has.held)} of them held for running work.")

    @app.command("verify")
    def verify() -> None:
        """Prove that every balance equals its entries; exit status 1 when one does not."""
        findings = run(lambda parts: parts[Credits].verify())
        for finding in findings:
            err.print(finding, markup=False)
        if findings:
            raise SystemExit(1)
        out.print("Every balance equals its entries.")

    return app


async def _balance(parts: Parts, user_id: str) -> Balance:
    balance: Balance = await parts[Credits].balance(user_id)
    return balance


def _micro(seconds: str) -> int:
    try:
        return micro_of(Decimal(seconds))
    except (InvalidOperation, ValueError, OverflowError):
        raise Invalid("The amount is a number with at most six decimal places, such as 600 or 0.5.") from None
