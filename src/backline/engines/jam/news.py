"""Something is different now: whoever waits looks again."""

from __future__ import annotations

import asyncio


class News:
    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        self._event.set()
        self._event = asyncio.Event()

    async def wait(self, timeout_seconds: float | None = None) -> None:
        """Until something is told, or so long. What one waits for is to be looked at before and after, without an
        await in between."""
        event = self._event
        try:
            async with asyncio.timeout(timeout_seconds):
                await event.wait()
        except TimeoutError:
            return
