"""What browsers are told about pages of other origins (CORS)."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

EXPOSED_HEADERS = (
    "Content-Disposition",
    "Location",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
    "X-Audio-Seconds",
    "X-Credits-Consumed",
    "X-Input-Tokens",
    "X-Model-Version",
    "X-Output-Tokens",
    "X-RTF",
    "X-Remaining-Credits",
    "X-Request-ID",
    "X-Sample-Rate",
    "X-Should-Retry",
    "X-Super-Resolution",
    "X-TTFB-ms",
)
"""Headers of answers that scripts of other origins may read."""

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


def add_cors(app: FastAPI, origins: Sequence[str]) -> None:
    """Answer browsers that ask for pages of these origins; nothing changes where there are none.

    Callers prove who they are by headers that a script sets itself, so no cookies are asked for. Any header may be
    sent: the clients of OpenAI alone send a dozen of their own.
    """
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=["*"],
            expose_headers=EXPOSED_HEADERS,
            max_age=3600,
        )
