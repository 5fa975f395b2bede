"""Whether the process lives, whether it should be given work, and what it is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from backline.release import VERSION
from backline.speech.service import SpeechService
from backline.web.provide import provide

router = APIRouter(tags=["health"])

Service = Annotated[SpeechService, Depends(provide(SpeechService))]


@router.head("/health", include_in_schema=False)
@router.get("/health")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.head("/health/ready", response_class=Response, include_in_schema=False)
@router.get("/health/ready", response_class=Response)
async def ready(service: Service) -> Response:
    """200 while new work is welcome; 503 while nothing can speak or the server is going away."""
    speaking = any(status.entry.default and status.capabilities for status in service.planner.engines())
    if service.draining or not speaking:
        return JSONResponse({"status": "draining" if service.draining else "unavailable"}, 503)
    return JSONResponse({"status": "ok"})


@router.head("/", response_class=Response, include_in_schema=False)
@router.get("/", response_class=Response)
async def root(request: Request, service: Service) -> Response:
    """The studio for a browser, a few facts for a program."""
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse("/studio")
    facts: dict[str, Any] = {
        "service": "backline",
        "status": "draining" if service.draining else "ok",
        "version": VERSION,
    }
    return JSONResponse(facts)
