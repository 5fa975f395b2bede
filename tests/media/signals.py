"""Sounds to test with, and measures on them."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from backline.media.audio import Samples
from backline.media.decode import decode, decode_raw
from backline.media.encode.formats import FORMATS, AudioFormat, open_encoder

RAW = ("pcm", "mulaw")
EVERY_FORMAT_AND_RATE = [(name, rate_hz) for name in FORMATS for rate_hz in FORMATS[name].rates_hz]
ADTS_DELAY_FRAMES = 1024  # the one delay that its container cannot state


def murmur(length_frames: int, channels: int = 1, seed: int = 1) -> Samples:
    """Noise without upper octaves, different in each channel, never beyond 0.5."""
    noise = np.random.default_rng(seed).standard_normal((length_frames + 31, channels))
    smooth = np.stack(
        [np.convolve(column, np.hanning(34)[1:-1])[31 : 31 + length_frames] for column in noise.T], axis=1
    )
    loudest = np.abs(smooth).max(initial=1e-9)
    sound: Samples = (0.5 * smooth / loudest).astype(np.float32)
    return sound


def sine(frequency_hz: float, length_frames: int, rate_hz: int) -> Samples:
    phases = 2 * np.pi * frequency_hz * np.arange(length_frames) / rate_hz
    return (0.5 * np.sin(phases)).astype(np.float32).reshape(-1, 1)


def cut(samples: Samples, lengths: Iterable[int]) -> list[Samples]:
    """Blocks of these lengths, then what is left."""
    edges = np.minimum(np.cumsum([0, *lengths]), len(samples))
    blocks = [samples[begin:end] for begin, end in pairwise(edges)]
    return [*blocks, samples[edges[-1] :]]


def blocks_of(samples: Samples, length_frames: int) -> list[Samples]:
    return [samples[begin : begin + length_frames] for begin in range(0, len(samples), length_frames)]


def encoded(
    audio_format: AudioFormat, rate_hz: int, blocks: Iterable[Samples], channels: int = 1
) -> tuple[bytes, bytes]:
    """What a client gets, and the finished file."""
    encoder = open_encoder(audio_format, rate_hz, channels)
    stream = b"".join([*map(encoder.encode, blocks), encoder.finish()])
    head = encoder.head()
    return stream, head + stream[len(head) :]


def heard(data: bytes, audio_format: AudioFormat, rate_hz: int, channels: int = 1) -> tuple[Samples, int]:
    if audio_format.name in RAW:
        return decode_raw(data, audio_format.name, rate_hz, channels)
    return decode(data)


def lag_frames(copy: Samples, original: Samples) -> int:
    """By how many frames the copy comes late, from the peak of the cross-correlation of the first channels."""
    size = 1 << (max(len(copy), len(original)) * 2).bit_length()
    spectrum = np.fft.rfft(copy[:, 0], size) * np.conj(np.fft.rfft(original[:, 0], size))
    peak = int(np.fft.irfft(spectrum).argmax())
    return peak if peak < size // 2 else peak - size


def snr_db(copy: Samples, original: Samples) -> float:
    shared = min(len(copy), len(original))
    error = copy[:shared] - original[:shared]
    return float(10 * np.log10((original[:shared] ** 2).mean() / max((error**2).mean(), 1e-20)))
