"""Speak a text over HTTP and save the sound while it is still being made.

python examples/speak_http.py "नमस्ते दुनिया" out.mp3 [http://127.0.0.1:8000]
"""

from __future__ import annotations

import json
import shutil
import sys
import urllib.request


def main(text: str, path: str, address: str = "http://127.0.0.1:8000") -> None:
    body = {"text": text, "format": path.rpartition(".")[2], "stream": True}
    request = urllib.request.Request(
        f"{address}/v1/tts/generate", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer, open(path, "wb") as file:
        print(f"first sound after {answer.headers['X-TTFB-ms']} ms, at {answer.headers['X-Sample-Rate']} Hz")
        shutil.copyfileobj(answer, file)
    with urllib.request.urlopen(f"{address}/v1/tts/requests/{answer.headers['X-Request-ID']}", timeout=10) as record:
        print(f"{json.load(record)['audio_seconds']:.2f} s of sound in {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
