"""A real server process and a real Chromium."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.studio import LISTEN, SpeechPage
from tests.conftest import RunServer

_FLAGS = [
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--no-first-run",
]
_START_SECONDS = 60


def chromium_path() -> str:
    """Skips the test where there is no Chromium; in CI that is a failure."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    reason = "Chromium is missing. Install it with: apt-get install chromium"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Of a server started the way a user starts it."""
    port = free_port()
    with serving(tmp_path_factory.mktemp("studio"), port):
        yield f"http://127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def serving(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A server process that keeps its data in the folder; it may be killed meanwhile."""
    command = [str(Path(sys.executable).with_name("backline")), "serve", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--data", str(folder / "data")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BACKLINE_")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
        try:
            _wait_until_ready(process, f"http://127.0.0.1:{port}", folder / "log")
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(40)


def _wait_until_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health/ready").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One for the module only: while Playwright runs, no test of this thread may start an event loop of its own."""
    path = chromium_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        yield browser
        browser.close()


_LEFT_WHILE_CONNECTING = "WebSocket is closed before the connection is established."
"""What Chromium says of a page that is left, or reloaded, in the moment in which it opens a socket."""


class Complaints(list[str]):
    """Errors and warnings of the page's console. expected: words of those that a test causes on purpose, whenever they
    come."""

    expected: tuple[str, ...] = (_LEFT_WHILE_CONNECTING,)

    def others(self) -> list[str]:
        return [text for text in self if not any(word in text for word in self.expected)]


@pytest.fixture
def complaints() -> Complaints:
    return Complaints()


@pytest.fixture
def page(chromium: Browser, complaints: Complaints) -> Iterator[Page]:
    """A page whose sound is listened to. The test fails when its console shows an error or a warning."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860}, accept_downloads=True)
    page = context.new_page()
    page.add_init_script(LISTEN)
    page.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    assert complaints.others() == []


@pytest.fixture
def leaving(page: Page, run_server: RunServer) -> Iterator[None]:
    """The page leaves before its server goes, and so has nothing to complain about."""
    yield
    page.goto("about:blank")


@pytest.fixture
def studio(page: Page, address: str) -> SpeechPage:
    return SpeechPage(page, address)
