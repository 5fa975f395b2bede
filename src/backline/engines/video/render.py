"""A plan becomes a film: pictures and sound side by side, then both in one file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

import cv2
from pydantic import TypeAdapter

from backline.engines.video.audio import write_audio
from backline.engines.video.base import Rendered, RenderPlan, Source
from backline.engines.video.encode import part_of
from backline.engines.video.film import Film
from backline.engines.video.mux import fetch, join
from backline.engines.video.opening import NO_ROOM
from backline.engines.video.pipeline import Pipeline
from backline.engines.video.progress import Progress, Told
from backline.engines.video.segments import Finished, usable
from backline.engines.video.stages import Stages
from backline.engines.video.timeline import Segment
from backline.errors import Unavailable

_LOOK_SECONDS = 0.05
_END_SECONDS = 3.0
"""How long the stages' ends are waited for."""

_END_OF_CHILD_SECONDS = 0.05
"""The same in a child that a signal ends: its threads end with it, however deep in a frame they are."""

_STALL_SECONDS = 180.0
"""A render that gets no further for so long has hung."""


def render(data: Mapping[str, Any], progress: Told) -> dict[str, Any]:
    """For `run_in_child`. data: {"plan": a checked RenderPlan as JSON, "sources": [Source as JSON], one for each clip,
    "folder": an existing folder of this job alone, "output": path, "segments": [{"index", "link", "digest", "frames"}]
    that were finished earlier}. Returns Rendered as JSON.

    Tells `progress(progress=, frames=, frames_total=, phase=, seconds_left=)`, at least every two seconds, and
    `progress(segment={"index", "path", "digest", "frames"})` when a segment is whole; segments stay in the folder.
    """
    rendered = render_file(
        TypeAdapter(RenderPlan).validate_python(data["plan"]),
        TypeAdapter(list[Source]).validate_python(data["sources"]),
        Path(data["output"]),
        progress,
        Path(data["folder"]),
        TypeAdapter(list[Finished]).validate_python(data.get("segments", [])),
        _END_OF_CHILD_SECONDS,
    )
    return asdict(rendered) | {"rate": str(rendered.rate)}


def render_file(
    plan: RenderPlan,
    sources: Sequence[Source],
    output: Path,
    told: Told,
    folder: Path,
    finished: Sequence[Finished] = (),
    signalled_seconds: float = _END_SECONDS,
) -> Rendered:
    """The same in this process. Raises as FrameReader and write_audio do, and Unavailable `disk_full`,
    `render_stalled` and `nvenc_unavailable`. Whatever is raised meanwhile, as by a signal, ends all that was begun;
    then no file stays but whole segments. signalled_seconds: how long that end is waited for, when it is a signal's.
    """
    cv2.setNumThreads(1)  # the stages are threads already
    work = _Work(Film.of(plan, sources), output, folder, told)
    patience_seconds = _END_SECONDS
    try:
        return work.run(finished)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise Unavailable("There is no room left on the disk.", code="disk_full") from error
    except BaseException as error:
        patience_seconds = _END_SECONDS if isinstance(error, Exception) else signalled_seconds
        raise
    finally:
        work.clean(patience_seconds)


class _Work:
    """One render."""

    def __init__(self, film: Film, output: Path, folder: Path, told: Told) -> None:
        self._film, self._output, self._folder, self._told = film, output, folder, told
        self._in_steps = len(film.segments) > 1
        self._audio = folder / "audio.m4a"
        self._has_audio = False
        self._stages = Stages()

    def run(self, finished: Sequence[Finished]) -> Rendered:
        film = self._film
        progress = Progress(self._told, film.timeline.frames)
        there = self._fetched(finished, progress)
        self._make([segment for segment in film.segments if segment not in there], progress)
        progress.finalizing()
        self._join(progress)
        return Rendered(
            width=film.coding.width,
            height=film.coding.height,
            rate=film.coding.rate,
            frames=film.timeline.frames,
            seconds=float(film.timeline.frames / film.coding.rate),
            size_bytes=self._output.stat().st_size,
            encoder=film.coding.encoder,
            audio=self._has_audio,
        )

    def clean(self, within_seconds: float) -> None:
        """Ends the stages; nothing stays but segments that someone was told of."""
        self._stages.stop(within_seconds)
        self._audio.unlink(missing_ok=True)
        for part in (part_of(self._output), *self._folder.glob("*.part")):  # of a stage that has not ended in time
            part.unlink(missing_ok=True)
        for segment in () if self._in_steps else self._film.segments:
            self._path_of(segment).unlink(missing_ok=True)

    def _fetched(self, finished: Sequence[Finished], progress: Progress) -> list[Segment]:
        """Segments of an earlier run that are here now; one that cannot be had is rendered again."""
        chosen = usable(finished, self._film.segments, self._film.digest) if self._in_steps else {}
        there: list[Segment] = []

        def fetch_all() -> None:
            for segment in self._film.segments:
                self._stages.look()
                if segment.index in chosen and fetch(chosen[segment.index], self._path_of(segment)):
                    there.append(segment)

        def look() -> object:
            progress.found(sum(segment.frames for segment in there))
            return len(there)

        self._stages.start("fetch", fetch_all)
        self._watch(look)
        return there

    def _make(self, segments: Sequence[Segment], progress: Progress) -> None:
        done_before = self._film.timeline.frames - sum(segment.frames for segment in segments)
        pipeline = Pipeline(self._film, self._stages, self._path_of)
        sound = 0.0

        def told(share: float) -> None:
            nonlocal sound
            self._stages.look()
            sound = share

        def write_sound() -> None:
            film = self._film
            self._has_audio = write_audio(film.plan, film.sources, film.timeline, self._audio, told)

        def look() -> object:
            while pipeline.whole:
                self._tell_of(pipeline.whole.popleft())
            progress.frames(done_before + pipeline.frames)
            return pipeline.frames, sound

        if self._film.plan.audio:
            self._stages.start("sound", write_sound)
        pipeline.start(segments)
        self._watch(look)

    def _join(self, progress: Progress) -> None:
        done = 0.0

        def look(share: float) -> None:
            nonlocal done
            self._stages.look()
            done = share

        def watch() -> object:
            progress.still()
            return done

        parts = [(self._path_of(segment), segment.frames) for segment in self._film.segments]
        audio = self._audio if self._has_audio else None
        self._stages.start("join", lambda: join(parts, self._film.coding.rate, audio, self._output, look))
        self._watch(watch)

    def _watch(self, look: Callable[[], object]) -> None:
        """Until the stages have ended. look: called again and again; returns what changes while they get on."""
        before, since = look(), monotonic()
        while not self._stages.ended(_LOOK_SECONDS):
            now = look()
            if now != before:
                before, since = now, monotonic()
            elif monotonic() - since > _STALL_SECONDS:
                raise Unavailable("The render got no further, and was ended.", code="render_stalled")
        look()

    def _tell_of(self, segment: Segment) -> None:
        if self._in_steps:
            path = str(self._path_of(segment))
            said = {"index": segment.index, "path": path, "digest": self._film.digest, "frames": segment.frames}
            self._told(segment=said)

    def _path_of(self, segment: Segment) -> Path:
        return self._folder / f"segment-{segment.index:05d}.mp4"
