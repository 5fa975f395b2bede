"""Which finished pieces of a film may be used again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import av
import cv2
from pydantic import TypeAdapter

from backline.engines.video.base import RenderPlan, Source
from backline.engines.video.timeline import Segment

RENDERER_VERSION = 1
"""To be raised with every change that changes what a frame looks like."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A segment that was rendered before. link: `file://` or https."""

    index: int
    link: str
    digest: str
    frames: int


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
