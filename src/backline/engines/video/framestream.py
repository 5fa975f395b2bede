"""The pictures of a film in the order in which they are shown, from its beginning or from any keyframe on."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.packet import Packet

from backline.engines.video.opening import BROKEN, damaged

_MAX_UNDECODED_PACKETS = 300
"""How many packets may pass before the first picture; a stream may be joined in the middle of a group."""


@dataclass(frozen=True, slots=True)
class Picture:
    """pts: ticks of its stream. after_damage: whether something before it could not be decoded."""

    frame: av.VideoFrame
    pts: int
    after_damage: bool


class FrameStream:
    """first: the picture from which the film's time is counted; `next` goes on behind it.

    Raises Invalid `video_damaged` when there is none.
    """

    def __init__(self, container: InputContainer, stream: av.VideoStream, name: str) -> None:
        self._container = container
        self._stream = stream
        self._packets: Iterator[Packet[av.VideoStream]] = container.demux(stream)
        self._ready: deque[Picture] = deque()
        self._broken = False
        self._trusted_from: int | None = None
        self._last: int | None = None
        first = self._pull(_MAX_UNDECODED_PACKETS)
        if first is None:
            raise damaged(name, 0.0)
        self.first = first

    def seek(self, pts: int) -> bool:
        """To the last keyframe before, as far as the container knows; False when there is none that can be used."""
        try:
            self._container.seek(pts, stream=self._stream)
        except av.FFmpegError:
            return False
        self._packets = self._container.demux(self._stream)
        self._ready.clear()
        self._broken = False
        self._last = None
        while (packet := self._next_packet()) is not None:
            if packet.is_keyframe and packet.pts is not None:
                self._trusted_from = packet.pts
                self._decode(packet)
                return True
        return False

    def next(self) -> Picture | None:
        """None after the last one."""
        return self._pull(None)

    @property
    def broken(self) -> bool:
        """Whether something could not be decoded since the last picture."""
        return self._broken

    def _pull(self, limit: int | None) -> Picture | None:
        count = 0
        while not self._ready and (limit is None or count < limit):
            packet = self._next_packet()
            if packet is None:
                break
            self._decode(packet)
            count += 1
        return self._ready.popleft() if self._ready else None

    def _next_packet(self) -> Packet[av.VideoStream] | None:
        try:
            return next(self._packets, None)
        except BROKEN:  # the container itself
            self._broken = True
            return None

    def _decode(self, packet: Packet[av.VideoStream]) -> None:
        try:
            frames = packet.decode()
        except av.FFmpegError:
            self._broken = True
            return
        for frame in frames:
            self._keep(frame)

    def _keep(self, frame: av.VideoFrame) -> None:
        """What is shown before the keyframe at which decoding began lacks what it refers to, and is left out; so is
        what goes back in time."""
        pts = frame.pts if frame.pts is not None else frame.dts
        if pts is None and self._last is not None:
            pts = self._last + (frame.duration or 1)
        trusted = self._trusted_from is None or (pts is not None and pts >= self._trusted_from)
        if pts is None or not trusted or (self._last is not None and pts <= self._last):
            return
        self._last = pts
        self._ready.append(Picture(frame, pts, self._broken))
        self._broken = False
