"""Films whose content is known: a number to read, a shape to find, flashes to see and beeps to hear with them.

Each picture has three zones. Above, an eighth of the height: the frame's number as bars. Below, an eighth: white when
it flashes. Between: a soft round shape on grey, whose centre is a smooth function of the frame's time.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
import numpy.typing as npt

from backline.engines.video.planes import Plane, Planes
from backline.media.audio import Samples

Values: TypeAlias = npt.NDArray[np.floating[Any]]

BARS = 16
GREY, PEAK, BLACK, WHITE = 40, 200, 16, 235
PEAK_U, PEAK_V = 60, -40
BEEP_SECONDS, BEEP_HZ = 0.06, 1000.0
FLASH_SECONDS = Fraction(1, 10)


@dataclass(frozen=True, slots=True)
class Film:
    """What to make. times: seconds of each frame, for a rate that varies; instead of rate and frames.
    gop: frames from one keyframe to the next. rotation: degrees clockwise by which a player must turn it.
    mirrored: and mirror it.
    sound: a codec, or None. sound_begin_seconds: silence before, as the container has it, not as samples.
    beat_seconds: from flash to flash, the first after half of it; each begins with the next frame, and its beep then.
    aspect: a pixel's width by its height. matrix, color_range: FFmpeg's numbers. options: of the video encoder, as
    `bf=0:tune=zerolatency`.
    """

    width: int = 192
    height: int = 108
    rate: Fraction = Fraction(30)
    frames: int = 60
    times: tuple[Fraction, ...] | None = None
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    gop: int = 12
    rotation: int = 0
    mirrored: bool = False
    aspect: Fraction = Fraction(1)
    matrix: int = 1
    color_range: int = 1
    sound: str | None = "aac"
    sound_rate_hz: int = 48000
    channels: int = 1
    sound_begin_seconds: Fraction = Fraction(0)
    beat_seconds: Fraction = Fraction(1, 2)
    faststart: bool = False
    options: str = ""

    @property
    def moments(self) -> tuple[Fraction, ...]:
        """When each frame is shown."""
        return self.times or tuple(Fraction(number) / self.rate for number in range(self.frames))

    @property
    def seconds(self) -> Fraction:
        """Its last frame is as long as the one before it."""
        moments = self.moments
        return moments[-1] + (moments[-1] - moments[-2] if len(moments) > 1 else 1 / self.rate)

    @property
    def flashes(self) -> tuple[Fraction, ...]:
        """When each flash, and its beep, begins."""
        moments, beats = self.moments, []
        beat = self.beat_seconds / 2
        while beat <= moments[-1]:
            beats.append(moments[bisect_left(moments, beat)])
            beat += self.beat_seconds
        return tuple(beats)

    def picture(self, number: int) -> Planes:
        """A frame as it is stored, before rotation, in 4:2:0."""
        moment = self.moments[number]
        return self._picture(number, moment, self._is_flash(moment, self.flashes))

    def _picture(self, number: int, moment: Fraction, flash: bool, across: int = 2, down: int = 2) -> Planes:
        return picture(number, float(moment), self.width, self.height, across, down, flash=flash)

    @staticmethod
    def _is_flash(moment: Fraction, flashes: Sequence[Fraction]) -> bool:
        before = bisect_right(flashes, moment) - 1
        return before >= 0 and moment < flashes[before] + FLASH_SECONDS

    def samples(self) -> Samples:
        """Its sound from the first frame on, before coding."""
        length = int(self.seconds * self.sound_rate_hz)
        samples = np.zeros(length, dtype=np.float32)
        beep_length = int(BEEP_SECONDS * self.sound_rate_hz)
        wave = 0.5 * np.sin(2 * np.pi * BEEP_HZ / self.sound_rate_hz * np.arange(beep_length))
        for begin in self.flashes:
            first = round(begin * self.sound_rate_hz)
            samples[first : first + beep_length] = wave[: max(length - first, 0)]
        skipped = samples[int(self.sound_begin_seconds * self.sound_rate_hz) :]
        return np.repeat(skipped.reshape(-1, 1), self.channels, axis=1)

    def write(self, path: Path) -> Path:
        """Makes the file; its name's ending says which container."""
        options = {"movflags": "+faststart"} if self.faststart else {}
        with av.open(str(path), "w", options=options) as out:
            video = self._video_stream(out)
            sound = (
                out.add_stream(self.sound, self.sound_rate_hz, layout="mono" if self.channels == 1 else "stereo")
                if self.sound
                else None
            )
            for frame in self._frames():
                out.mux(video.encode(frame))
            out.mux(video.encode(None))
            if sound:
                assert isinstance(sound, av.AudioStream)
                _write_sound(out, sound, self.samples(), self.sound_begin_seconds)
        return path

    def _video_stream(self, out: av.container.OutputContainer) -> av.VideoStream:
        stream = out.add_stream(self.codec, self.rate, options=_options(self.codec, self.options))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = self.width, self.height, self.pix_fmt
        stream.gop_size = self.gop
        if self.aspect != 1:
            stream.codec_context.sample_aspect_ratio = self.aspect
        stream.colorspace, stream.color_range = self.matrix, self.color_range
        if self.times:
            stream.codec_context.time_base = Fraction(1, 90000)
        if self.rotation or self.mirrored:
            stream.set_display_rotation(-self.rotation, hflip=self.mirrored)
        return stream

    def _frames(self) -> Iterator[av.VideoFrame]:
        """Made with the chroma that they are stored with, so that no scaler can shift it."""
        time_base = Fraction(1, 90000) if self.times else 1 / self.rate
        stored = av.VideoFormat(self.pix_fmt)
        across, down = 2 // stored.chroma_width(2), 2 // stored.chroma_height(2)
        flashes = self.flashes
        for number, moment in enumerate(self.moments):
            planes = self._picture(number, moment, self._is_flash(moment, flashes), across, down)
            frame = self._coded(planes, {(1, 1): "444p", (2, 1): "422p", (2, 2): "420p"}[across, down])
            frame.colorspace, frame.color_range = self.matrix, self.color_range
            frame.pts, frame.time_base = round(moment / time_base), time_base
            yield frame

    def _coded(self, planes: Planes, chroma: str) -> av.VideoFrame:
        if self.pix_fmt in (f"yuv{chroma}", f"yuvj{chroma}"):
            return as_frame(planes, self.pix_fmt)
        rgb = av.VideoFormat(self.pix_fmt).is_rgb
        return as_frame(planes, f"yuv{chroma}").reformat(
            format=self.pix_fmt,
            src_colorspace=self.matrix,
            dst_colorspace=None if rgb else self.matrix,
            src_color_range=self.color_range,
            dst_color_range=2 if rgb else self.color_range,
        )


