"""What would be deployed, as data: functions, machines, volumes, secrets, what an hour costs, and what is not there."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from backline.deploy.definitions import Definition, SecretNeed
from backline.deploy.table import definitions, table_of
from backline.deploy.tags import tags_of
from backline.release import VERSION
from backline.settings import Settings

_MIB_IN_GIB = 1024


@dataclass(frozen=True, slots=True)
class Cost:
    """An hour in the operator's own currency: with the cheapest of the GPUs that are asked for, and with the dearest.
    missing: prices that are not in the settings; with one missing there is no sum."""

    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    missing: tuple[str, ...] = ()

    def times(self, count: int) -> Cost:
        return Cost(self.low * count, self.high * count, self.missing if count else ())

    def plus(self, other: Cost) -> Cost:
        missing = tuple(dict.fromkeys((*self.missing, *other.missing)))
        return Cost(self.low + other.low, self.high + other.high, missing)

    def as_data(self) -> dict[str, str] | None:
        return None if self.missing else {"low": _plain(self.low), "high": _plain(self.high)}


@dataclass(frozen=True, slots=True)
class Planned:
    """running: an hour of one container. at_rest: an hour in which nobody asks, of those that are kept."""

    definition: Definition
    running: Cost
    at_rest: Cost


@dataclass(frozen=True, slots=True)
class Plan:
    app: str
    environment: str | None
    planes: str
    functions: tuple[Planned, ...]
    tags: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def secrets(self) -> dict[str, tuple[str, ...]]:
        """Keys by name."""
        needs: Iterable[SecretNeed] = (need for one in self.functions for need in one.definition.secrets)
        return {need.name: need.keys for need in needs}

    @property
    def volumes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for one in self.functions for name in one.definition.volumes.values()))

    @property
    def at_rest(self) -> Cost:
        total = Cost()
        for one in self.functions:
            total = total.plus(one.at_rest)
        return total

    @property
    def missing_prices(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for one in self.functions for name in one.running.missing))

    def as_data(self) -> dict[str, Any]:
        return {
            "app": self.app,
            "environment": self.environment,
            "release": VERSION,
            "planes": self.planes,
            "functions": [_function_data(one) for one in self.functions],
            "secrets": self.secrets,
            "volumes": self.volumes,
            "at_rest_per_hour": self.at_rest.as_data(),
            "missing_prices": self.missing_prices,
            "tags": self.tags,
            "notes": self.notes,
        }


def plan_of(settings: Settings, *, sessions: bool | None = None) -> Plan:
    """sessions: whether the SDK has sticky ones; None asks the one that is here. Raises what `definitions` raises."""
    table = settings.modal
    has_sessions = _has_sessions() if sessions is None else sessions
    found = definitions(table, sessions=has_sessions)
    prices = {name.casefold(): price for name, price in table.prices.items()}
    functions = tuple(_planned(one, prices) for one in found)
    notes = tuple(_notes(settings, sessions=has_sessions))
    tags = tags_of(found, table_of(table, sessions=has_sessions))
    return Plan(table.app, table.environment, table.planes, functions, tags, notes)


def _planned(definition: Definition, prices: Mapping[str, Decimal]) -> Planned:
    running = _running(definition, prices)
    return Planned(definition, running, running.times(definition.arguments.get("min_containers", 0)))


def _running(definition: Definition, prices: Mapping[str, Decimal]) -> Cost:
    """Of the cores and the memory that are reserved, and of the GPUs."""
    arguments = definition.arguments
    amounts = {"cpu": Decimal(str(arguments["cpu"])), "memory": Decimal(arguments["memory"]) / _MIB_IN_GIB}
    missing = [name for name in amounts if name not in prices]
    base = sum((amount * prices.get(name, Decimal(0)) for name, amount in amounts.items()), Decimal(0))
    gpus = []
    for choice in definition.gpus:
        kind, _, count = choice.partition(":")
        if kind.casefold() not in prices:
            missing.append(kind)
        gpus.append(prices.get(kind.casefold(), Decimal(0)) * int(count or 1))
    return Cost(base + min(gpus, default=Decimal(0)), base + max(gpus, default=Decimal(0)), tuple(missing))


def _function_data(one: Planned) -> dict[str, Any]:
    data = asdict(one.definition)
    prices = {"running_per_hour": one.running.as_data(), "at_rest_per_hour": one.at_rest.as_data()}
    return {**data, **prices}


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _has_sessions() -> bool:
    """Where the SDK is not installed, that one is meant which this release asks for."""
    if importlib.util.find_spec("modal") is None:
        return True
    import modal

    return hasattr(modal, "sessioned")


def _notes(settings: Settings, *, sessions: bool) -> Iterable[str]:
    table = settings.modal
    if importlib.util.find_spec("modal") is None:
        yield "Modal's library is not installed: pip install 'backline[modal]'"
    if not table.speech.engines:
        yield "No engine of speech is named: the gateway speaks itself."
    elif table.planes == "one":
        yield "One plane: the gateway passes the routes of speech on to the machines of speech."
    if not sessions or not table.jam.enabled:
        reason = "is off in the table" if not table.jam.enabled else "is not possible: the library has no sessions"
        yield f"A container for each jam {reason}. {_jams_instead(settings)}"
    elif settings.jam.worker_url is not None:
        yield f"{_jams_instead(settings)} It goes before the table: Jam is deployed, and not asked."
    if table.speech.gpu_snapshot:
        yield "A picture of the GPU's memory is an alpha feature of Modal."


def _jams_instead(settings: Settings) -> str:
    if settings.jam.worker_url is not None:
        return f"Jams are played by the worker at {settings.jam.worker_url}."
    return (
        "Jams are played by the gateway itself, and a second container of it does not know them: set "
        "BACKLINE_MODAL__GATEWAY__MAX_CONTAINERS=1, or name a worker for them (MODAL_API_URL, in its secret)."
    )
