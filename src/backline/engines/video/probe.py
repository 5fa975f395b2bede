"""What a source film is: read before anything is promised, priced or rendered."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.video.reformatter import ColorRange, Colorspace
from pydantic import TypeAdapter

from backline.engines.video.base import Source
from backline.engines.video.framestream import FrameStream
from backline.engines.video.opening import (
    PATIENCE_SECONDS,
    only,
    open_source,
    pictures,
    reading,
    sound,
    stored_size,
)
from backline.engines.video.turning import turn_of
from backline.errors import Invalid

MAX_SOURCE_SIDE = 8192

_RATES = tuple(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60, 90, 100, 120, 240))
_MAX_NOMINAL = 120
"""Frames a second; a higher rate that fits all times of a film is a clock's, not a camera's."""

_TAIL_SECONDS = 2.0
"""How far before its end a file is read to see what its last pictures are."""


def probe(link: str, name: str, patience_seconds: float = PATIENCE_SECONDS) -> Source:
    """What the film at a link is; its first picture has been decoded.

    name: what an error calls it, such as `clip 2`. patience_seconds: how long an address may stay silent.
    Raises Invalid `not_a_video`, `video_damaged` and `video_too_large`, NotFound `source_not_found`, and Unavailable
    `source_unreachable`, which is worth another try.
    """
    with open_source(link, name, patience_seconds) as container, reading(name):
        audio = sound(container)
        stream = pictures(container, name)
        first = FrameStream(container, stream, name).first
        frame = first.frame
        turn = turn_of(frame)
        width, height = turn.shown(*stored_size(stream, frame))
        if max(width, height) > MAX_SOURCE_SIDE:
            raise _too_large(name, width, height)
        return Source(
            width=width,
            height=height,
            rate=_rate(stream),
            seconds=_seconds(container, stream, first.pts),
            rotation=turn.degrees,
            audio_rate_hz=audio.rate if audio else None,
            **_colours(frame),
        )


def probe_many(data: dict[str, Any], progress: Callable[..., None]) -> dict[str, Any]:
    """For `run_in_child`. data: {"links": [{"link", "name"}]}. Returns {"sources": [each as JSON]}; tells `progress`
    from 0 to 1. A link that comes again is read once."""
    known: dict[str, Any] = {}
    sources = []
    adapter = TypeAdapter(Source)
    for index, wanted in enumerate(data["links"]):
        link = wanted["link"]
        if link not in known:
            known[link] = adapter.dump_python(probe(link, wanted["name"]), mode="json")
        sources.append(known[link])
        progress(progress=(index + 1) / len(data["links"]))
    return {"sources": sources}


def _too_large(name: str, width: int, height: int) -> Invalid:
    return Invalid(
        f"The video of {name} is {width} by {height} pixels; a side may have {MAX_SOURCE_SIDE} at most.",
        code="video_too_large",
    )


def _rate(stream: av.VideoStream) -> Fraction:
    """The average; where frames are missing here and there, the rate that they would have, so that none is lost; the
    usual one when it is that but for what a container's clock makes of it."""
    rate = stream.average_rate or stream.guessed_rate or Fraction(30)
    if stream.base_rate and rate < stream.base_rate <= _MAX_NOMINAL:
        rate = stream.base_rate
    usual = min((*_RATES, *(each * Fraction(1000, 1001) for each in _RATES)), key=lambda each: abs(each - rate))
    return usual if abs(usual - rate) < usual / 2500 else rate.limit_denominator(1001)


def _seconds(container: InputContainer, stream: av.VideoStream, first_pts: int) -> float:
    """From the first picture to the end of the last. Where a file breaks off, what it was meant to have: only then is
    it missed."""
    assert stream.time_base is not None
    begin = first_pts * stream.time_base
    if container.format.name.startswith("mov") and stream.duration:
        return float((stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base - begin)
    claimed = Fraction(container.duration or 0, av.time_base)
    start = Fraction(container.start_time or 0, av.time_base)
    seen, heard = _ends(container, stream, start + claimed)
    end = seen if max(seen, heard) > start + claimed - Fraction(1, 2) else start + claimed
    return float(end - begin)


def _ends(container: InputContainer, stream: av.VideoStream, end: Fraction) -> tuple[Fraction, Fraction]:
    """When the last pictures, and the last of the other streams, end: read, not decoded, from shortly before."""
    only(container, *container.streams)
    assert stream.time_base is not None
    try:
        container.seek(int(max(end - _TAIL_SECONDS, 0) / stream.time_base), stream=stream)
    except av.FFmpegError:
        container.seek(0)
    ends = {True: Fraction(0), False: Fraction(0)}
    for packet in container.demux():
        if packet.pts is not None:
            after = (packet.pts + (packet.duration or 0)) * packet.time_base
            ends[packet.stream is stream] = max(ends[packet.stream is stream], after)
    return ends[True], ends[False]


def _colours(frame: av.VideoFrame) -> dict[str, int]:
    """RGB becomes what high definition has: it must be turned into luma and chroma anyhow."""
    if frame.format.is_rgb:
        return {"range": int(ColorRange.MPEG), "matrix": int(Colorspace.ITU709), "primaries": 1, "transfer": 1}
    full = frame.format.name.startswith("yuvj")
    return {
        "range": int(ColorRange.JPEG) if full else int(frame.color_range),
        "matrix": int(frame.colorspace),
        "primaries": int(frame.color_primaries),
        "transfer": int(frame.color_trc),
    }
