"""Send text piece by piece, as a language model writes it, and print each word when it is due.

python examples/speak_socket.py out.mp3 [http://127.0.0.1:8000]
"""

from __future__ import annotations

import asyncio
import json
import sys

import websockets

PIECES = ["The kettle ", "boils in two min", "utes. Then we pour, ", "wait, and drink."]


async def speak(path: str, address: str) -> None:
    async with websockets.connect(address.replace("http", "ws", 1) + "/v1/tts/ws") as socket:
        await socket.send(json.dumps({"type": "session.config", "format": "mp3", "language": "en"}))
        for piece in PIECES:
            await socket.send(json.dumps({"type": "input.text", "text": piece}))
        await socket.send(json.dumps({"type": "input.done"}))
        with open(path, "wb") as file:
            async for message in socket:
                if isinstance(message, bytes):
                    file.write(message)
                    continue
                event = json.loads(message)
                if event["type"] == "word":
                    print(f"{event['start_s']:6.2f} s  {event['text']}")
                elif event["type"] == "error":
                    raise SystemExit(event["message"])
                elif event["type"] == "audio.done":
                    print(f"{event['audio_seconds']:.2f} s of sound in {path}")


def main(path: str, address: str = "http://127.0.0.1:8000") -> None:
    asyncio.run(speak(path, address))


if __name__ == "__main__":
    main(*sys.argv[1:])
