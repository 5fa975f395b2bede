"""How much sound each encoder keeps back, and what it costs, beside FFmpeg's muxers with their default settings.

Sound is fed in blocks of 20 ms. `first`: milliseconds fed when the first encoded sound came out. `held`: milliseconds
fed that a decoder of all bytes so far cannot give yet, on average once running; the codec's own delay is part of it.
`cpu`: milliseconds of processor time per second of sound. `x`: the reference divided by ours.
"""

from __future__ import annotations

import io
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from statistics import mean

import av
import numpy as np

from backline.errors import Invalid
from backline.media.audio import Samples, to_pcm16
from backline.media.decode import decode, decode_raw
from backline.media.encode.base import Encoder
from backline.media.encode.formats import FORMATS, open_encoder

SECONDS = 3
BLOCK_MS = 20
STOCK = {
    "wav": ("wav", "pcm_s16le"),
    "pcm": ("s16le", "pcm_s16le"),
    "opus": ("ogg", "libopus"),
    "webm": ("webm", "libopus"),
    "mp3": ("mp3", "libmp3lame"),
    "aac": ("adts", "aac"),
    "mp4": ("mp4", "aac"),
    "flac": ("flac", "flac"),
    "mulaw": ("mulaw", "pcm_mulaw"),
}
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov"}
"""A plain MP4 needs a file that can be rewound; this is the least that streams at all."""


class _Outbox:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> int:
        self.written += bytes(data)
        return len(data)


class StockEncoder:
    """PyAV's muxer as its documentation shows it."""

    def __init__(self, name: str, rate_hz: int) -> None:
        container, codec = STOCK[name]
        self._outbox = _Outbox()
        options = FRAGMENTED if name == "mp4" else {}
        self._container = av.open(self._outbox, "w", format=container, options=options)
        stream = self._container.add_stream(codec, rate=rate_hz, layout="mono")
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        self._rate_hz = rate_hz
        self._fed_frames = 0

    def encode(self, samples: Samples) -> bytes:
        frame = av.AudioFrame.from_ndarray(to_pcm16(samples).T.copy(), format="s16", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.pts = self._fed_frames
        frame.time_base = Fraction(1, self._rate_hz)
        self._fed_frames += len(samples)
        self._container.mux(self._stream.encode(frame))
        return self._take()

    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._take()

    def head(self) -> bytes:
        return b""

    def _take(self) -> bytes:
        taken, self._outbox.written = self._outbox.written, b""
        return taken


@dataclass(frozen=True)
class Figures:
    first_ms: float
    held_ms: float
    cpu_ms: float


def measure(name: str, rate_hz: int, open_one: Callable[[], Encoder]) -> Figures:
    blocks = list(_blocks(rate_hz))
    encoder = open_one()
    begin = time.process_time()
    pieces = [encoder.encode(block) for block in blocks]
    tail = encoder.finish()
    cpu_ms = (time.process_time() - begin) * 1000 / SECONDS
    first_ms = float("inf")
    held_ms = []
    sent, heard_s = b"", 0.0
    for number, piece in enumerate([*pieces, tail], 1):
        sent += piece
        if piece:
            heard_s = _heard_seconds(name, rate_hz, sent)
        if number > len(pieces):
            break
        fed_ms = number * BLOCK_MS
        if len(sent) and first_ms == float("inf") and (heard_s > 0 or _has_packet(name, sent)):
            first_ms = fed_ms
        if fed_ms > 500:
            held_ms.append(fed_ms - 1000 * heard_s)
    return Figures(first_ms, mean(held_ms), cpu_ms)


def _blocks(rate_hz: int) -> Iterator[Samples]:
    """A gliding tone with overtones and some hiss."""
    frames = np.arange(SECONDS * rate_hz)
    phases = 2 * np.pi * np.cumsum(120 + 20 * np.sin(2 * np.pi * 0.7 * frames / rate_hz)) / rate_hz
    sound = sum(np.sin(k * phases) / k for k in range(1, 25)) * 0.1
    sound = sound + np.random.default_rng(0).standard_normal(len(frames)) * 0.003
    length_frames = rate_hz * BLOCK_MS // 1000
    for begin in range(0, len(frames), length_frames):
        yield sound[begin : begin + length_frames, np.newaxis].astype(np.float32)


def _heard_seconds(name: str, rate_hz: int, data: bytes) -> float:
    try:
        samples, copy_hz = decode_raw(data, name, rate_hz) if name in ("pcm", "mulaw") else decode(data)
    except Invalid:
        return 0.0
    delay_s = 1024 / rate_hz if name == "aac" else 0.0  # ADTS cannot have it trimmed
    return max(0.0, len(samples) / copy_hz - delay_s)


def _has_packet(name: str, data: bytes) -> bool:
    if name == "mp3":  # FFmpeg takes no file of one frame for MP3, so ask its parser
        parser = av.CodecContext.create("mp3", "r")
        packets = [bytes(packet) for packet in [*parser.parse(data), *parser.parse(b"")]]
        return any(b"Info" not in packet and b"Xing" not in packet and b"ID3" not in packet for packet in packets)
    try:
        with av.open(io.BytesIO(data), "r") as container:
            return any(packet.size for packet in container.demux(audio=0))
    except (av.FFmpegError, IndexError):
        return False


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _cells(ours: float, stock: float) -> str:
    ratio = f"{stock / ours:6.1f}" if ours > 0.05 and stock < float("inf") else f"{'-':>6}"
    return f" {ours:8.1f} {f'{stock:.1f}' if stock < float('inf') else 'never':>7} {ratio}"


def main() -> None:
    print(f"{_cpu_name()}, PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}, blocks of {BLOCK_MS} ms, mono")
    print(f"{'':13} {'first ms':^21} {'held ms':^23} {'cpu ms per s':^23}")
    print(f"{'format':6} {'rate':>6}" + f" {'ours':>8} {'stock':>7} {'x':>6}" * 3)
    for name, audio_format in FORMATS.items():
        rate_hz = audio_format.default_rate_hz or 24000
        ours = measure(name, rate_hz, lambda: open_encoder(audio_format, rate_hz))  # noqa: B023
        stock = measure(name, rate_hz, lambda: StockEncoder(name, rate_hz))  # noqa: B023
        first = _cells(ours.first_ms, stock.first_ms)
        print(f"{name:6} {rate_hz:6}{first}{_cells(ours.held_ms, stock.held_ms)}{_cells(ours.cpu_ms, stock.cpu_ms)}")


if __name__ == "__main__":
    main()
