"""Speak with OpenAI's own client: only the address differs.

python examples/speak_openai.py "Hello there." out.flac [http://127.0.0.1:8000]
"""

from __future__ import annotations

import sys
from typing import Literal, cast

from openai import OpenAI

Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]


def main(text: str, path: str, address: str = "http://127.0.0.1:8000") -> None:
    client = OpenAI(base_url=f"{address}/v1", api_key="none")
    response_format = cast(Format, path.rpartition(".")[2])
    with client.audio.speech.with_streaming_response.create(
        model="tts-1", voice="nova", input=text, response_format=response_format
    ) as answer:
        answer.stream_to_file(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
