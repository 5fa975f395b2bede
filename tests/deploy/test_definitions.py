"""What `modal deploy` of the real file sends, held against the table."""

from __future__ import annotations

from typing import Any

import pytest

from backline.deploy.definitions import Definition
from backline.deploy.table import GATEWAY_KEYS, definitions
from backline.settings import ModalSettings
from tests.deploy.cloud import APP, Cloud
from tests.deploy.received import received
from tests.modal_standin.processes import image_variables

HOOKS = {"gateway": [""], "Speech": ["web"]}

RICH: dict[str, Any] = {
    "planes": "one",
    "gateway": {"min_containers": 2, "max_containers": 9, "region": "eu", "target_inputs": 30, "max_inputs": 60},
    "speech": {
        "engines": ["tone", "espeak"],
        "gpu": ["L40S", "A100", "A10G:2"],
        "cpu": 3.5,
        "memory_mb": 9000,
        "buffer_containers": 1,
        "scaledown_seconds": 120,
        "startup_seconds": 900,
        "gpu_snapshot": True,
    },
    "jam": {"engine": "magenta-rt", "max_sessions": 7, "region": "eu-west", "min_containers": 1, "snapshot": True},
    "jobs": {
        "render": {"gpu": ["T4"], "timeout_seconds": 1200, "retries": 5, "region": "us-east", "max_containers": 3}
    },
    "weights_secret": "weights",
    "weights_volume": "heavy",
}


def expected(definition: Definition) -> dict[str, Any]:
    arguments = definition.arguments
    region = arguments.get("region") or arguments.get("compute_region")
    return {
        "kind": definition.kind,
        "gpus": definition.gpus,
        "cpu": arguments["cpu"],
        "memory": arguments["memory"],
        "containers": tuple(arguments.get(f"{name}_containers", 0) for name in ("min", "buffer", "max")),
        "scaledown": arguments["scaledown_window"],
        "startup": arguments["startup_timeout"],
        "timeout": arguments.get("timeout", 0),
        "retries": arguments.get("retries", 0),
        "inputs": definition.inputs,
        "regions": [region] if region else [],
        "snapshot": arguments.get("enable_memory_snapshot", False),
        "options": {name: str(value) for name, value in arguments.get("experimental_options", {}).items()},
        "sessions": definition.sessions,
        "secrets": sorted(need.name for need in definition.secrets),
        "volumes": definition.volumes,
        "hooks": HOOKS.get(definition.name, []),
    }


def held_against(cloud: Cloud, settings: ModalSettings) -> None:
    for one in definitions(settings):
        assert received(cloud, settings.app, one.name) == expected(one), one.name


def test_what_is_deployed_is_the_table(cloud: Cloud) -> None:
    settings = cloud.settings().modal
    held_against(cloud, settings)
    assert {name.removesuffix(".*") for name in cloud.standin.functions(APP)} == {
        one.name for one in definitions(settings)
    }
    jam = cloud.standin.definition(APP, "Jam").function
    assert (jam.http_config.port, jam.http_config.exit_grace_period) == (8000, 35)
    assert not jam.http_config.unauthenticated
    assert jam.autoscaler_settings.target_concurrency_float == 1.0
    assert not cloud.standin.unimplemented


def test_every_image_has_the_code_and_the_table_and_no_secret(cloud: Cloud) -> None:
    hub = cloud.standin.hub
    for tag in cloud.standin.functions(APP):
        function = cloud.standin.definition(APP, tag).function
        variables = image_variables(hub, function.image_id)
        assert ModalSettings.model_validate_json(variables["BACKLINE_MODAL"]).enabled
        assert ("HF_HOME" in variables) is (tag in ("Speech.*", "Jam"))
        files = {file.filename for one in function.mount_ids for file in hub.mounts[one]}
        assert {
            "/root/backline/deploy/modal_app.py",
            "/root/backline/studio/static/index.html",
            "/root/backline/py.typed",
        } <= files
        assert any(name.startswith("/root/backline/engines/video/fonts/") for name in files)
        assert not any("__pycache__" in name for name in files)


@pytest.mark.slow
def test_every_knob_of_the_table_arrives(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ModalSettings.model_validate({**RICH, "app": "rich"})
    cloud.standin.command("secret", "create", "weights", "HF_TOKEN=abc")
    cloud.deploy(
        BACKLINE_MODAL=settings.model_dump_json(), BACKLINE_MODAL__APP="rich", BACKLINE_MODAL__JAM__ENGINE="magenta-rt"
    )
    held_against(cloud, settings)


@pytest.mark.slow
def test_a_secret_without_its_keys_is_refused_at_the_deploy(cloud: Cloud) -> None:
    keys = {name: "something" for name in GATEWAY_KEYS if name != "R2_BUCKET_NAME"}
    cloud.standin.command("secret", "create", "poor", *(f"{name}={value}" for name, value in keys.items()))
    done = cloud.try_deploy(BACKLINE_MODAL__APP="poor", BACKLINE_MODAL__GATEWAY_SECRET="poor")
    assert done.returncode != 0
    assert "R2_BUCKET_NAME" in done.stdout + done.stderr
    assert cloud.standin.hub.app_named("poor") is None
