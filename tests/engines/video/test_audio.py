"""The soundtrack: beeps are heard when their flashes are seen, at any speed, in any order, however long."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from backline.engines.video.audio import write_audio
from backline.engines.video.base import Clip, RenderPlan, Source, Span
from backline.engines.video.probe import probe
from backline.engines.video.timeline import ClipTimeline, Timeline
from backline.errors import Unavailable
from backline.media.audio import Samples
from tests.engines.video.serving import Site, serving
from tests.films import BEEP_HZ, Film, beeps, sound_of

RATE_HZ = 48000


class Track:
    """What was written: samples from 0 on, as a player plays them."""

    def __init__(self, path: Path) -> None:
        samples, self.rate_hz, begin = sound_of(path)
        first = round(begin * self.rate_hz)
        self.samples: Samples = samples[-first:] if first < 0 else np.pad(samples, ((first, 0), (0, 0)))
        with av.open(str(path)) as container:
            self.stream_count = len(container.streams)
            stream = container.streams.audio[0]
            assert stream.duration is not None
            assert stream.time_base is not None
            self.seconds = (stream.start_time or 0) * stream.time_base + stream.duration * stream.time_base
            self.channels = stream.channels

    @property
    def beeps(self) -> list[float]:
        return beeps(self.samples, self.rate_hz)


def _clip(path: Path, *spans: tuple[float, float, float], number: int = 1) -> Clip:
    return Clip(path.as_uri(), f"clip {number}", tuple(Span(*span) for span in spans))


def _timeline(plan: RenderPlan, sources: list[Source]) -> Timeline:
    clips = [
        ClipTimeline(clip.spans or [Span(0.0, source.seconds)])
        for clip, source in zip(plan.clips, sources, strict=True)
    ]
    return Timeline(clips, sources[0].rate, Fraction(repr(plan.crossfade_seconds)))


def _written(folder: Path, *clips: Clip, crossfade_seconds: float = 0.0) -> tuple[Track, Timeline]:
    plan = RenderPlan(clips, crossfade_seconds=crossfade_seconds)
    sources = [probe(clip.link, clip.name) for clip in clips]
    timeline = _timeline(plan, sources)
    told: list[float] = []
    assert write_audio(plan, sources, timeline, folder / "sound.m4a", told.append)
    assert told == sorted(told)
    assert told[-1] == 1.0
    return Track(folder / "sound.m4a"), timeline


def _due(film: Film, timeline: Timeline) -> list[float]:
    """When the flashes are seen, of one clip."""
    return [
        float(piece.begin + (flash - piece.start) / piece.speed)
        for piece in timeline.clips[0].timeline.pieces
        for flash in film.flashes
        if piece.start <= flash < piece.end - Fraction(1, 20)
    ]


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts"])
@pytest.mark.parametrize("rate_hz", [44100, 48000])
def test_cut_and_joined_every_span_is_in_its_place(tmp_path: Path, name: str, rate_hz: int) -> None:
    film = Film(frames=120, sound_rate_hz=rate_hz, rate=Fraction(30000, 1001))
    path = film.write(tmp_path / name)
    track, timeline = _written(tmp_path, _clip(path, (1.1, 2.13, 1), (0.1, 0.97, 1), (2.5, 3.9, 1)))
    assert track.beeps == pytest.approx(_due(film, timeline), abs=0.001)
    assert track.seconds == timeline.seconds
    assert (track.rate_hz, track.channels, track.stream_count) == (48000, 1, 1)


@pytest.mark.parametrize(("speed", "tolerance"), [(0.25, 0.045), (0.5, 0.02), (1.5, 0.01), (3.0, 0.01)])
def test_at_a_speed_it_stays_in_step(tmp_path: Path, speed: float, tolerance: float) -> None:
    """Within a frame; where a span begins, exactly."""
    film = Film(frames=120, width=64, height=48, beat_seconds=Fraction(6, 10), sound="pcm_f32le")
    path = film.write(tmp_path / "film.mkv")
    flash = float(film.flashes[1])
    track, timeline = _written(tmp_path, _clip(path, (flash, 3.8, speed), (flash, flash + 0.3, 1)))
    due = _due(film, timeline)
    heard = beeps(track.samples, RATE_HZ, apart_seconds=0.15 / speed)  # the end of a slow one stutters
    assert heard[0] == pytest.approx(0, abs=0.001)
    assert heard[-1] == pytest.approx(due[-1], abs=0.001)
    assert heard == pytest.approx(due, abs=tolerance)
    assert track.seconds == pytest.approx(timeline.seconds, abs=1 / RATE_HZ)


@pytest.mark.parametrize("speed", [0.1, 0.5, 1.0, 1.5, 3.0, 16.0])
def test_the_pitch_is_kept(tmp_path: Path, speed: float) -> None:
    samples = 0.5 * np.sin(2 * np.pi * BEEP_HZ / RATE_HZ * np.arange(4 * RATE_HZ)).astype(np.float32)
    path = Tone(samples.reshape(-1, 1)).write(tmp_path / "film.mkv")
    length = min(3.6, speed * 2)
    track, timeline = _written(tmp_path, _clip(path, (0.2, 0.2 + length, speed)))
    inner = track.samples[2000 : int(timeline.seconds * RATE_HZ) - 2000, 0]
    assert np.sqrt(np.mean(inner**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner)), 1 << 19))
    assert spectrum.argmax() * RATE_HZ / (1 << 19) == pytest.approx(BEEP_HZ, rel=0.002)


class Tone(Film):
    """A film with samples of its own."""

    def __init__(self, samples: Samples) -> None:
        seconds = len(samples) / RATE_HZ
        super().__init__(frames=int(seconds * 30), sound="pcm_f32le", channels=samples.shape[1])
        object.__setattr__(self, "given", samples)

    def samples(self) -> Samples:
        given: Samples = self.given  # type: ignore[attr-defined]
        return given


def test_nothing_drifts_over_many_spans(tmp_path: Path) -> None:
    """Lengths that are no whole number of samples, let alone of packets."""
    film = Film(frames=60, rate=Fraction(30000, 1001), beat_seconds=Fraction(7, 10))
    path = film.write(tmp_path / "film.mp4")
    spans = [(0.3001, 0.4137, 1.0), (0.31, 0.5, 1.7)] * 60
    track, timeline = _written(tmp_path, _clip(path, *spans, (0.3, 0.6, 1)))
    assert track.seconds == pytest.approx(timeline.seconds, abs=1 / RATE_HZ)
    assert track.beeps[-1] == pytest.approx(_due(film, timeline)[-1], abs=0.001)


def test_spans_that_go_on_are_one(tmp_path: Path) -> None:
    samples = 0.5 * np.sin(2 * np.pi * 300 / RATE_HZ * np.arange(2 * RATE_HZ)).astype(np.float32)
    path = Tone(samples.reshape(-1, 1)).write(tmp_path / "film.mkv")
    track, _ = _written(tmp_path, _clip(path, (0.1, 0.7, 1), (0.7, 1.3, 1), (1.3, 1.9, 1)))
    inner = track.samples[RATE_HZ // 10 : -RATE_HZ // 10]
    levels = np.sqrt(np.mean(inner[: len(inner) // 480 * 480].reshape(-1, 480) ** 2, axis=1))
    assert levels.min() > 0.97 * levels.max()


def test_sound_that_begins_late_or_is_missing_leaves_silence(tmp_path: Path) -> None:
    late = Film(sound_begin_seconds=Fraction(4, 10))
    silent = Film(sound=None)
    paths = [late.write(tmp_path / "late.mp4"), silent.write(tmp_path / "silent.mp4")]
    track, timeline = _written(
        tmp_path,
        _clip(paths[0], (0.0, 1.5, 1)),
        _clip(paths[1], (0.0, 1.0, 1), number=2),
        _clip(paths[0], (0.5, 1.5, 1), number=3),
    )
    flashes = [float(flash) for flash in late.flashes]
    assert track.beeps == pytest.approx([*flashes[1:3], 2.5 + flashes[1] - 0.5, 2.5 + flashes[2] - 0.5], abs=0.001)
    assert track.seconds == timeline.seconds == Fraction(7, 2)


def test_a_crossfade_follows_the_pictures(tmp_path: Path) -> None:
    ones = np.full((2 * RATE_HZ, 1), 0.5, dtype=np.float32)
    tone = ones * np.sin(2 * np.pi * 500 / RATE_HZ * np.arange(2 * RATE_HZ, dtype=np.float32)).reshape(-1, 1)
    first = Tone(tone).write(tmp_path / "first.mkv")
    second = Film(sound=None).write(tmp_path / "second.mkv")
    track, timeline = _written(
        tmp_path,
        _clip(first, (0.0, 2.0, 1)),
        _clip(second, (0.0, 1.0, 1), number=2),
        _clip(first, (0.0, 1.0, 1), number=3),
        crossfade_seconds=0.4,
    )
    assert track.seconds == timeline.seconds
    length = len(track.samples) // 480 * 480
    levels = np.sqrt(np.mean(track.samples[:length].reshape(-1, 480) ** 2, axis=1)) * np.sqrt(2) / 0.5
    for frame in range(1, timeline.frames):
        shares = [share if clip != 1 else 0.0 for clip, _, share in timeline.shown(frame)]
        moment = frame / float(timeline.rate)
        assert levels[int(moment * 100)] == pytest.approx(sum(shares), abs=0.05), moment


def test_a_whole_film_keeps_its_packets(tmp_path: Path) -> None:
    for name in ("film.mp4", "film.mkv"):
        film = Film(sound_rate_hz=44100, channels=2, frames=61)
        path = film.write(tmp_path / name)
        track, timeline = _written(tmp_path, _clip(path))
        kept, given = _packets(tmp_path / "sound.m4a"), _packets(path)
        assert kept == given[: len(kept)]
        assert len(given) - len(kept) <= 1
        assert track.seconds == pytest.approx(timeline.seconds, abs=1 / 44100)
        assert track.beeps == pytest.approx([float(flash) for flash in film.flashes], abs=0.001)


def _packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize(
    ("name", "film", "spans"),
    [
        ("late.mp4", Film(sound_begin_seconds=Fraction(4, 10)), ()),
        ("film.ts", Film(), ()),
        ("film.mp4", Film(), ((0.0, 1.5, 1),)),
        ("film.mkv", Film(sound="libopus"), ()),
        ("film.mkv", Film(sound="pcm_s16le", sound_rate_hz=32000), ()),
    ],
)
def test_what_cannot_be_copied_is_made(
    tmp_path: Path, name: str, film: Film, spans: tuple[tuple[float, float, float], ...]
) -> None:
    track, timeline = _written(tmp_path, _clip(film.write(tmp_path / name), *spans))
    begin = film.sound_begin_seconds
    due = [float(flash) for flash in film.flashes if begin < flash < timeline.seconds]
    assert track.beeps == pytest.approx(due, abs=0.001)
    assert track.seconds == pytest.approx(timeline.seconds, abs=1 / track.rate_hz)


def test_channels_are_those_of_the_sources(tmp_path: Path) -> None:
    left = np.zeros((RATE_HZ, 2), dtype=np.float32)
    left[:, 0] = 0.5 * np.sin(np.arange(RATE_HZ) / 10)
    stereo, single = Tone(left).write(tmp_path / "stereo.mkv"), Tone(left[:, :1]).write(tmp_path / "mono.mkv")
    track, _ = _written(tmp_path, _clip(stereo, (0.0, 0.5, 1)), _clip(single, (0.0, 0.5, 1), number=2))
    levels = np.sqrt(np.mean(track.samples[: RATE_HZ // 48 * 48].reshape(48, -1, 2) ** 2, axis=1))
    assert levels[10] == pytest.approx([0.354, 0.0], abs=0.01)
    assert levels[40] == pytest.approx([0.354, 0.354], abs=0.01)


def test_no_sound_at_all_is_no_file(tmp_path: Path) -> None:
    for film, audio in ((Film(sound=None, frames=3), True), (Film(frames=3), False)):
        path = film.write(tmp_path / "film.mp4")
        plan = RenderPlan((_clip(path),), audio=audio)
        sources = [probe(path.as_uri(), "clip 1")]
        out = tmp_path / "sound.m4a"
        assert not write_audio(plan, sources, _timeline(plan, sources), out, lambda share: None)
        assert not out.exists()


def test_a_film_shorter_than_a_packet(tmp_path: Path) -> None:
    path = Film(frames=1).write(tmp_path / "film.mp4")
    track, timeline = _written(tmp_path, _clip(path, (0.0, 0.01, 1)))
    assert track.seconds == timeline.seconds == Fraction(1, 100)


def test_over_the_web_also_when_each_answer_breaks_off(tmp_path: Path) -> None:
    film = Film(frames=120)
    film.write(tmp_path / "film.mp4")
    with serving(Site(tmp_path)) as site:
        source = probe(site.link("film.mp4"), "clip 1")
        site.breaks_after = 20_000
        plan = RenderPlan((Clip(site.link("film.mp4"), "clip 1", (Span(1.0, 3.9), Span(0.0, 1.0))),))
        timeline = _timeline(plan, [source])
        assert write_audio(plan, [source], timeline, tmp_path / "sound.m4a", lambda share: None)
    assert Track(tmp_path / "sound.m4a").beeps == pytest.approx(_due(film, timeline), abs=0.001)


@pytest.mark.parametrize("trouble", ["status", "silent"])
def test_a_web_that_goes_away_is_not_taken_for_silence(
    tmp_path: Path, trouble: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backline.engines.video.sounds.PATIENCE_SECONDS", 0.3)
    film = Film(frames=300, width=64, height=64, sound="pcm_s16le")
    film.write(tmp_path / "film.mkv")
    with serving(Site(tmp_path)) as site:
        source = probe(site.link("film.mkv"), "clip 1")
        plan = RenderPlan((Clip(site.link("film.mkv"), "clip 1", (Span(0.0, 9.0, 1.5),)),))
        site.breaks_after = 100_000
        told: list[float] = []

        def go_away(share: float) -> None:
            told.append(share)
            site.status, site.silent, site.good = (503, False, 0) if trouble == "status" else (200, True, 0)

        with pytest.raises(Unavailable, match="clip 1"):
            write_audio(plan, [source], _timeline(plan, [source]), tmp_path / "sound.m4a", go_away)
    assert told
    assert told[-1] < 1


def test_a_damaged_track_leaves_silence_where_it_is_damaged(tmp_path: Path) -> None:
    film = Film(frames=120)
    path = film.write(tmp_path / "film.mp4")
    with av.open(str(path)) as container:
        places = [
            (packet.pos, packet.size)
            for packet in container.demux(audio=0)
            if packet.pos and packet.pts and 48000 < packet.pts < 2 * 48000
        ]
    data = bytearray(path.read_bytes())
    for place, size in places:
        data[place : place + size] = b"\xff" * size
    path.write_bytes(data)
    track, timeline = _written(tmp_path, _clip(path, (0.0, 3.9, 1)))
    flashes = [float(flash) for flash in film.flashes]
    assert track.seconds == timeline.seconds
    assert track.beeps[:2] == pytest.approx(flashes[:2], abs=0.001)
    assert track.beeps[-3:] == pytest.approx([flash for flash in flashes if flash < 3.9][-3:], abs=0.001)
