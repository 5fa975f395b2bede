"""How a worker stands, whatever it does."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from backline.observability.metrics import PrometheusMetrics
from backline.web.provide import provide
from backline.worker.duties import Duties
from backline.worker.replies import WorkerRoute, reply

router = APIRouter(route_class=WorkerRoute)
open_router = APIRouter()
"""What needs no key."""


@open_router.get("/health")
async def health(request: Request, duties: Annotated[Duties, Depends(provide(Duties))]) -> Response:
    """Whether it lives; also while it goes away."""
    return reply(request, {"service": "backline-worker", "draining": duties.draining})


@router.get("/metrics")
async def metrics(figures: Annotated[PrometheusMetrics, Depends(provide(PrometheusMetrics))]) -> Response:
    """Prometheus text."""
    return Response(figures.render(), media_type=figures.content_type)
