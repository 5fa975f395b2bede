"""What a client of `POST /v1/tts/generate` hears, and what it should have heard."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from backline.engines.speech.base import SpeechBlock, SpeechParams
from backline.engines.speech.tone import ToneEngine
from backline.media.audio import Samples
from backline.media.encode.formats import FORMATS
from backline.media.resample import Resampler
from backline.media.splice import splice
from tests.conftest import Running
from tests.media.signals import ADTS_DELAY_FRAMES, heard, lag_frames, snr_db

GENERATE = "/v1/tts/generate"
TONE_HZ = 24_000
OVERLAP_FRAMES = 1_200  # 50 ms
SENTENCES = ("One small sentence.", "Then there is another?", "And that was the last!")
TEXT = " ".join(SENTENCES)
EVERY_FORMAT = list(FORMATS)

LEAST_SNR_DB = {"opus": 9, "webm": 9, "mp3": 12, "aac": 12, "mp4": 12, "mulaw": 25}
SURPLUS_FRAMES = {"mp3": 1152 + 576, "aac": 2 * 1024, "mp4": 1024}
"""Silence after the end that a container, or a streamed one, cannot mark: less than these frames."""


class Never:
    """A `Cancel` that nobody raises."""

    def is_set(self) -> bool:
        return False


def speak(client: httpx.Client, **body: Any) -> httpx.Response:
    return client.post(GENERATE, json={"text": TEXT, "voice": "tone-low", "normalize": False, **body})


def tone_units(
    sentences: Sequence[str] = SENTENCES, voice: str = "tone-low", speed: float = 1.0, emotion: str | None = None
) -> list[Samples]:
    """The engine's own samples, unit by unit, of one request."""
    engine = ToneEngine()
    state = engine.open(voice)
    params = SpeechParams("en", speed, emotion)
    return [_joined_blocks(engine.synthesize(text, state, params, Never())) for text in sentences]


def spliced(units: Sequence[Samples]) -> Samples:
    whole = units[0]
    for unit in units[1:]:
        whole = splice(whole, unit, min(OVERLAP_FRAMES, len(whole), len(unit)))
    return whole


def at_rate(samples: Samples, from_hz: int, to_hz: int) -> Samples:
    change = Resampler(from_hz, to_hz)
    return np.concatenate([change.push(samples), change.finish()])


def decoded(response: httpx.Response, name: str) -> tuple[Samples, int]:
    """Samples and their rate, by the decoder alone; for headerless sound by what the answer says."""
    return heard(response.content, FORMATS[name], int(response.headers["x-sample-rate"]))


def assert_same_sound(copy: Samples, original: Samples, name: str) -> None:
    """As exact as the format can be; in its place; nothing lost and at most a codec frame of silence more."""
    surplus = len(copy) - len(original)
    delay = ADTS_DELAY_FRAMES if name == "aac" else 0
    if name in LEAST_SNR_DB:
        assert 0 <= surplus < SURPLUS_FRAMES.get(name, 1), surplus
        assert abs(lag_frames(copy, original) - delay) <= 1
        assert snr_db(copy[delay:], original) > LEAST_SNR_DB[name]
    else:
        assert surplus == 0
        assert np.abs(copy - original).max() <= 1.01 / 32768  # rounded to 16 bit, perhaps twice


def pitch_hz(samples: Samples, rate_hz: int) -> float:
    """The strongest frequency, to a few Hz."""
    size = 1 << 16
    spectrum = np.abs(np.fft.rfft(samples[:, 0] * np.hanning(len(samples)), size))
    return float(spectrum.argmax() * rate_hz / size)


def eventually(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for what another thread does; fails loudly when it never does."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.005)


def record_of(server: Running, request_id: str) -> dict[str, Any]:
    """What the server tells of a request."""
    with server.client() as client:
        answer = client.get(f"/v1/tts/requests/{request_id}")
        assert answer.status_code == 200
        record: dict[str, Any] = answer.json()
        return record


class Wire:
    """One HTTP request by hand, to see the answer as it is cut on the way, and to leave whenever one likes."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb")

    def post(self, body: dict[str, Any], request_id: str = "") -> None:
        data = json.dumps(body).encode()
        head = f"POST {GENERATE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        head += f"X-Request-ID: {request_id}\r\n" if request_id else ""
        self.send(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def send(self, data: bytes) -> None:
        self._connection.sendall(data)

    def status(self) -> int:
        """Of the answer, once it has begun; the header lines are read away."""
        status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass
        return status

    def chunks(self) -> Iterator[bytes]:
        """As the server sent them; a connection that ends too early raises ConnectionError."""
        while True:
            line = self._file.readline()
            if not line:
                raise ConnectionError("the answer was cut")
            length = int(line, 16)
            chunk = self._file.read(length + 2)[:length]
            if not length:
                return
            yield chunk

    def leave(self) -> None:
        with suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # another thread may be reading
        self._file.close()
        self._connection.close()


@contextmanager
def wire(server: Running) -> Iterator[Wire]:
    parts = urlsplit(server.address)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=30)
    it = Wire(connection)
    try:
        yield it
    finally:
        it.leave()


def _joined_blocks(blocks: Iterator[SpeechBlock]) -> Samples:
    return np.concatenate([block.samples for block in blocks])
