"""What a person does on the speech page, as methods."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

LISTEN = """
// Everything that is played passes an analyser; `loudest` is the highest sample since it was last set to 0.
window.loudest = 0;
const analysers = [];
const connect = AudioNode.prototype.connect;
function tap(node) {
  const analyser = new AnalyserNode(node.context, { fftSize: 4096 });
  connect.call(node, analyser);
  analysers.push(analyser);
}
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) tap(this);
  return connect.call(this, target, ...rest);
};
const play = HTMLMediaElement.prototype.play;
HTMLMediaElement.prototype.play = function () {
  if (!this.tapped) {
    this.tapped = new AudioContext();
    this.tapped.createMediaElementSource(this).connect(this.tapped.destination);
  }
  return play.call(this);
};
setInterval(() => {
  for (const analyser of analysers) {
    if (analyser.context.state !== "running") continue; // it would tell of old sound
    const samples = new Float32Array(analyser.fftSize);
    analyser.getFloatTimeDomainData(samples);
    for (const sample of samples) window.loudest = Math.max(window.loudest, Math.abs(sample));
  }
}, 20);
"""

SMALL_BROWSER_MEMORY = """
// A browser that keeps about six seconds of sound.
const append = SourceBuffer.prototype.appendBuffer;
SourceBuffer.prototype.appendBuffer = function (bytes) {
  const { buffered } = this;
  const held = buffered.length && buffered.end(buffered.length - 1) - buffered.start(0);
  if (held > 6) throw new DOMException("full", "QuotaExceededError");
  return append.call(this, bytes.subarray(0));
};
"""


def eventually(check: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Polled from outside, because the page's own policy forbids what Playwright would run inside."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


class SpeechPage:
    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = f"{address}/studio"
        self.text = page.get_by_role("textbox", name="Text")
        self.speak_button = page.get_by_role("button", name="Speak", exact=True)
        self.stop_button = page.get_by_role("button", name="Stop")
        self.download_button = page.get_by_role("button", name="Download")
        self.format = page.get_by_role("combobox", name="File format")
        self.status = page.get_by_role("status")
        self.problem = page.get_by_role("alert")
        self.waveform = page.get_by_role("slider", name="Position in the sound")
        self.words = page.locator(".word")
        self.lit = page.locator(".word.lit")

    def open(self, player: str | None = None) -> None:
        self.page.goto(self.address + (f"?player={player}" if player else ""))
        expect(self.page.locator("#voice option").first).to_be_attached()

    def speak(self, text: str) -> None:
        """Types a text, clicks, and waits for the first sound."""
        self.text.fill(text)
        self.speak_button.click()
        self.wait_for_sound()

    def wait_for_sound(self) -> None:
        expect(self.figure("first-sound")).to_have_text(re.compile(r"\d"), timeout=20_000)

    def wait_until_made(self) -> None:
        expect(self.figure("made-in")).to_have_text(re.compile(r"\d"), timeout=60_000)

    def wait_until_finished(self) -> None:
        expect(self.status).to_contain_text("Finished", timeout=60_000)

    def figure(self, name: str) -> Locator:
        return self.page.locator(f"[data-figure={name}]")

    @property
    def position_seconds(self) -> float:
        return self._clock(0)

    @property
    def made_seconds(self) -> float:
        return self._clock(1)

    def _clock(self, index: int) -> float:
        minutes, seconds = self.page.locator(".clock").inner_text().split("/")[index].split(":")
        return int(minutes) * 60 + float(seconds)

    @property
    def loudest(self) -> float:
        """Highest sample heard since this was asked before."""
        heard: float = self.page.evaluate("() => { const heard = loudest; loudest = 0; return heard; }")
        return heard

    def click_waveform(self, share: float) -> None:
        box = self.waveform.bounding_box()
        assert box
        self.page.mouse.click(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)

    def download(self, folder: Path) -> Path:
        with self.page.expect_download() as waiting:
            self.download_button.click()
        path = folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def tall_columns(self) -> int:
        """Columns of the waveform in which more than a tenth of the height is painted."""
        count: int = self.page.evaluate(
            """() => {
              const canvas = document.querySelector(".waveform canvas");
              const { width, height } = canvas;
              const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
              copy.drawImage(canvas, 0, 0);
              const { data } = copy.getImageData(0, 0, width, height);
              let tall = 0;
              for (let x = 0; x < width; x++) {
                let painted = 0;
                for (let y = 0; y < height; y++) painted += data[4 * (y * width + x) + 3] > 0;
                tall += painted > height / 10;
              }
              return tall;
            }"""
        )
        return count
