"""G.711 mu-law, eight bits a sample (ITU-T Recommendation G.711, November 1988, tables 2a and 2b).

In 16-bit steps, a magnitude plus 132 has its highest bit at place 7 to 14: that place is the segment, the next four
bits are the interval within it. All bits of the code word travel inverted.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from backline.media.audio import Samples, to_pcm16

_BIAS = 132
_LARGEST = 32635  # the largest magnitude that stays within segment 7 once biased
_SIGN = 0x80


def to_mulaw(samples: Samples) -> npt.NDArray[np.uint8]:
    """Code words [frames, channels]; what lies outside [-1, 1) is clipped."""
    bits: npt.NDArray[np.uint16] = to_pcm16(samples).view(np.uint16)
    return _encoding_table()[bits]


def from_mulaw(data: bytes | bytearray | memoryview, channels: int = 1) -> Samples:
    """Samples from interleaved code words; raises ValueError on half a frame."""
    return _decoding_table()[np.frombuffer(data, dtype=np.uint8)].reshape(-1, channels)


@cache
def _encoding_table() -> npt.NDArray[np.uint8]:
    """Code word of each 16-bit sample, indexed by the sample's two's complement bits."""
    values = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    magnitudes = np.minimum(np.abs(values), _LARGEST) + _BIAS
    segments = np.frexp(magnitudes)[1] - 8
    intervals = (magnitudes >> (segments + 3)) & 0x0F
    words = ~((values < 0) * _SIGN | segments << 4 | intervals)
    table: npt.NDArray[np.uint8] = (words & 0xFF).astype(np.uint8)
    table.flags.writeable = False
    return table


@cache
def _decoding_table() -> npt.NDArray[np.float32]:
    """Amplitude of each code word: the middle of its interval."""
    words = ~np.arange(256)
    magnitudes = (((words & 0x0F) << 3) + _BIAS << ((words >> 4) & 0x07)) - _BIAS
    table = (np.where(words & _SIGN, -magnitudes, magnitudes) / 32768).astype(np.float32)
    table.flags.writeable = False
    return table
