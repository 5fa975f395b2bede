"""Where jam sessions are played: in this process, or by a worker that settings name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from backline.compute.base import JamLink
from backline.compute.jam_over_http import JamOverHttp
from backline.compute.jam_requests import JamRequests
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind, Isolation
from backline.engines.jam.host import HostRules, JamHost
from backline.errors import Invalid, NotFound
from backline.settings import JamSettings


@asynccontextmanager
async def open_jam_link(settings: JamSettings, catalog: tuple[EngineEntry, ...] = CATALOG) -> AsyncIterator[JamLink]:
    """The worker at `worker_url`, or an engine in a thread of this process, closed at the end with its sessions.

    Raises as `check_jam` does.
    """
    check_jam(settings, catalog)
    if settings.worker_url is None:
        async with open_jam_host(settings, catalog) as host:
            yield host
    else:
        assert settings.worker_key is not None
        link = JamOverHttp(JamRequests(settings.worker_url, settings.worker_key.get_secret_value()))
        try:
            yield link
        finally:
            await link.aclose()


@asynccontextmanager
async def open_jam_host(settings: JamSettings, catalog: tuple[EngineEntry, ...] = CATALOG) -> AsyncIterator[JamLink]:
    """An engine in this process, whatever it is: what a worker does. Raises NotFound, or Unavailable, for no engine."""
    rules = HostRules(
        max_sessions=settings.max_sessions,
        idle_seconds=settings.idle_seconds,
        grace_seconds=settings.grace_seconds,
    )
    host = JamHost(jam_engine(settings.engine, catalog), rules=rules)
    try:
        yield host
    finally:
        await host.aclose()


def check_jam(settings: JamSettings, catalog: tuple[EngineEntry, ...] = CATALOG) -> None:
    """Settings that contradict themselves are refused before anything starts.

    Raises NotFound for an engine that there is not, Unavailable for one that is not installed, and Invalid.
    """
    if settings.worker_url is not None:
        if settings.worker_key is None:
            raise Invalid(
                "BACKLINE_JAM__WORKER_URL needs BACKLINE_JAM__WORKER_KEY: the key that the worker asks for.",
                code="no_worker_key",
            )
        return
    entry = jam_engine(settings.engine, catalog)
    if entry.isolation is Isolation.PROCESS:
        raise Invalid(
            f"The jam engine '{entry.name}' needs a process of its own. Run it with: backline worker --engine "
            f"{entry.name}, and set BACKLINE_JAM__WORKER_URL here.",
            code="engine_needs_worker",
        )


def jam_engine(name: str | None, catalog: tuple[EngineEntry, ...] = CATALOG) -> EngineEntry:
    """name: None takes the first default that is installed. Raises NotFound, and Unavailable where libraries miss."""
    engines = [entry for entry in catalog if entry.kind is EngineKind.JAM]
    chosen = [entry for entry in engines if (entry.name == name if name else entry.default and entry.installed)]
    if not chosen:
        known = ", ".join(entry.name for entry in engines)
        told = f"There is no jam engine '{name}'" if name else "No jam engine plays by default"
        raise NotFound(f"{told}. Name one of: {known}.", code="engine_not_found")
    if not chosen[0].installed:
        raise chosen[0].not_installed()
    return chosen[0]
