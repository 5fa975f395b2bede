"""Work that is done again and again, whatever one round meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import SystemRandom

from backline.errors import Unavailable
from backline.observability.logging import get_logger


async def every(seconds: float, name: str, step: Callable[[], Awaitable[object]]) -> None:
    """At once, and then so often, until cancelled. name: for the log."""
    while True:
        await guarded(name, step)
        await asyncio.sleep(spread(seconds))


async def guarded(name: str, step: Callable[[], Awaitable[object]]) -> None:
    """A step that fails is told, and made again in its time: a database that is away comes back."""
    try:
        await step()
    except Unavailable as error:
        get_logger().warning("jobs.loop_waits", step=name, code=error.code)
    except Exception as error:  # noqa: BLE001 - the loop must outlive whatever one step meets
        get_logger().error("jobs.loop_failed", step=name, exc_info=error)


def spread(seconds: float) -> float:
    """A little earlier or later, so that loops that began together do not stay together."""
    return seconds * SystemRandom().uniform(0.85, 1.05)
