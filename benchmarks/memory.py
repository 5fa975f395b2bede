"""Resident memory of the server and its engine processes over 20 000 requests, in steps of 2 000.

The reference is the server itself after the first 2 000, with every format used: what grows from there on would
grow for ever.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from benchmarks.tools.load import measure, request_bytes
from benchmarks.tools.servers import machine, resident_mb, server

REQUESTS, STEP, CLIENTS = 20_000, 2_000, 8
FORMATS = ("pcm", "opus", "mp3", "flac", "wav", "mulaw", "webm", "mp4", "aac", "pcm")
TEXTS = ("Seventy two.", "सत्तर।", "డెబ్బై.")


def main() -> None:
    print(f"{machine()}; {REQUESTS} streamed requests over nine formats and three languages, {CLIENTS} at a time")
    print(f"{'requests':>9} {'server MB':>10} {'engines MB':>11} {'errors':>7}")
    with server("-m", "benchmarks.tools.serve_gateway") as (port, pid):
        first = last = 0.0
        for name in set(FORMATS):
            _speak(port, name, 40 * len(TEXTS))
        for number, name in enumerate(FORMATS, start=1):
            errors = _speak(port, name, STEP)
            engines = sum(resident_mb(child) for child in _children(pid))
            last = resident_mb(pid) + engines
            first = first or last
            print(f"{number * STEP:9} {resident_mb(pid):10.1f} {engines:11.1f} {errors:7}")
    print(f"growth after the first {STEP}: {last - first:+.1f} MB, ratio {last / first:.2f}   (bar: flat)")


def _speak(port: int, name: str, requests: int) -> int:
    """Errors."""
    errors = 0
    for text in TEXTS:
        request = request_bytes("/v1/tts/generate", {"text": text, "format": name, "stream": True})
        errors += asyncio.run(measure(port, request, clients=CLIENTS, requests=requests // len(TEXTS))).errors
    return errors


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


if __name__ == "__main__":
    main()
