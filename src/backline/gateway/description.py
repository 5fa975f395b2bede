"""The description of the API, for tools that make clients of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from backline.accounts.caller import Caller

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
async def describe(request: Request, _caller: Caller) -> dict[str, Any]:
    """OpenAPI 3.1, made once."""
    description: dict[str, Any] = request.app.openapi()
    return description
