"""What is rendered between two checkpoints, and which finished pieces may be used again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from urllib.parse import urlsplit

import av
import cv2
from pydantic import TypeAdapter

from backline.engines.video.base import RenderPlan, Source

RENDERER_VERSION = 1
"""To be raised with every change that changes what a frame looks like."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Frames [first, stop) of the output."""

    index: int
    first: int
    stop: int

    @property
    def frames(self) -> int:
        return self.stop - self.first


@dataclass(frozen=True, slots=True)
class Finished:
    """A segment that was rendered before. link: `file://` or https."""

    index: int
    link: str
    digest: str
    frames: int


def segments_of(frames: int, rate: Fraction, segment_seconds: float) -> list[Segment]:
    """One of all frames, unless they last twice as long as a segment."""
    length = max(round(Fraction(segment_seconds) * rate), 1)
    if frames < 2 * length:
        return [Segment(0, 0, frames)]
    return [Segment(index, first, min(first + length, frames)) for index, first in enumerate(range(0, frames, length))]


def digest_of(plan: RenderPlan, sources: Sequence[Source], encoder: str) -> str:
    """Equal for two renders whose segments may be joined. A link counts without its query, in which signatures are."""
    clips = tuple(replace(clip, link=_without_query(clip.link), name="") for clip in plan.clips)
    said = {
        "renderer": [RENDERER_VERSION, av.__version__, av.library_versions, cv2.__version__],
        "plan": TypeAdapter(RenderPlan).dump_python(replace(plan, clips=clips), mode="json"),
        "sources": TypeAdapter(list[Source]).dump_python(list(sources), mode="json"),
        "encoder": encoder,
    }
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def usable(finished: Sequence[Finished], segments: Sequence[Segment], digest: str) -> dict[int, Finished]:
    """By index, those that were rendered from the very same."""
    lengths = {segment.index: segment.frames for segment in segments}
    return {one.index: one for one in finished if one.digest == digest and lengths.get(one.index) == one.frames}


def _without_query(link: str) -> str:
    return urlsplit(link)._replace(query="", fragment="").geturl()
