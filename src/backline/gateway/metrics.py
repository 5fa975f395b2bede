"""The figures, for a Prometheus server: open on loopback; from elsewhere behind a token, or a key with admin."""

from __future__ import annotations

import hmac
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import SecretStr
from starlette.responses import Response

from backline.accounts.caller import caller
from backline.errors import Unauthenticated
from backline.observability.metrics import PrometheusMetrics
from backline.web.provide import provide


class MetricsAccess:
    """token: what a caller from elsewhere must send as a bearer token; None lets only loopback in,
    and keys with the scope admin."""

    def __init__(self, metrics: PrometheusMetrics, token: SecretStr | None) -> None:
        self._metrics = metrics
        self._token = token

    async def render(self, request: Request) -> Response:
        if not self._has_token(request):
            (await caller(request)).require("admin")
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
