"""Make docs/images/studio.png and its siblings: start the server, let the studio speak, play, make jobs, edit a film
and take files in Chromium, take pictures.

Run it from the repository: .venv/bin/python scripts/screenshot_studio.py
"""

from __future__ import annotations

import math
import re
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

import av
import numpy as np
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect, sync_playwright

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

SENTENCE = "The band is on the stage, the amplifiers are warm, and the doors open at half past seven. "
SHORT_TEXTS = 2
TEXTS = (
    ("Tour diary", SENTENCE * 40),
    ("गाँव की कहानी", "आज मंडी में प्याज़ ₹38 और टमाटर ₹52.50 किलो बिका। " * 60),
    ("First draft", SENTENCE * 4000),
    ("The whole book", SENTENCE * 4000),
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
        take_jam(browser, address)
        take_jobs(browser, address)
        take_exports(browser, address)
        take_files(browser, address)
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


def take_jam(browser: Browser, address: str) -> None:
    """Somebody plays on from the demo, with two styles."""
    page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme="light", device_scale_factor=1.5)
    page.goto(f"{address}/studio")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Test user").fill("ada")
    page.keyboard.press("Enter")
    page.goto(f"{address}/studio#jam")
    page.get_by_role("button", name="Take the demo").click()
    expect(page.locator("[data-loop-facts]")).to_contain_text("kHz", timeout=20_000)
    for style in ("dub techno", "warm"):
        page.get_by_role("button", name=style).click()
    page.get_by_label("Weight of warm").fill("0.6")
    page.get_by_role("button", name="Play on").click()
    expect(page.locator("[data-bar]")).to_have_text("8", timeout=60_000)
    shoot(page, "studio-jam")


def take_jobs(browser: Browser, address: str) -> None:
    """Two that are done, one that was cancelled, one that runs."""
    page = browser.new_page(viewport={"width": 1280, "height": 760}, color_scheme="light", device_scale_factor=1.5)
    page.goto(f"{address}/studio#jobs")
    page.get_by_text("Read a long text aloud").click()
    expect(page.locator("#order-voice option").first).to_be_attached()
    jobs = page.locator("[data-job]")
    for count, (title, text) in enumerate(TEXTS, 1):
        page.get_by_label("Title").fill(title)
        page.get_by_label("Text", exact=True).fill(text)
        page.get_by_role("button", name="Start the job").click()
        expect(jobs).to_have_count(count)
        if count <= SHORT_TEXTS:
            expect(jobs.first).to_contain_text("Done", timeout=60_000)
        elif count == SHORT_TEXTS + 1:
            expect(jobs.first).to_contain_text("sentence", timeout=20_000)
            jobs.first.get_by_role("button", name="Cancel").click()
            expect(jobs.first).to_contain_text("Cancelled", timeout=20_000)
    page.get_by_text("Read a long text aloud").click()
    page.reload()
    expect(jobs.first).to_contain_text(re.compile(r"[2-9]\d %"), timeout=90_000)
    shoot(page, "studio-jobs")


def take_exports(browser: Browser, address: str) -> None:
    """A match of which a window is cut that follows the ball; one export is done, one runs."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000}, color_scheme="light", device_scale_factor=1.5)
    page.goto(f"{address}/studio#exports")
    with tempfile.TemporaryDirectory() as folder:
        page.set_input_files("#app input[type=file]", make_match(Path(folder) / "Cup final.mp4"))
        expect(page.get_by_role("application", name="Crop frame")).to_be_visible(timeout=20_000)
    playhead = page.get_by_role("slider", name="Position in the film")
    for second in range(MATCH_SECONDS):
        left = max(0.0, min(ball_at(second)[0] - 202.5, 1280 - 405.0))
        page.get_by_label("From the left").fill(f"{left:.0f}")
        page.keyboard.press("Tab")
        playhead.press("PageUp")
    for count in (1, 2):
        page.get_by_role("button", name="Export", exact=True).click()
        exports = page.locator("[data-export]")
        expect(exports).to_have_count(count)
        expect(exports.first).to_contain_text(("Done", re.compile(r"[3-9]\d %"))[count - 1], timeout=90_000)
        playhead.press("PageDown")
    page.evaluate("scrollTo(0, 0)")
    shoot(page, "studio-exports", full_page=True)


MATCH_SECONDS = 6


def ball_at(seconds: float) -> tuple[float, float]:
    return 640 + 420 * math.sin(0.8 * seconds), 380 + 120 * math.sin(1.9 * seconds)


def make_match(path: Path) -> Path:
    """Two teams of discs on a meadow, running after a ball."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", 30, options={"crf": "20"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        for number in range(30 * MATCH_SECONDS):
            picture = np.asarray(_match_at(number / 30))
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        film.mux(stream.encode(None))
    return path


def _match_at(seconds: float) -> Image.Image:
    picture = Image.new("RGB", (1280, 720), "#2f7d3b")
    draw = ImageDraw.Draw(picture)
    for stripe in range(0, 1280, 160):
        draw.rectangle((stripe, 0, stripe + 79, 719), "#378a44")
    draw.rectangle((40, 40, 1239, 679), outline="#dfeee0", width=4)
    draw.line((640, 40, 640, 679), "#dfeee0", 4)
    draw.ellipse((550, 270, 730, 450), outline="#dfeee0", width=4)
    x, y = ball_at(seconds)
    for player in range(10):
        angle, apart = player * 2.4 + 0.3 * seconds, 70 + 45 * player
        across = min(max(x + apart * math.cos(angle), 60), 1220)
        down = min(max(y + 0.6 * apart * math.sin(angle), 60), 660)
        colour = "#f2c230" if player % 2 else "#2b4fd8"
        draw.ellipse((across - 17, down - 17, across + 17, down + 17), colour, "#10240f", 3)
    draw.ellipse((x - 9, y - 9, x + 9, y + 9), "#ffffff", "#10240f", 2)
    return picture


def take_files(browser: Browser, address: str) -> None:
    """What the jobs have made, and two uploads on a slow line; one of them is paused."""
    page = browser.new_page(viewport={"width": 1280, "height": 760}, color_scheme="dark", device_scale_factor=1.5)
    page.goto(f"{address}/studio#files")
    expect(page.locator("[data-file]").first).to_be_visible()
    line = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 2_000_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", line)
    chooser = page.locator("#app input[type=file]")
    for name, size in (("rehearsal, 14 November.wav", 24_000_000), ("stage plan.pdf", 9_000_000)):
        chooser.set_input_files({"name": name, "mimeType": "application/octet-stream", "buffer": bytes(size)})
    expect(page.get_by_text("left")).to_have_count(2, timeout=20_000)
    page.get_by_role("button", name="Pause").last.click()
    page.wait_for_timeout(2500)
    shoot(page, "studio-files")


def shoot(page: Page, name: str, full_page: bool = False) -> None:
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=IMAGES / f"{name}.png", full_page=full_page)
    print(IMAGES / f"{name}.png")
    page.close()


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
