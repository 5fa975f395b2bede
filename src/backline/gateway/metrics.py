"""The figures, for a Prometheus server: open on loopback; from elsewhere behind a token, or a key with admin."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import SecretStr
from starlette.responses import Response

from backline.accounts.caller import caller
from backline.errors import Unauthenticated, Unavailable
from backline.observability.metrics import PrometheusMetrics
from backline.web.provide import provide

_LOOK_SECONDS = 2.0
"""How long figures that are counted only when somebody asks may take."""


class MetricsAccess:
    """token: what a caller from elsewhere must send as a bearer token; None lets only loopback in,
    and keys with the scope admin. look: counts what is counted only when somebody asks."""

    def __init__(
        self, metrics: PrometheusMetrics, token: SecretStr | None, look: Callable[[], Awaitable[None]]
    ) -> None:
        self._metrics = metrics
        self._token = token
        self._look = look

    async def render(self, request: Request) -> Response:
        if not self._has_token(request):
            (await caller(request)).require("admin")
        with suppress(Unavailable, TimeoutError):  # the others must be told while the database is away
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._look()
        return Response(self._metrics.render(), media_type=self._metrics.content_type)

    def _has_token(self, request: Request) -> bool:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if self._token is None or scheme.lower() != "bearer":
            return False
        if not hmac.compare_digest(token.encode(), self._token.get_secret_value().encode()):
            raise Unauthenticated("The metrics token is wrong.")
        return True


router = APIRouter(tags=["metrics"])


@router.get("/metrics")
@router.get("/v1/tts/metrics")
async def metrics(request: Request, access: Annotated[MetricsAccess, Depends(provide(MetricsAccess))]) -> Response:
    """Prometheus text."""
    return await access.render(request)