def shape_at(seconds: float, width: int, height: int) -> tuple[float, float]:
    """The shape's centre, in pixels from the outer corner of the top left one."""
    return width * (0.5 + 0.22 * math.sin(1.3 * seconds)), height * (0.5 + 0.12 * math.sin(0.9 * seconds + 1.0))


def picture(
    number: int, seconds: float, width: int, height: int, across: int = 2, down: int = 2, *, flash: bool = False
) -> Planes:
    """8 bits, limited range. across, down: pixels for one chroma sample; 4:2:0 has 2 and 2. Chroma is sited left, as
    H.264 has it unless it says otherwise."""
    zone = height // 8
    x, y = shape_at(seconds, width, height)
    soft = _soft(np.arange(width) + 0.5 - x, np.arange(height) + 0.5 - y, height / 16)
    luma = GREY + (PEAK - GREY) * soft
    for bar in range(BARS):
        bars = slice(bar * width // BARS, (bar + 1) * width // BARS)
        luma[:zone, bars] = WHITE if number >> bar & 1 else BLACK
    luma[height - zone :] = WHITE if flash else BLACK
    columns = np.arange((width + across - 1) // across) * across + 0.5
    rows = (np.arange((height + down - 1) // down) + 0.5) * down
    soft = _soft(columns - x, rows - y, height / 16)
    return Planes(_plane(luma), _plane(128 + PEAK_U * soft), _plane(128 + PEAK_V * soft))


def read_number(y: Plane) -> int:
    """The number in a whole picture's bars, at any size."""
    height, width = y.shape
    row = y[height // 32 : max(height // 10, height // 32 + 1)].mean(axis=0)
    centres = [int((bar + 0.5) * width / BARS) for bar in range(BARS)]
    return sum(1 << bar for bar, centre in enumerate(centres) if row[centre] > (BLACK + WHITE) / 2)


def find_shape(y: Plane) -> tuple[float, float]:
    """The shape's centre in a whole picture: the centroid of what is brighter than grey, between the zones."""
    height, width = y.shape
    zone = height // 8 + 2
    light = np.clip(y[zone : height - zone].astype(np.float64) - GREY - 12, 0, None)
    total = light.sum()
    across = (light.sum(axis=0) * (np.arange(width) + 0.5)).sum() / total
    down = (light.sum(axis=1) * (np.arange(zone, height - zone) + 0.5)).sum() / total
    return float(across), float(down)


def is_flash(y: Plane) -> bool:
    height = y.shape[0]
    return bool(y[height - height // 16 :].mean() > (BLACK + WHITE) / 2)


def as_frame(planes: Planes, pix_fmt: str = "yuv420p") -> av.VideoFrame:
    """As an encoder takes it."""
    frame = av.VideoFrame(planes.width, planes.height, pix_fmt)
    for plane, values in zip(frame.planes, (planes.y, planes.u, planes.v), strict=True):
        rows, columns = values.shape
        padded = np.zeros((rows, plane.line_size), dtype=np.uint8)
        padded[:, :columns] = values
        plane.update(padded.tobytes())
    return frame


def frames_of(path: Path) -> list[tuple[float, Plane]]:
    """All frames in order: seconds from the first, and luma, before rotation."""
    with av.open(str(path)) as container:
        shown = [(frame.time, frame.to_ndarray(format="gray8")) for frame in container.decode(video=0)]
    return [(time - shown[0][0], luma.astype(np.uint8)) for time, luma in shown]


def sound_of(path: Path) -> tuple[Samples, int, float]:
    """The first sound track: samples, rate in Hz, and when the first one is heard in seconds of the container."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        rate_hz = container.streams.audio[0].rate
    blocks = [frame.to_ndarray() for frame in frames]
    samples = np.concatenate(blocks, axis=1).T if blocks else np.zeros((0, 1))
    return np.ascontiguousarray(samples, dtype=np.float32), rate_hz, frames[0].time or 0.0 if frames else 0.0


def beeps(samples: Samples, rate_hz: int, apart_seconds: float = 0.1) -> list[float]:
    """When each beep begins: where the level over 2 ms passes half of the loudest; once in `apart_seconds`."""
    window = max(rate_hz // 500, 1)
    power = np.convolve(np.square(samples[:, 0].astype(np.float64)), np.ones(window) / window)
    loud = np.sqrt(power) > 0.5 * float(np.sqrt(power.max(initial=0.0)))
    rises = np.flatnonzero(loud[1:] & ~loud[:-1]) + 1
    apart = [
        first
        for first, before in zip(rises, [-rate_hz, *rises], strict=False)
        if first - before > rate_hz * apart_seconds
    ]
    return [float(first - window / 4) / rate_hz for first in apart]  # half the level is a quarter of the window's power


def audio_only(path: Path, seconds: float = 0.5) -> Path:
    """A sound file, whatever its name says."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("aac", 48000, layout="mono")
        assert isinstance(stream, av.AudioStream)
        wave = 0.3 * np.sin(2 * np.pi * 440 / 48000 * np.arange(int(seconds * 48000)))
        _write_sound(out, stream, wave.astype(np.float32).reshape(-1, 1), Fraction(0))
    return path


def truncated(path: Path, share: float) -> Path:
    """The first part of a file, beside it."""
    data = path.read_bytes()
    cut = path.with_name(f"cut-{path.name}")
    cut.write_bytes(data[: int(len(data) * share)])
    return cut


def _write_sound(out: av.container.OutputContainer, stream: av.AudioStream, samples: Samples, begin: Fraction) -> None:
    rate_hz, layout = stream.rate, "mono" if samples.shape[1] == 1 else "stereo"
    planar = np.ascontiguousarray(samples.T)
    frame_length = stream.codec_context.frame_size or 1024
    for first in range(0, planar.shape[1], frame_length):
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(planar[:, first : first + frame_length]), format="fltp", layout=layout
        )
        frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
        frame.pts = first + round(begin * rate_hz)
        out.mux(stream.encode(frame))
    out.mux(stream.encode(None))


def _soft(across: Values, down: Values, radius: float) -> Values:
    """A Gaussian bell: sampling it at pixel centres loses nothing of its position."""
    return np.outer(np.exp(-0.5 * (down / radius) ** 2), np.exp(-0.5 * (across / radius) ** 2))


def _plane(values: Values) -> Plane:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _options(codec: str, more: str) -> dict[str, str]:
    options = {"preset": "ultrafast", "crf": "12"} if codec in ("libx264", "libx265") else {}
    if codec == "libx264":
        options |= {"bf": "2", "b-pyramid": "none"}
    return options | dict(pair.split("=", 1) for pair in more.split(":") if pair)
