"""What the stand-in received of one function, in the words of the table."""

from __future__ import annotations

from typing import Any

from modal_proto import api_pb2

from tests.deploy.cloud import Cloud
from tests.modal_standin.records import Definition


def received(cloud: Cloud, app: str, name: str) -> dict[str, Any]:
    """As `expected` has it of the definition."""
    standin = cloud.standin
    layout = standin.functions(app)
    tag = name if name in layout else f"{name}.*"
    one = standin.definition(app, tag)
    function, scaling = one.function, one.function.autoscaler_settings
    kind = "server" if function.is_server else "class" if function.is_class else "function"
    return {
        "kind": kind,
        "gpus": tuple(_gpu(choice) for choice in one.choices if choice.resources.gpu_config.count),
        "cpu": function.resources.milli_cpu / 1000,
        "memory": function.resources.memory_mb,
        "containers": (scaling.min_containers, scaling.buffer_containers, scaling.max_containers),
        "scaledown": scaling.scaledown_window,
        "startup": function.http_config.startup_timeout if kind == "server" else function.startup_timeout_secs,
        "timeout": 0 if kind == "server" else function.timeout_secs,
        "retries": function.retry_policy.retries,
        "inputs": None if kind == "server" else _inputs(function),
        "regions": list(function.scheduler_placement.regions),
        "snapshot": function.checkpointing_enabled,
        "options": dict(function.experimental_options),
        "sessions": function.is_sessioned,
        "secrets": sorted(standin.secret_names(one)),
        "volumes": standin.volume_names(one),
        "hooks": _hooks(one),
    }


def _gpu(choice: api_pb2.Function) -> str:
    gpu = choice.resources.gpu_config
    return gpu.gpu_type if gpu.count == 1 else f"{gpu.gpu_type}:{gpu.count}"


def _inputs(function: api_pb2.Function) -> tuple[int, int] | None:
    most = function.max_concurrent_inputs
    return (function.target_concurrent_inputs, most) if most else None


def _hooks(one: Definition) -> list[str]:
    """The methods, or the function itself as "", that are ASGI apps."""
    function = one.function
    found = [name for name, method in function.method_definitions.items() if _is_app(method.webhook_config)]
    return ([""] if _is_app(function.webhook_config) else []) + found


def _is_app(hook: api_pb2.WebhookConfig) -> bool:
    return hook.type == api_pb2.WEBHOOK_TYPE_ASGI_APP and not hook.requires_proxy_auth
