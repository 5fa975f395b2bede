"""Jams in this process: loops in, sound out."""

from __future__ import annotations

import io
import wave

import numpy as np

from backline.compute.base import JamLink
from backline.engines.jam.orders import JamChunk, JamOptions
from backline.ids import new_id
from backline.media.audio import Samples, from_pcm16
from backline.media.encode.pcm import WavEncoder

PATIENCE_SECONDS = 25.0


def wav_of(samples: Samples, rate_hz: int) -> bytes:
    encoder = WavEncoder(rate_hz, samples.shape[1])
    body = encoder.encode(samples) + encoder.finish()
    return encoder.head() + body[len(encoder.head()) :]


def samples_of(chunk: JamChunk) -> Samples:
    with wave.open(io.BytesIO(chunk.audio)) as file:
        return from_pcm16(file.readframes(file.getnframes()), file.getnchannels())


async def chunks_of(link: JamLink, loop: bytes, options: JamOptions, chunks: int) -> list[JamChunk]:
    """The first so many of a new session, each consumed at once."""
    session_id = new_id("jam")
    await link.warm_up(session_id)
    await link.start(session_id, loop, options)
    taken: list[JamChunk] = []
    while len(taken) < chunks:
        chunk = await link.next(session_id, PATIENCE_SECONDS)
        if chunk is not None:
            taken.append(chunk)
            await link.consume(session_id, chunk.index)
    await link.close(session_id, "over")
    return taken


async def played(link: JamLink, loop: bytes, options: JamOptions, chunks: int) -> Samples:
    return np.concatenate([samples_of(chunk) for chunk in await chunks_of(link, loop, options, chunks)])
