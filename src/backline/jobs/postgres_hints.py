"""Hints from other processes, through Postgres. The only module of jobs that needs its driver."""

from __future__ import annotations

import asyncio

import psycopg
from psycopg import sql
from sqlalchemy import URL

from backline.jobs.hints import Hint, Hints
from backline.jobs.repository import CHANNEL
from backline.observability.logging import get_logger

_AGAIN_SECONDS = 2.0


async def listen(url: URL, hints: Hints) -> None:
    """Pass on what Postgres tells, on a connection of its own, until cancelled. Connects again when it was cut."""
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(address, autocommit=True, connect_timeout=5) as connection:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
                async for told in connection.notifies():
                    if hint := Hint.parse(told.payload):
                        hints.tell(hint)
        except psycopg.Error as error:
            get_logger().warning("jobs.listener_cut", error=type(error).__name__)
        await asyncio.sleep(_AGAIN_SECONDS)
