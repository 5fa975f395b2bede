"""The ordinary server as it runs in a container: open to the internet, and so never to callers without a key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI

from backline.compute.runner import OnFault, no_fault
from backline.errors import BacklineError, Invalid
from backline.gateway.app import create_app
from backline.observability.logging import configure_logging, get_logger
from backline.settings import Settings

_HOST = "0.0.0.0"  # noqa: S104 - a server that believed itself on loopback would let in everybody
_FOLDER = "/tmp/backline"  # noqa: S108 - the container's own; what is to last is in the database and in the bucket

_ANYBODY = ["0.0.0.0/0", "::/0"]
"""The gateway asks from an address that nobody knows before, under a name that no client uses, and says whose request
it is. Somebody who asks the plane directly may lie about it, and so only about the window of an address."""


def gateway_app(plane_url: str | None = None) -> FastAPI:
    """plane_url: of the server with GPUs that answers the routes of speech in place of this one, in one plane."""
    return _server(speech={} if plane_url is None else {"plane_url": plane_url})


def plane_app(drain: Callable[[], object]) -> FastAPI:
    """The ordinary server on the machines of speech: it speaks itself, and leaves jobs to the gateway.

    drain: makes sure that nothing new comes to this container; called on a thread when its GPU is broken.
    """

    def on_fault(_engine: str) -> None:
        get_logger().error("modal.draining", reason="gpu_fault")
        threading.Thread(target=drain, name="drain").start()

    return _server(
        on_fault,
        server={"allowed_hosts": [], "trusted_proxies": _ANYBODY},
        speech={"plane_url": None, "worker_url": None},
        modal={"enabled": False},
        jobs={"loop": False},
    )


def _server(on_fault: OnFault = no_fault, server: Mapping[str, Any] | None = None, **given: dict[str, Any]) -> FastAPI:
    try:
        settings = Settings.read(server={"host": _HOST, "data_dir": _FOLDER, **(server or {})}, **given)
        if settings.database.url is None:
            raise Invalid(
                "There is no DATABASE_URL in the secret: what is kept would go with the container.", code="no_database"
            )
        configure_logging(settings.observability.log_level)
        settings.server.data_dir.mkdir(parents=True, exist_ok=True)
        return create_app(settings, on_fault=on_fault)
    except (BacklineError, ValueError) as error:
        raise RuntimeError(f"The server does not start: {error}") from None  # the platform's log has it in one place
