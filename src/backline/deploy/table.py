"""From the rows of the settings to the functions of the app: which there are, and what each one's machines are.

No SDK in here: `modal_app` hands the definitions to it, `plan` and `check` read them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backline.compute.on_modal import names
from backline.compute.operations import OPERATIONS, Operation
from backline.deploy.definitions import Definition, Kind, SecretNeed
from backline.engines.catalog import CATALOG, EngineEntry, EngineKind, find
from backline.errors import Invalid
from backline.modal_table import JobRow, Row
from backline.settings import ModalSettings

WEIGHTS = "/weights"
_CACHES = {
    "HF_HOME": f"{WEIGHTS}/huggingface",
    "TORCH_HOME": f"{WEIGHTS}/torch",
    "XDG_CACHE_HOME": f"{WEIGHTS}/cache",
    "JAX_COMPILATION_CACHE_DIR": f"{WEIGHTS}/jax",
}
"""Where libraries keep what they fetch and what they compile: on the volume, so that it is done once."""

GATEWAY_KEYS = (
    "DATABASE_URL",
    "BACKLINE_ACCOUNTS__KEY_PEPPER",
    "BACKLINE_SERVER__PUBLIC_URL",
    "R2_BUCKET_NAME",
    "R2_ENDPOINT_URL",
    "R2_ACCESS_KEY_ID",
    "R2_SECRET_ACCESS_KEY",
)
WORKER_KEYS = ("DARIUS_API_KEY",)
_GATEWAY_EXTRAS = ("postgres", "redis")

JAM_PORT = 8000
JAM_GRACE_SECONDS = 35
"""A worker closes its sessions and is asked for their figures within 30 s."""
_ROUTING_REGION = "us-east"
"""The SDK's own."""


def definitions(
    settings: ModalSettings,
    *,
    sessions: bool = True,
    catalog: tuple[EngineEntry, ...] = CATALOG,
    operations: tuple[Operation, ...] = OPERATIONS,
) -> tuple[Definition, ...]:
    """sessions: whether the SDK has sticky ones. Raises NotFound for an engine that is not in the catalogue, and
    Invalid for one of another kind, and for a row of an operation that there is not."""
    _refuse_unknown_jobs(settings, operations)
    if settings.planes == "one" and not settings.speech.engines:
        raise Invalid("planes is one, but no engine is named for it in speech.engines.", code="no_engines")
    jams = settings.jam.enabled and sessions
    return (
        _gateway(settings, jams=jams),
        *([_speech(settings, catalog)] if settings.speech.engines else []),
        *([_jam(settings, catalog)] if jams else []),
        *(_job(settings, one) for one in operations),
    )


def table_of(settings: ModalSettings, *, sessions: bool = True) -> str:
    """The table as every container is given it (BACKLINE_MODAL): the app is there what it was where it was deployed."""
    jam = settings.jam.model_copy(update={"enabled": settings.jam.enabled and sessions})
    there = settings.model_copy(update={"enabled": True, "jam": jam})
    return there.model_dump_json(exclude={"prices", "version"})  # of who looks at it, and not of what is there


def job_row(settings: ModalSettings, name: str) -> JobRow:
    return settings.jobs.get(name) or JobRow()


def _gateway(settings: ModalSettings, *, jams: bool) -> Definition:
    """jams: whether they are played by workers of this app, whose key it must show; that of another worker is in its
    own secret."""
    row = settings.gateway
    return Definition(
        names.GATEWAY,
        Kind.FUNCTION,
        "The API and the studio; looks after jobs and bills.",
        {**_machine(row), "timeout": row.timeout_seconds, **_region(row)},
        inputs=(row.target_inputs, row.max_inputs),
        secrets=(_gateway_secret(settings), *([_worker_secret(settings)] if jams else [])),
        extras=_GATEWAY_EXTRAS,
    )


def _speech(settings: ModalSettings, catalog: tuple[EngineEntry, ...]) -> Definition:
    row, one_plane = settings.speech, settings.planes == "one"
    engines = [_engine(name, EngineKind.SPEECH, catalog) for name in row.engines]
    arguments = {
        **_machine(row, _gpus(engines)),
        "timeout": max(row.timeout_seconds, settings.gateway.timeout_seconds) if one_plane else row.timeout_seconds,
        "enable_memory_snapshot": row.snapshot,
        **({"experimental_options": {"enable_gpu_snapshot": True}} if row.snapshot and row.gpu_snapshot else {}),
        **_region(row),
    }
    about = "The whole server beside the engines." if one_plane else "Sentences in, sound out."
    return Definition(
        names.SPEECH,
        Kind.CLASS,
        f"Speech ({', '.join(row.engines)}). {about}",
        arguments,
        inputs=(row.target_inputs, row.max_inputs),
        secrets=(*([_gateway_secret(settings)] if one_plane else []), *_secrets_of_weights(settings)),
        volumes={WEIGHTS: settings.weights_volume},
        extras=_extras(engines, _GATEWAY_EXTRAS if one_plane else ()),
        variables=_CACHES,
    )


