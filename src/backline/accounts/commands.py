"""`backline users` and `backline keys`: what an operator does with the database at hand, without a server.

A server that runs notices within 30 s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from backline.accounts.keys import MAX_LIMIT, Keys, NewKey
from backline.accounts.principal import SCOPES, USER_SCOPES
from backline.accounts.service import OPERATOR_ISSUER, Accounts, Profile
from backline.accounts.verified import BELIEVED_SECONDS
from backline.clock import utc_now
from backline.errors import Invalid

Parts = Mapping[type[Any], Any]
OpenParts = Callable[[], AbstractAsyncContextManager[Parts]]
"""Opens the database, and with it the parts of accounts."""

T = TypeVar("T")

_ON_THEIR_WAY_SECONDS = 5.0
"""How long what a server has let in may take to reach the database."""

UserId = Annotated[str, typer.Argument(help="A user's id, as `backline users list` shows it.")]
KeyId = Annotated[str, typer.Argument(help="A key's id, as `backline keys list` shows it.")]
Limit = Annotated[int | None, typer.Option(min=1, max=MAX_LIMIT, help="Default: the server's.")]


class _Commands:
    def __init__(self, open_parts: OpenParts) -> None:
        self._open_parts = open_parts
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)

    def run(self, work: Callable[[Parts], Awaitable[T]]) -> T:
        async def working() -> T:
            async with self._open_parts() as parts:
                return await work(parts)

        return asyncio.run(working())

    def table(self, *columns: str, rows: Iterable[tuple[str, ...]]) -> None:
        """In full whatever the width of the terminal: an id that is cut short is no id."""
        lines = [columns, *rows]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        for line in lines:
            padded = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.out.print(padded.rstrip(), markup=False)


def users_app(open_parts: OpenParts) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="Users: list, create, delete.")
    commands = _Commands(open_parts)

    @app.command("list")
    def list_users(limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 100) -> None:
        """Show the users."""
        users = commands.run(lambda parts: parts[Accounts].list(limit))
        rows = [(one.id, one.issuer, one.subject, one.handle or "", _day(one.created_at)) for one in users]
        commands.table("id", "from", "named there", "handle", "since", rows=rows)

    @app.command("create")
    def create_user(
        name: Annotated[str, typer.Argument(help="What you call them; the same name is the same user.")],
        email: Annotated[str | None, typer.Option(help="Their address.")] = None,
    ) -> None:
        """Make a user, and print the id."""
        _check_name(name)
        profile = Profile(email=email, display_name=name)
        user = commands.run(lambda parts: parts[Accounts].find_or_create(OPERATOR_ISSUER, name, profile=profile))
        commands.out.print(user.id)

    @app.command("delete")
    def delete_user(
        user_id: UserId,
        yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
        wait: Annotated[
            bool, typer.Option(help="Wait until all servers have noticed; needless when none runs.")
        ] = True,
    ) -> None:
        """Delete a user with all that is theirs; the ledger keeps its entries."""
        if not yes:
            typer.confirm(f"Delete {user_id} with all keys, texts, voices, jobs and files?", abort=True)
        commands.run(lambda parts: parts[Accounts].delete(user_id))
        if wait:
            commands.err.print("Deleted. Servers notice within 30 s; what they let in until then is deleted next.")
            time.sleep(BELIEVED_SECONDS + _ON_THEIR_WAY_SECONDS)
            commands.run(lambda parts: parts[Accounts].delete_leftovers(user_id))
        commands.err.print(f"{user_id} and all that was theirs is gone.")

    return app


def keys_app(open_parts: OpenParts) -> typer.Typer:
    app = typer.Typer(no_args_is_help=True, help="API keys: create, list, rotate, revoke.")
    commands = _Commands(open_parts)

    @app.command("create")
    def create_key(
        user_id: UserId,
        name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
        scope: Annotated[list[str] | None, typer.Option(help=f"One of {', '.join(SCOPES)}; repeat for more.")] = None,
        requests_per_minute: Limit = None,
        max_streams: Limit = None,
        days: Annotated[float | None, typer.Option(help="How long it lasts; default: until revoked.")] = None,
    ) -> None:
        """Make a key, and print it: it is shown once."""
        scopes = scope or sorted(USER_SCOPES)
        if unknown := set(scopes) - set(SCOPES):
            raise Invalid(f"There is no scope {min(unknown)}. Choose from {', '.join(SCOPES)}.")
        _check_name(name)
        wanted = NewKey(name, scopes, requests_per_minute, max_streams, _end(days))
        key, text = commands.run(lambda parts: parts[Keys].create_for(user_id, wanted))
        commands.err.print(f"{key.id}: {', '.join(key.scopes)}. Keep the key; it is not shown again.")
        commands.out.print(text, markup=False)

    @app.command("list")
    def list_keys(
        user: Annotated[str | None, typer.Option(help="Whose; default: everybody's.")] = None,
        revoked: Annotated[bool, typer.Option("--all", help="Also the revoked ones.")] = False,
    ) -> None:
        """Show keys by their first and last characters."""
        keys = commands.run(lambda parts: parts[Keys].list(user, revoked=revoked))
        now = utc_now()
        rows = [
            (
                key.id,
                key.user_id,
                key.name,
                f"{key.start}…{key.last4}",
                " ".join(key.scopes),
                "good" if key.is_live(now) else "revoked" if key.revoked_at else "expired",
                _day(key.created_at),
                _day(key.expires_at),
            )
            for key in keys
        ]
        commands.table("id", "user", "name", "key", "scopes", "state", "since", "until", rows=rows)

    _add_ends_of_keys(app, commands)
    return app


def _add_ends_of_keys(app: typer.Typer, commands: _Commands) -> None:
    @app.command("rotate")
    def rotate_key(
        key_id: KeyId,
        grace_seconds: Annotated[float, typer.Option(min=0, max=86_400, help="How long the old one lives on.")] = 0,
    ) -> None:
        """Make a new key like an old one, and print it."""
        key, text = commands.run(lambda parts: parts[Keys].rotate(None, key_id, grace_seconds))
        commands.err.print(f"{key.id} follows {key_id}. Keep the key; it is not shown again.")
        commands.out.print(text, markup=False)

    @app.command("revoke")
    def revoke_key(key_id: KeyId) -> None:
        """End a key for good."""
        commands.run(lambda parts: parts[Keys].revoke(None, key_id))
        commands.err.print("Revoked. Servers notice within 30 s.")


def _end(days: float | None) -> datetime | None:
    try:
        return None if days is None else utc_now() + timedelta(days=days)
    except (ValueError, OverflowError):  # no number; beyond the year 9999
        raise Invalid("There is no day so far away.", code="bad_expiry") from None


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= 100 or not name.strip() or not name.isprintable():
        raise Invalid("A name has 1 to 100 printable characters.")


def _day(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
