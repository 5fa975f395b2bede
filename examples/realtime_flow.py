"""A whole live jam over HTTP, each step timed: sign in, warm up, play on from a loop, turn two knobs, stop, close.
At the end the sound is counted to the sample and the money to the last digit; what does not agree is exit status 1.

python examples/realtime_flow.py out.wav [http://127.0.0.1:8000] [--loop loop.wav --bpm 93.7 --styles "dub techno"]

Without a loop it sends a second of silence. It signs in as a test user, or with the key in BACKLINE_API_KEY; with
--open as nobody, whom a server that listens on this machine only does not bill.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
import statistics
import sys
import time
import uuid
import wave
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx

BARS_PER_CHUNK, BEATS_PER_BAR = 4, 4
KNOBS: dict[str, Any] = {"temperature": 1.3, "guidance_weight": 1.5}
PATIENCE_SECONDS = 120.0
RATE_HZ = 48_000


@dataclass
class Server:
    """Speaks to it, and remembers how long each kind of call took."""

    client: httpx.Client
    took_ms: dict[str, list[float]] = field(default_factory=dict)

    def call(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        began = time.perf_counter()
        try:
            answer = self.client.request(method, path, **what)
        except httpx.TransportError as error:
            raise SystemExit(f"{method} {self.client.base_url}{path}: {error}") from None
        self.took_ms.setdefault(f"{method} {path}", []).append(1000 * (time.perf_counter() - began))
        reply: dict[str, Any] = answer.json()
        if answer.is_error:
            raise SystemExit(f"{method} {path}: {answer.status_code} {reply.get('code')}: {reply.get('detail')}")
        return reply


@dataclass
class Jam:
    server: Server
    session_id: str
    bpm: float
    warm: tuple[float, float]
    """Between these two moments it became warm."""
    chunks: list[tuple[dict[str, Any], bytes]] = field(default_factory=list)

    def post(self, path: str, files: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        return self.server.call("POST", path, data={"session_id": self.session_id, **fields}, files=files)

    def next(self, **which: Any) -> dict[str, Any]:
        return self.server.call("GET", "/jam/next", params={"session_id": self.session_id, **which})

    def take(self) -> dict[str, Any] | None:
        """Waits for the next chunk, keeps it, and says that it was played; None when the jam has ended."""
        while True:
            reply = self.next(timeout_seconds=10)
            if reply["chunk"]:
                break
            if reply["ended"]:
                return None
        metadata: dict[str, Any] = reply["chunk"]["metadata"]
        index = reply["chunk"]["index"]
        expect("chunks come in order", index, len(self.chunks))
        self.chunks.append((metadata, base64.b64decode(reply["chunk"]["audio_base64"])))
        if index == 0:
            again = self.next(index=0, timeout_seconds=0)["chunk"]["audio_base64"]
            expect("until it is consumed, a chunk can be had again", base64.b64decode(again), self.chunks[0][1])
        self.post("/jam/consume", chunk_index=index)
        return metadata


def main() -> None:
    asked = arguments()
    headers = {"X-API-Key": key} if (key := os.environ.get("BACKLINE_API_KEY")) else {}
    with httpx.Client(base_url=asked.address, timeout=PATIENCE_SECONDS, headers=headers) as client:
        server = Server(client)
        if not headers and not asked.open:
            user = {"test_user_id": f"flow-{uuid.uuid4().hex[:12]}"}
            client.headers["Authorization"] = "Bearer " + server.call("POST", "/auth/mock-login", json=user)["token"]
        before = server.call("GET", "/credits/balance")
        print(f"balance   {before['balance_seconds']} s, {'billed' if before['billed'] else 'not billed'}")
        jam = warm_up(server, asked.bpm)
        try:
            play(jam, asked)
        finally:
            close_sent = time.perf_counter()
            closed = jam.post("/jam/close")
            close_heard = time.perf_counter()
        save(jam, asked.output)
        check_sound(jam)
        span = (close_sent - jam.warm[1], close_heard - jam.warm[0])
        check_money(jam, before, closed, span, asked.wait)
        for name, times in server.took_ms.items():
            print(
                f"{name:24} {len(times):3} times, median {statistics.median(times):8.1f} ms, most {max(times):8.1f} ms"
            )


def warm_up(server: Server, bpm: float) -> Jam:
    asked = time.perf_counter()
    reply = server.call("POST", "/jam/warmup")
    session = {"session_id": reply["session_id"]}
    while not reply.get("warmed"):
        print("still warming; nothing is billed yet")
        time.sleep(5)
        reply = server.call("GET", "/jam/status", params=session)
    print(f"warm      {reply['session_id']}, {reply['billing_state']}, after {time.perf_counter() - asked:.2f} s")
    return Jam(server, reply["session_id"], bpm, (asked, time.perf_counter()))


def play(jam: Jam, asked: argparse.Namespace) -> None:
    show_status(jam)
    loop = Path(asked.loop).read_bytes() if asked.loop else silence()
    uploaded = time.perf_counter()
    jam.post(
        "/jam/start",
        {"loop_audio": (asked.loop or "loop.wav", loop)},
        bpm=asked.bpm,
        bars_per_chunk=BARS_PER_CHUNK,
        beats_per_bar=BEATS_PER_BAR,
        styles=asked.styles,
    )
    first = jam.take()
    print(f"playing   first chunk {time.perf_counter() - uploaded:.2f} s after the loop was sent")
    assert first is not None
    for _ in range(1, asked.chunks):
        time.sleep(asked.pause)
        jam.take()
    show_status(jam)
    jam.post("/jam/update", **KNOBS)
    turned = hear(jam)
    print(f"update    heard in chunk {len(jam.chunks) - 1}, asked for after {asked.chunks}")
    expect("what was not turned is as it was", turned["topk"], first["topk"])
    jam.post("/jam/stop")
    while jam.take() is not None:
        pass
    expect("the last chunk says so", jam.chunks[-1][0]["last"], True)


def hear(jam: Jam) -> dict[str, Any]:
    """Plays on until the knobs are heard: what is made already, at most two chunks, is as they were."""
    for _ in range(4):
        metadata = jam.take()
        if metadata and all(metadata[name] == value for name, value in KNOBS.items()):
            return metadata
    raise SystemExit("update was not heard in four chunks")


def show_status(jam: Jam) -> None:
    now = jam.server.call("GET", "/jam/status", params={"session_id": jam.session_id})
    billed, left = now["billable_elapsed_seconds"], now["credits_remaining"]
    print(f"status    {now['billing_state']}, {billed:.3f} s billable, {left or 'no end of'} s of credit left")


def save(jam: Jam, path: str) -> None:
    with wave.open(path, "wb") as out:
        for number, (metadata, data) in enumerate(jam.chunks):
            with wave.open(io.BytesIO(data)) as chunk:
                if number == 0:
                    out.setparams(chunk.getparams())
                expect("samples of a chunk", chunk.getnframes(), metadata["total_samples"])
                out.writeframes(chunk.readframes(chunk.getnframes()))


def check_sound(jam: Jam) -> None:
    """The bars of the whole are as long as the tempo says, to the sample."""
    at = 0
    for metadata, _ in jam.chunks:
        expect("a chunk begins where the last one ended", metadata["start_sample"], at)
        at += metadata["total_samples"]
    bars = sum(metadata["bars"] for metadata, _ in jam.chunks)
    rate_hz = jam.chunks[0][0]["sample_rate"]
    expect("samples in all", at, round(bars * BEATS_PER_BAR * 60 * rate_hz / Fraction(str(jam.bpm))))
    print(f"sound     {len(jam.chunks)} chunks, {bars} bars, {at} samples at {rate_hz} Hz: {at / rate_hz:.2f} s, exact")


def check_money(
    jam: Jam, before: dict[str, Any], closed: dict[str, Any], span: tuple[float, float], wait_seconds: float
) -> None:
    """The bill against this side's own clock, the balance against the bill, and both again a while later."""
    billed, charged = Decimal(str(closed["billable_elapsed_seconds"])), Decimal(closed["total_charged"] or 0)
    print(f"billed    {billed} s; by the clock here {span[0]:.3f} to {span[1]:.3f} s; charged {charged} s of credit")
    if not span[0] - 0.05 <= float(billed) <= span[1] + 0.05:
        raise SystemExit("the bill is not what this side's clock says")
    after = jam.server.call("GET", "/credits/balance")
    if before["billed"]:
        price = Decimal(before["prices"]["jam"])
        expect("charged is the price of what was billed, to 1 ms", round(charged - price * billed, 3), Decimal(0))
    else:
        expect("nobody is charged", charged, Decimal(0))
    expect("the balance fell by it", spent(before, after), charged)
    expect("nothing is held any longer", Decimal(after["held_seconds"]), Decimal(before["held_seconds"]))
    time.sleep(wait_seconds)
    expect("closed again, the same bill", Decimal(jam.post("/jam/close")["total_charged"] or 0), charged)
    later = jam.server.call("GET", "/credits/balance")
    expect("nothing is charged after the end", spent(before, later), charged)
    print(f"balance   {later['balance_seconds']} s: the money adds up")


def spent(before: dict[str, Any], after: dict[str, Any]) -> Decimal:
    return Decimal(before["balance_seconds"]) - Decimal(after["balance_seconds"])


def expect(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise SystemExit(f"{what}: {found!r:.200}, not {wanted!r:.200}")


def silence(seconds: float = 1.0) -> bytes:
    """A WAV of nothing, stereo."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(bytes(round(seconds * RATE_HZ) * 4))
    return file.getvalue()


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", help="the WAV to write")
    parser.add_argument("address", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--loop", help="an audio file that begins on a bar line")
    parser.add_argument("--bpm", type=float, default=120.0)
    parser.add_argument("--styles", default="acid house", help="words, between commas")
    parser.add_argument("--chunks", type=int, default=4, help="played before the knobs are turned")
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two chunks")
    parser.add_argument("--wait", type=float, default=6.0, help="seconds until the balance is looked at again")
    parser.add_argument("--open", action="store_true", help="sign in as nobody")
    return parser.parse_intermixed_args(sys.argv[1:])


if __name__ == "__main__":
    main()