def _jam(settings: ModalSettings, catalog: tuple[EngineEntry, ...]) -> Definition:
    row = settings.jam
    engine = _engine(row.engine or _default(EngineKind.JAM, catalog), EngineKind.JAM, catalog)
    region = {"compute_region": row.region} if row.region else {}
    arguments = {
        **_machine(row, _gpus([engine])),
        "max_containers": row.max_containers or row.max_sessions,
        "port": JAM_PORT,
        "target_concurrency": 1.0,
        "exit_grace_period": JAM_GRACE_SECONDS,
        "routing_region": row.region or _ROUTING_REGION,
        "enable_memory_snapshot": row.snapshot,
        **region,
    }
    return Definition(
        names.JAM,
        Kind.SERVER,
        f"Live jams ({engine.name}), a container for each session.",
        arguments,
        sessions=True,
        secrets=_secrets_of_weights(settings),
        volumes={WEIGHTS: settings.weights_volume},
        extras=_extras([engine]),
        variables=_CACHES,
    )


def _job(settings: ModalSettings, operation: Operation) -> Definition:
    """It has no secret: what it reads and writes is said by links."""
    row, weights = job_row(settings, operation.name), bool(operation.gpu)
    return Definition(
        operation.name,
        Kind.FUNCTION,
        operation.about,
        {
            **_machine(row, operation.gpu),
            "timeout": row.timeout_seconds,
            "retries": row.retries,
            **_region(row),
        },
        volumes={WEIGHTS: settings.weights_volume} if weights else {},
        extras=(operation.extra,) if operation.extra else (),
        variables=_CACHES if weights else {},
    )


def _machine(row: Row, wanted: Iterable[str] = ()) -> dict[str, Any]:
    """wanted: GPU types where the row names none."""
    gpus = list(wanted) if row.gpu is None else row.gpu
    optional = {
        "gpu": gpus[0] if len(gpus) == 1 else gpus,
        "min_containers": row.min_containers,
        "buffer_containers": row.buffer_containers,
        "max_containers": row.max_containers,
    }
    return {
        "cpu": row.cpu,
        "memory": row.memory_mb,
        "scaledown_window": row.scaledown_seconds,
        "startup_timeout": row.startup_seconds,
        **{name: value for name, value in optional.items() if value},
    }


def _region(row: Row) -> dict[str, str]:
    return {"region": row.region} if row.region else {}


def _gateway_secret(settings: ModalSettings) -> SecretNeed:
    return SecretNeed(settings.gateway_secret, GATEWAY_KEYS)


def _worker_secret(settings: ModalSettings) -> SecretNeed:
    return SecretNeed(settings.worker_secret, WORKER_KEYS)


def _secrets_of_weights(settings: ModalSettings) -> tuple[SecretNeed, ...]:
    weights = [SecretNeed(settings.weights_secret)] if settings.weights_secret else []
    return (_worker_secret(settings), *weights)


def _engine(name: str, kind: EngineKind, catalog: tuple[EngineEntry, ...]) -> EngineEntry:
    """It need not be installed here; its image has it."""
    entry = find(name, catalog)
    if entry.kind is not kind:
        raise Invalid(f"'{name}' is a {entry.kind} engine, and not one of {kind}.", code="engine_of_another_kind")
    return entry


def _default(kind: EngineKind, catalog: tuple[EngineEntry, ...]) -> str:
    return next(entry.name for entry in catalog if entry.kind is kind and entry.default)


def _gpus(engines: Iterable[EngineEntry]) -> list[str]:
    return list(dict.fromkeys(gpu for engine in engines for gpu in engine.gpu))


def _extras(engines: Iterable[EngineEntry], more: tuple[str, ...] = ()) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*more, *(engine.extra for engine in engines if engine.extra))))


def _refuse_unknown_jobs(settings: ModalSettings, operations: tuple[Operation, ...]) -> None:
    known: Mapping[str, Operation] = {one.name: one for one in operations}
    for name in settings.jobs:
        if name not in known:
            raise Invalid(
                f"The table has a row for '{name}', but there is no such operation. There are: {', '.join(known)}.",
                code="operation_not_found",
            )
