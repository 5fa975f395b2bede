"""Make docs/images/studio.png and its siblings: start the server, let the studio speak in Chromium, take pictures.

Run it from the repository: .venv/bin/python scripts/screenshot_studio.py
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, expect, sync_playwright

IMAGES = Path(__file__).parent.parent / "docs" / "images"
START_SECONDS = 60


@dataclass(frozen=True)
class Picture:
    """title: of the example that is spoken; seconds: of sound heard before the shutter."""

    name: str
    scheme: Literal["light", "dark"]
    title: str
    width: int
    height: int
    scale: float
    seconds: float = 2.5


PICTURES = (
    Picture("studio", "light", "बाज़ार भाव", 1280, 720, 1.5),
    Picture("studio-dark", "dark", "విద్యుత్ బిల్లు", 1280, 720, 1.5),
    Picture("studio-phone", "light", "విద్యుత్ బిల్లు", 360, 740, 2),
)


def main() -> None:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.exit("Chromium is missing. Install it with: apt-get install chromium fonts-noto-core")
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_server() as address, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        for picture in PICTURES:
            take(browser, address, picture)
            print(IMAGES / f"{picture.name}.png")
        browser.close()


def take(browser: Browser, address: str, picture: Picture) -> None:
    context = browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.scheme,
        device_scale_factor=picture.scale,
    )
    page = context.new_page()
    page.goto(f"{address}/studio")
    expect(page.locator("#voice option").first).to_be_attached()
    speak = page.get_by_role("button", name="Speak", exact=True)
    for attempt in range(2):  # the first one warms up the server and the browser
        page.get_by_role("button", name=picture.title).click()
        speak.click()
        expect(page.get_by_role("status")).to_have_text("Speaking.", timeout=20_000)
        page.wait_for_timeout(picture.seconds * 1000 * attempt)
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=IMAGES / f"{picture.name}.png")
    context.close()


@contextmanager
def running_server() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    backline = Path(sys.executable).with_name("backline")
    with tempfile.TemporaryDirectory() as data:
        server = subprocess.Popen([backline, "serve", "--port", str(port), "--data", data], stderr=subprocess.DEVNULL)
        try:
            wait_until_ready(server, address)
            yield address
        finally:
            server.terminate()
            server.wait(40)


def wait_until_ready(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urlopen(f"{address}/health/ready"):
                return
        except URLError:
            time.sleep(0.1)
    sys.exit("The server did not start; try: backline serve")


if __name__ == "__main__":
    main()
