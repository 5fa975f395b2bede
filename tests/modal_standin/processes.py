"""Real containers: the SDK's own container program in a process of its own, with a socket that only it has."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from grpclib.server import Server
from modal_proto import api_pb2

from tests.modal_standin.blobs import Blobs
from tests.modal_standin.containers import restore_path
from tests.modal_standin.definitions import app_layout, effective
from tests.modal_standin.hub import Hub
from tests.modal_standin.listen import free_port
from tests.modal_standin.records import Container

_INHERITED = ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR", "VIRTUAL_ENV")
STOP_SECONDS = 5.0


class Processes:
    """Starts and ends container processes. serve: makes the service for one container's socket."""

    def __init__(self, hub: Hub, blobs: Blobs, serve: Callable[[Container], Server]) -> None:
        self._hub, self._blobs, self._serve = hub, blobs, serve
        self._watching: set[asyncio.Task[None]] = set()
        self._closed = False
        self.ended: Callable[[Container], None] = lambda _: None

    def start(self, container: Container) -> None:
        if self._closed:
            container.exit_status = -1
            return
        watching = asyncio.create_task(self._run(container))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    def kill(self, container: Container) -> None:
        """At once and with everything that it started, as a preemption does it."""
        container.killed = True
        _end_group(container.process_id)

    def stop_server(self, container: Container) -> None:
        """Ask a server, which fetches no inputs, to end."""
        if container.process_id:
            os.kill(container.process_id, signal.SIGTERM)

    async def close(self) -> None:
        self._closed = True
        for container in self._hub.containers.values():
            if container.alive:
                self.kill(container)
        if self._watching:
            await asyncio.wait(self._watching, timeout=STOP_SECONDS)

    async def _run(self, container: Container) -> None:
        container.folder.mkdir()
        server = self._serve(container)
        await server.start(path=str(container.folder / "s"))
        try:
            if not container.killed:
                container.exit_status = await self._process(container)
        except Exception as problem:  # noqa: BLE001 - whoever waits for the container is told
            failed = api_pb2.GenericResult.GENERIC_STATUS_INTERNAL_FAILURE
            container.failure = api_pb2.GenericResult(status=failed, exception=f"Did not start: {problem!r}")
        finally:
            container.exit_status = -1 if container.exit_status is None else container.exit_status
            server.close()
            await server.wait_closed()
            self.ended(container)

    async def _process(self, container: Container) -> int:
        code = self._place_code(container)
        (container.folder / "arguments").write_bytes(self._arguments(container).SerializeToString())
        with container.log_path.open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *_dies_with_parent(),
                *(sys.executable, "-m", "modal._container_entrypoint"),
                cwd=code,
                env=self._environment(container, code),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        container.process_id = process.pid
        if container.killed:
            _end_group(process.pid)
        status = await process.wait()
        _end_group(process.pid)  # what it started and left behind
        return status

    def _arguments(self, container: Container) -> api_pb2.ContainerArguments:
        record, function = container.function, effective(container.function)
        function.is_checkpointing_function = function.checkpointing_enabled
        layout = self._hub.layout_of(record)
        return api_pb2.ContainerArguments(
            task_id=container.task_id,
            function_id=record.function_id,
            app_id=record.app.app_id,
            function_def=function,
            serialized_params=record.parameters,
            environment_name="main",
            checkpoint_id=f"ch-{container.task_id}" if function.checkpointing_enabled else None,
            app_layout=app_layout(self._hub, layout),
        )

    def _place_code(self, container: Container) -> Path:
        """The deployed files, where the version's own containers find them; made once for each set of mounts."""
        mounts = list(container.definition.function.mount_ids)
        name = hashlib.sha256(" ".join(mounts).encode()).hexdigest()[:16]
        folder = self._hub.folder / "code" / name
        if not folder.exists():
            (folder / "root").mkdir(parents=True)
            for mount_id in mounts:
                for file in self._hub.mounts[mount_id]:
                    self._blobs.place(file, folder)
        return folder / "root"

    def _environment(self, container: Container, code: Path) -> dict[str, str]:
        function = effective(container.function)
        values = {key: value for key, value in os.environ.items() if key in _INHERITED or key.startswith("COVERAGE")}
        values |= self._hub.options.environment
        values |= image_variables(self._hub, function.image_id)
        for secret_id in function.secret_ids:
            values |= self._hub.secrets[secret_id].values
        container.port = free_port() if function.is_server else 0
        volumes = {one.mount_path: str(self._link(one)) for one in function.volume_mounts}
        return values | {
            "HOME": str(container.folder),
            "PYTHONPATH": str(code),
            "PYTHONUNBUFFERED": "1",
            "MODAL_SERVER_URL": f"unix://{container.folder / 's'}",
            "MODAL_TASK_ID": container.task_id,
            "MODAL_IS_REMOTE": "1",
            "MODAL_ENVIRONMENT": "main",
            "MODAL_IMAGE_ID": function.image_id,
            "MODAL_CLOUD_PROVIDER": "standin",
            "MODAL_REGION": "loopback",
            "MODAL_CONTAINER_ARGUMENTS_PATH": str(container.folder / "arguments"),
            "MODAL_ENABLE_SNAP_RESTORE": "1" if function.checkpointing_enabled else "0",
            "MODAL_RESTORE_STATE_PATH": str(restore_path(container)),
            **({"PORT": str(container.port)} if container.port else {}),
            "STANDIN_VOLUMES": json.dumps(volumes),
        }

    def _link(self, mount: api_pb2.VolumeMount) -> Path:
        """The volume's folder; a mount path in the stand-in's own `mounts` folder becomes a link to it."""
        folder = self._hub.volumes[mount.volume_id].folder / (mount.sub_path or "")
        path = Path(mount.mount_path)
        if path.is_relative_to(self._hub.folder / "mounts") and not path.is_symlink():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(folder)
        return folder


def image_variables(hub: Hub, image_id: str) -> dict[str, str]:
    """What an image's layers, its bases first, set with ENV."""
    if image_id not in hub.images:
        return {}
    image = hub.images[image_id]
    found: dict[str, str] = {}
    for base in image.base_images:
        found |= image_variables(hub, base.image_id)
    for line in image.dockerfile_commands:
        words = shlex.split(line) if line.startswith("ENV ") else []
        found |= dict(word.split("=", 1) for word in words[1:] if "=" in word)
    return found


def _dies_with_parent() -> list[str]:
    """A command that lets the kernel end a container whose test was killed; without it only an orderly end does."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []


def _end_group(process_id: int) -> None:
    if process_id:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process_id, signal.SIGKILL)
