"""`backline jobs`: the loop alone, for machines that only work."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from backline.observability.logging import get_logger

OpenParts = Callable[[], AbstractAsyncContextManager[Mapping[type[Any], Any]]]


async def run_loop(open_parts: OpenParts) -> None:
    """Work until SIGTERM or SIGINT; what is in hand is then given back."""
    stop = asyncio.Event()
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, stop.set)
    async with open_parts():
        get_logger().info("jobs.loop_started")
        await stop.wait()
        get_logger().info("jobs.loop_stopping")
