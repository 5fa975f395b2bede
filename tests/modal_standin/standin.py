"""Modal's API on a loopback address, with made-up tokens and real containers, for as long as a test runs.

    with StandIn() as modal:
        modal.deploy(Path("app.py"))
        function = Function.from_name("app", "double", client=modal.client)

It runs in a thread of its own, so that tests may be written with the blocking SDK or with the asynchronous one.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from grpclib import Status
from grpclib.server import Server
from modal.client import Client

from tests.modal_standin.account import AccountSide
from tests.modal_standin.blobs import Blobs
from tests.modal_standin.calls import CallSide
from tests.modal_standin.containers import ContainerSide
from tests.modal_standin.deploy import DeploySide
from tests.modal_standin.hub import Hub, Options, Volume
from tests.modal_standin.listen import free_port
from tests.modal_standin.logs import LogSide
from tests.modal_standin.processes import Processes
from tests.modal_standin.records import App, Call, Container, Definition, FunctionRecord
from tests.modal_standin.scheduler import Scheduler
from tests.modal_standin.service import Service
from tests.modal_standin.stores import StoreSide
from tests.modal_standin.web import Web

TOKENS = ("ak-standin", "as-standin")
DEPLOY_SECONDS = 60.0
ANSWER_SECONDS = 30.0
T = TypeVar("T")


class StandIn:
    """Open it as a context manager; when it is left no container, port or folder of it remains.

    url: what MODAL_SERVER_URL must be. client: the SDK's, for `from_name(..., client=)`, closed with the stand-in.
    folder: its volumes, code and logs. mounts: a volume that an app mounts below it is really there.
    """

    def __init__(self, options: Options | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="standin-", ignore_cleanup_errors=True)
        self.folder = Path(self._temporary.name)
        self.mounts = self.folder / "mounts"
        self.hub = Hub(self.folder, options or Options())
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="modal-standin", daemon=True)
        self._problem: BaseException | None = None
        self.client: Client

    def __enter__(self) -> StandIn:
        self._thread.start()
        self._started.wait()
        if self._problem is not None:
            raise self._problem
        self.client = self._open_client()
        return self

    def _open_client(self) -> Client:
        before = os.environ.get("MODAL_SERVER_URL")
        os.environ["MODAL_SERVER_URL"] = self.url  # the SDK has no other way to say it
        try:
            return Client.from_credentials(*TOKENS)
        finally:
            os.environ.pop("MODAL_SERVER_URL")
            if before is not None:
                os.environ["MODAL_SERVER_URL"] = before

    def __exit__(self, *_: object) -> None:
        self.client.close()
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._temporary.cleanup()
        if self._problem is not None:
            raise self._problem

    def _serve(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        except BaseException as problem:  # noqa: BLE001 - raised in the thread that waits for it
            self._problem = problem
        finally:
            self._loop.close()
            self._started.set()

    async def _main(self) -> None:
        hub = self.hub
        blobs = Blobs(self.folder / "blobs")
        processes = Processes(hub, blobs, lambda container: Server([Service(hub, sides, container, None)]))
        self._scheduler = scheduler = Scheduler(hub, processes)
        processes.ended = scheduler.lost
        self._processes = processes
        calls = CallSide(hub, scheduler)
        web = Web(hub, calls, scheduler.balance)
        deploys, containers = DeploySide(hub, scheduler, web), ContainerSide(hub, scheduler)
        sides = [deploys, StoreSide(hub, blobs), calls, containers, LogSide(hub), AccountSide(hub, TOKENS[0])]
        server = Server([Service(hub, sides, None, TOKENS)])
        port = free_port()
        blobs.open()
        await server.start("127.0.0.1", port)
        self.url = f"http://127.0.0.1:{port}"
        clock = asyncio.create_task(scheduler.run())
        stop = asyncio.create_task(self._stop.wait())
        self._started.set()
        try:
            await asyncio.wait({clock, stop}, return_when=asyncio.FIRST_COMPLETED)
            if clock.done():
                clock.result()
        finally:
            clock.cancel()
            await processes.close()
            await web.close()
            server.close()
            await server.wait_closed()
            await blobs.close()
            await _end_tasks()

    def _in_loop(self, work: Callable[[], T]) -> T:
        async def run() -> T:
            return work()

        return self.wait_for(run())

    def wait_for(self, work: Awaitable[T]) -> T:
        """Run something in the stand-in's loop, for which the calling thread waits."""

        async def run() -> T:
            return await work

        assert threading.current_thread() is not self._thread, "a condition must not wait for another one"
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(ANSWER_SECONDS)

    # How a test reaches it

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which the SDK and the command line speak to this stand-in."""
        return {
            "MODAL_SERVER_URL": self.url,
            "MODAL_TOKEN_ID": TOKENS[0],
            "MODAL_TOKEN_SECRET": TOKENS[1],
            "MODAL_ENVIRONMENT": "main",
            "MODAL_CONFIG_PATH": str(self.folder / "no-config.toml"),
        }

    def command(self, *arguments: str, cwd: Path | None = None, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the `modal` command line in a process of its own."""
        environment = {**os.environ, **self.environment, **variables}
        return subprocess.run(
            [sys.executable, "-m", "modal", *arguments],
            capture_output=True,
            text=True,
            env=environment,
            cwd=cwd,
            timeout=DEPLOY_SECONDS,
            check=False,
        )

    def deploy(self, path: Path, **variables: str) -> App:
        """`modal deploy` of a file, with further environment variables; the app as it now is."""
        done = self.command("deploy", path.name, cwd=path.parent, **variables)
        if done.returncode:
            raise AssertionError(f"modal deploy failed:\n{done.stdout}\n{done.stderr}")
        return max(self.hub.apps.values(), key=lambda app: app.deployed_at)

    # What it received

    @property
    def unimplemented(self) -> Counter[str]:
        """The methods that something asked for and that are not here."""
        return self.hub.unimplemented

    def functions(self, app_name: str) -> dict[str, FunctionRecord]:
        """The functions of the present version by tag; a class's has the tag `Name.*`. See `definitions.effective`."""
        app = self.hub.require_app(app_name)
        return {tag: self.hub.functions[function_id] for tag, function_id in app.layout.functions.items()}

    def definition(self, app_name: str, tag: str, version: int = 0) -> Definition:
        """What a deploy sent about one function."""
        app = self.hub.require_app(app_name)
        layout = app.versions[version] if version else app.layout
        return layout.definitions[layout.functions[tag]]

    def secret_names(self, definition: Definition) -> list[str]:
        return [self.hub.secrets[one].name for one in definition.function.secret_ids]

    def volume_names(self, definition: Definition) -> dict[str, str]:
        """Volumes by mount path."""
        mounts = definition.function.volume_mounts
        return {one.mount_path: self.hub.volumes[one.volume_id].name for one in mounts}

    def volume(self, name: str) -> Volume:
        return next(one for one in self.hub.volumes.values() if one.name == name)

    def call(self, call_id: str) -> Call:
        return self.hub.calls[call_id]

    def containers(self, tag: str = "", alive: bool = True) -> list[Container]:
        """Containers in the order of their start; tag: only of this function, whatever is bound to it."""
        found = list(self.hub.containers.values())
        return [one for one in found if one.alive >= alive and tag in ("", one.function.tag)]

    def running(self, call_id: str) -> Container:
        """The container that runs a call now; waits for it."""
        one = self.call(call_id).inputs[0]
        self.wait_until(lambda: one.container is not None and one.container.ready_at > 0)
        assert one.container is not None
        return one.container

    def wait_until(self, ready: Callable[[], bool], seconds: float = ANSWER_SECONDS) -> None:
        """Wait for something in its state, looked at in its own loop; AssertionError when it does not come."""
        assert self.wait_for(self.hub.wait_until(ready, seconds - 1)), "what was waited for did not come"

    # What can go wrong

    def kill(self, container: Container) -> None:
        """End a container at once, as a preemption does; returns when it is gone and its inputs wait again."""
        self._in_loop(lambda: self._processes.kill(container))
        self.wait_until(lambda: not container.alive)

    def drain(self, container: Container) -> None:
        """Let a container finish what it has and give it nothing more."""
        self._in_loop(lambda: self._scheduler.drain(container))

    def expire(self, call_id: str) -> None:
        """Forget a call's results, as the platform does after a week."""
        self.call(call_id).expired = True
        self._in_loop(self.hub.notify)

    @contextmanager
    def failing(self, method: str, status: Status, message: str = "") -> Iterator[None]:
        """Answer one method of the API with an error, to callers from outside; "*": all of them."""
        self.hub.faults[method] = (status, message or f"The stand-in was told to fail {method}")
        try:
            yield
        finally:
            del self.hub.faults[method]

    @contextmanager
    def unreachable(self) -> Iterator[None]:
        """Answer nothing from outside, neither calls nor web requests; containers work on."""
        with self.failing("*", Status.UNAVAILABLE, "unreachable"):
            yield


async def _end_tasks() -> None:
    """What listens for a caller that is still there."""
    rest = asyncio.all_tasks() - {asyncio.current_task()}
    for task in rest:
        task.cancel()
    if rest:
        await asyncio.wait(rest, timeout=5)
