"""Limits as the settings want them: in memory, or in Redis for several servers together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from backline.accounts.limits import CallerLimits
from backline.observability.metrics import Metrics, MetricsInMemory
from backline.settings import Settings
from backline.web.rate_limit import RateLimiter
from backline.web.stream_limits import StreamLimits

if TYPE_CHECKING:
    from backline.web.redis_link import RedisLink


def require_redis(settings: Settings) -> None:
    """Raises ValueError when Redis is wanted and its package is missing, or its address is none."""
    _link(settings, MetricsInMemory())


@asynccontextmanager
async def open_limits(settings: Settings, metrics: Metrics) -> AsyncIterator[CallerLimits]:
    link = _link(settings, metrics)
    streams = StreamLimits(link)
    try:
        yield CallerLimits(
            settings.limits,
            RateLimiter(metrics, link),
            streams,
            bound_to_loopback=settings.server.bound_to_loopback,
        )
    finally:
        await streams.close()
        if link is not None:
            await link.close()


def _link(settings: Settings, metrics: Metrics) -> RedisLink | None:
    limits = settings.limits
    if limits.redis_url is None:
        return None
    from backline.web.redis_link import open_link  # heavy, and of no use without Redis

    return open_link(limits.redis_url.get_secret_value(), metrics, limits.redis_patience_seconds)
