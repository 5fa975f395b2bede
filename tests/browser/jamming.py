"""What a musician does on the jam page, as methods; and what its own audio graph plays, sample by sample."""

from __future__ import annotations

import base64
import io
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from playwright.sync_api import Locator, Page, WebSocket, expect

from backline.media.audio import Samples
from tests.loops import loop

RECORD = """
// Everything that is played passes a recorder, the page's own. `recordings`: blocks of both channels, one list for each
// audio context. A silent constant is recorded along, or else a gap would not be seen: what is joined to nothing that
// sounds has no samples at all.
window.recordings = [];
const join = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) record(this);
  return join.call(this, target, ...rest);
};
async function record(node) {
  const { context } = node;
  const blocks = [];
  window.recordings.push(blocks);
  await context.audioWorklet.addModule("/studio/static/jam/recorder_worklet.js");
  const options = { numberOfOutputs: 0, channelCount: 2, channelCountMode: "explicit" };
  const recorder = new AudioWorkletNode(context, "recorder", options);
  recorder.port.onmessage = ({ data }) => blocks.push(data.channels);
  const silence = new ConstantSourceNode(context, { offset: 0 });
  silence.start();
  join.call(silence, recorder);
  join.call(node, recorder);
}
"""

_READ_RECORDING = """(which) => {
  const blocks = recordings.at(which);
  const length = blocks.reduce((frames, [left]) => frames + left.length, 0);
  const all = new Float32Array(2 * length);
  let at = 0;
  for (const [left, right] of blocks) {
    for (let i = 0; i < left.length; i++, at += 2) [all[at], all[at + 1]] = [left[i], right[i]];
  }
  const bytes = new Uint8Array(all.buffer);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
}"""

FAKE_MICROPHONE = """
// The newest file that is sent is kept: what Chromium tells of a request holds no files.
const append = FormData.prototype.append;
FormData.prototype.append = function (name, value) {
  if (value instanceof File) window.sentFile = value;
  return append.call(this, name, value);
};
// A sound card on which somebody plays a tone of 440 Hz, on the left only.
navigator.mediaDevices.getUserMedia = async (wishes) => {
  window.wishes = wishes;
  const context = new AudioContext();
  const tone = new OscillatorNode(context, { frequency: 440 });
  const merger = new ChannelMergerNode(context, { numberOfInputs: 2 });
  const out = new MediaStreamAudioDestinationNode(context, { channelCount: 2 });
  tone.connect(merger, 0, 0);
  merger.connect(out);
  tone.start();
  await context.resume();
  return out.stream;
};
"""

Pcm = npt.NDArray[np.int16]


def loop_file(path: Path, bpm: float = 120.0, beats_per_bar: int = 4, rate_hz: int = 48_000) -> Path:
    """Two bars of a band."""
    write_wav(path, loop("mix", bpm, beats_per_bar, 2, rate_hz), rate_hz)
    return path


def write_wav(path: Path, samples: Samples, rate_hz: int) -> None:
    soundfile.write(path, samples, rate_hz, subtype="PCM_16")


def pcm_of(wav: bytes) -> tuple[Pcm, int]:
    samples, rate_hz = soundfile.read(io.BytesIO(wav), dtype="int16")
    return samples, rate_hz


class Wire:
    """What goes over the page's sockets for music. chunks: by index, each with its metadata and its file."""

    def __init__(self, page: Page) -> None:
        self.sent: list[dict[str, Any]] = []
        self.told: list[dict[str, Any]] = []
        self.chunks: dict[int, tuple[dict[str, Any], bytes]] = {}
        self.opened = 0
        self._announced: dict[str, Any] = {}
        page.on("websocket", self._follow)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.sent if message["type"] == kind]

    def heard_of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == kind]

    def _follow(self, socket: WebSocket) -> None:
        if "/jam/ws" not in socket.url:
            return
        self.opened += 1
        socket.on("framesent", lambda text: self.sent.append(json.loads(text)))
        socket.on("framereceived", self._receive)

    def _receive(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            self.chunks[self._announced["index"]] = (self._announced["metadata"], frame)
            return
        message = json.loads(frame)
        self.told.append(message)
        if message["type"] == "chunk":
            self._announced = message


class JamPage:
    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = f"{address}/studio#jam"
        self.play_button = page.get_by_role("button", name="Play on", exact=True)
        self.stop_button = page.get_by_role("button", name="Stop", exact=True)
        self.end_button = page.get_by_role("button", name="End the session")
        self.resume_button = page.get_by_role("button", name="Take it up again")
        self.status = page.get_by_role("status")
        self.problem = page.locator("[data-problem]")
        self.warning = page.locator("[data-credit-warning]")
        self.bpm = page.get_by_label("Beats per minute")
        self.facts = page.locator("[data-loop-facts]")
        self.chips = page.locator(".chip")
        self.wire = Wire(page)
        page.add_init_script(RECORD)

    def open(self) -> None:
        self.page.goto(self.address)
        expect(self.page.locator("[data-balance]")).to_be_visible()

    def choose(self, path: Path) -> None:
        self.page.set_input_files("input[type=file][aria-label=Loop]", path)
        expect(self.page.locator(".loop-facts")).to_contain_text(path.name)

    def play(self, path: Path, bpm: float = 120.0) -> None:
        """Chooses a loop, and waits until it plays on."""
        self.choose(path)
        expect(self.facts).to_contain_text("kHz", timeout=20_000)  # the server has listened
        self.set_tempo(bpm)
        self.play_button.click()
        self.wait_for_bar(1)

    def set_tempo(self, bpm: float) -> None:
        self.bpm.fill(str(bpm))
        self.bpm.press("Tab")

    def wait_for_bar(self, bar: int) -> None:
        self.eventually(lambda: self.bar >= bar, f"bar {bar}", 60)

    def eventually(self, check: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
        """Waits inside the page, so that what its sockets carry is told meanwhile."""
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}. {self.problem.all_inner_texts()}"
            self.page.wait_for_timeout(50)

    def stop(self) -> None:
        self.stop_button.click()
        expect(self.status).to_contain_text("Stopped after", timeout=20_000)

    def end(self) -> None:
        self.end_button.click()
        expect(self.status).to_contain_text("The session is closed", timeout=20_000)

    @property
    def bar(self) -> int:
        """The one that is heard, from 1; 0 before there is one."""
        text = self.page.locator("[data-bar]").inner_text()
        return int(text) if text.isdigit() else 0

    def figure(self, name: str) -> Locator:
        return self.page.locator(f"[data-figure={name}]")

    def take(self) -> tuple[Pcm, int]:
        """Downloads it: samples and rate."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name="Download the take").click()
        return pcm_of(Path(waiting.value.path()).read_bytes())

    def recording(self, which: int = -1) -> Samples:
        """What went to the loudspeaker: float32 [frames, 2], from before the first sound on."""
        text = self.page.evaluate(_READ_RECORDING, which)
        return np.frombuffer(base64.b64decode(text), np.float32).reshape(-1, 2)

    def session_id(self) -> str:
        return str(self.wire.of("attach")[-1]["session_id"])
