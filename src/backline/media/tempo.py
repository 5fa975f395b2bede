"""Faster or slower at the same pitch, as a stream, by FFmpeg's `atempo` (overlap-add of similar waveforms)."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.filter import Graph

from backline.media.audio import Samples, silence

SLOWEST, FASTEST = 0.5, 4.0
"""What one pass does without audible damage; the filter itself begins at 0.5."""


class Tempo:
    """factor: 2 halves the length; 1 passes uncopied. Mono. Gathers about 0.1 s before it gives anything."""

    def __init__(self, rate_hz: int, factor: float) -> None:
        self.factor = factor
        self._rate_hz = rate_hz
        self._pushed_frames = 0
        self._graph = _graph(rate_hz, factor) if factor != 1 else None

    def push(self, samples: Samples) -> Samples:
        """What is final now."""
        if self._graph is None or not len(samples):
            return samples
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples.T), format="flt", layout="mono")
        frame.sample_rate = self._rate_hz
        frame.pts = self._pushed_frames
        self._pushed_frames += len(samples)
        self._graph.push(frame)
        return self._pull(self._graph)

    def finish(self) -> Samples:
        """The rest."""
        if self._graph is None or not self._pushed_frames:
            return silence(0)
        self._graph.push(None)
        return self._pull(self._graph)

    def _pull(self, graph: Graph) -> Samples:
        parts: list[Samples] = [silence(0)]
        while True:
            try:
                frame = graph.pull()
            except (av.BlockingIOError, av.EOFError):  # nothing yet; nothing more
                return np.concatenate(parts)
            assert isinstance(frame, av.AudioFrame)
            parts.append(frame.to_ndarray().astype(np.float32).reshape(-1, 1))


def _graph(rate_hz: int, factor: float) -> Graph:
    graph = Graph()
    source = graph.add_abuffer(sample_rate=rate_hz, format="flt", layout="mono", time_base=Fraction(1, rate_hz))
    tempo = graph.add("atempo", f"{factor:.6f}")
    sink = graph.add("abuffersink")
    source.link_to(tempo)
    tempo.link_to(sink)
    graph.configure()
    return graph
