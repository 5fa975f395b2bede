"""A plan with all that follows from it: the film that a render makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from backline.engines.video.base import RenderPlan, Source
from backline.engines.video.check import timeline_of
from backline.engines.video.clip_picture import ClipPicture
from backline.engines.video.colours import colours_of
from backline.engines.video.encode import Coding, choose
from backline.engines.video.segments import digest_of
from backline.engines.video.timeline import Segment, Timeline, segments_of


@dataclass(frozen=True, slots=True)
class Film:
    """digest: of all that its frames depend on. Its colours are those of the first clip."""

    plan: RenderPlan
    sources: Sequence[Source]
    timeline: Timeline
    coding: Coding
    segments: Sequence[Segment]
    digest: str

    @classmethod
    def of(cls, plan: RenderPlan, sources: Sequence[Source]) -> Film:
        """plan: as `check` returned it."""
        assert plan.width is not None
        assert plan.height is not None
        assert plan.rate is not None
        rate, timeline = Fraction(plan.rate), timeline_of(plan)
        coding = Coding("", plan.quality, plan.width, plan.height, rate, colours_of(sources[0]))
        coding = replace(coding, encoder=choose(plan.encoder, coding))
        segments = segments_of(timeline.frames, rate, plan.segment_seconds)
        return cls(plan, sources, timeline, coding, segments, digest_of(plan, sources, coding.encoder))

    def clip_picture(self, index: int) -> ClipPicture:
        coding, plan = self.coding, self.plan
        return ClipPicture(
            plan.clips[index], self.sources[index], coding.width, coding.height, coding.colours, plan.interpolation
        )
