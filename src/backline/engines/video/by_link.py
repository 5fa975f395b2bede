"""Rendering on a machine that has nothing but links: sources, kept segments, the film and its receipt."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory
from threading import Event, Thread
from time import monotonic
from typing import Any

import httpx

from backline.engines.video import render as rendering
from backline.engines.video.links import TIMEOUT, Links, Taken
from backline.engines.video.progress import RENDERED, RENDERING, STORING, Told

_AGAIN_SECONDS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0)
"""A store that is away for a minute must not cost the render of an hour."""

_OFTEN_SECONDS = 0.5
_KEEPER_ENDS_SECONDS = 1.0


def render(data: Mapping[str, Any], progress: Told) -> dict[str, Any]:
    """For `run_in_child`. data: {"plan", "sources": as for `render.render`, its links on the web,
    "film": {"key", "link", "put"}, "receipt": {"link", "put"}, "segments": [{"key", "put"}] by index,
    "links": of kept segments, by key, "checkpoint": {"segments": [{"index", "digest", "frames", "key"}]} or None}.
    A put is {"url", "headers"}, good only where nothing is yet.

    Returns the receipt: {"key", "stored": {"size_bytes", "sha256", "etag"} of the film, "rendered": Rendered as JSON}.
    Of several runs with the same data the film of one counts, and all return its receipt.

    Tells what `render.render` tells, with a message; and each time one more segment is kept, in its place,
    `progress(checkpoint={"segments": [...]})`. Raises what `render.render` and `Links` raise.
    """
    with httpx.Client(timeout=TIMEOUT) as client:
        work = _Work(data, progress, client)
        return work.receipt() or work.run()


class _Work:
    def __init__(self, data: Mapping[str, Any], progress: Told, client: httpx.Client) -> None:
        self._data = data
        self._told = progress
        self._client = client
        self._links = Links(client, self._alive, _AGAIN_SECONDS)
        self._rendered = False
        self._told_at = float("-inf")

    def receipt(self) -> dict[str, Any] | None:
        """Of a run that has ended well."""
        return self._links.read(self._data["receipt"]["link"])

    def run(self) -> dict[str, Any]:
        with TemporaryDirectory(prefix="backline-render-") as name, _SegmentKeeper(self) as keeper:
            folder = Path(name)
            film = folder / "film.mp4"
            rendered = rendering.render(self._order(folder, film, keeper), lambda **told: self._heard(told, keeper))
            return self._stored(film, rendered)

    @property
    def kept(self) -> list[dict[str, Any]]:
        """Segments of earlier runs that can be read."""
        links = self._data["links"]
        there = (self._data.get("checkpoint") or {}).get("segments", ())
        return [dict(one) for one in there if one["key"] in links]

    @property
    def segments(self) -> list[Mapping[str, Any]]:
        return list(self._data["segments"])

    def tell(self, checkpoint: Mapping[str, Any]) -> None:
        self._told(checkpoint=checkpoint)

    def links_of(self, keeper: _SegmentKeeper) -> Links:
        return Links(self._client, keeper.alive, _AGAIN_SECONDS[:2])

    def _order(self, folder: Path, film: Path, keeper: _SegmentKeeper) -> dict[str, Any]:
        links = self._data["links"]
        return {
            "plan": self._data["plan"],
            "sources": self._data["sources"],
            "folder": str(folder),
            "output": str(film),
            "segments": [{**one, "link": links[one["key"]]} for one in keeper.kept],
        }

    def _heard(self, told: Mapping[str, Any], keeper: _SegmentKeeper) -> None:
        if (segment := told.get("segment")) is not None:
            keeper.made(segment)
            return
        self._told(**{**told, "progress": RENDERED * float(told["progress"]), "message": RENDERING})

    def _alive(self, share: float) -> None:
        """share: of the file on its way."""
        if (now := monotonic()) - self._told_at < _OFTEN_SECONDS:
            return
        self._told_at = now
        if self._rendered:
            progress = RENDERED + (1 - RENDERED) * share
            self._told(progress=progress, message=STORING, phase="finalizing", seconds_left=None)
        else:
            self._told(progress=0.0)

    def _stored(self, film: Path, rendered: Mapping[str, Any]) -> dict[str, Any]:
        """The receipt of the film that counts: ours, or that of somebody who was faster."""
        self._rendered = True
        place = self._data["film"]
        try:
            stored = self._links.put_file(place["put"], film)
        except Taken:
            if (found := self.receipt()) is not None:
                return found
            stored = self._links.look(place["link"])
        rendered = {**rendered, "size_bytes": stored.size_bytes}
        receipt = {"key": place["key"], "stored": asdict(stored), "rendered": rendered}
        try:
            self._links.put(self._data["receipt"]["put"], receipt)
        except Taken:
            return self.receipt() or receipt
        return receipt


class _Ended(Exception):
    """The film is stored: nobody needs its segments."""


class _SegmentKeeper:
    """Puts finished segments where another run finds them, and then says so, in a thread of its own: the render goes on
    meanwhile. A segment that cannot be kept is only work that may have to be done again."""

    def __init__(self, work: _Work) -> None:
        self.kept = work.kept
        self._work = work
        self._links = work.links_of(self)
        self._made: SimpleQueue[Mapping[str, Any] | None] = SimpleQueue()  # bounded by the length of the film
        self._ended = Event()
        self._thread = Thread(target=self._run, name="keep", daemon=True)

    def __enter__(self) -> _SegmentKeeper:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._made.put(None)
        self._thread.join(_KEEPER_ENDS_SECONDS)

    def made(self, segment: Mapping[str, Any]) -> None:
        self._made.put(segment)

    def alive(self, _share: float) -> None:
        if self._ended.is_set():
            raise _Ended

    def _run(self) -> None:
        while (segment := self._made.get()) is not None and not self._ended.is_set():
            with contextlib.suppress(Exception):  # ended, refused, unreachable, gone: the film does not depend on it
                self._keep(segment)

    def _keep(self, segment: Mapping[str, Any]) -> None:
        place = self._work.segments[segment["index"]]
        self._links.put_file(place["put"], Path(segment["path"]))
        kept = {**{name: segment[name] for name in ("index", "digest", "frames")}, "key": place["key"]}
        self.kept = [*(one for one in self.kept if one["index"] != segment["index"]), kept]
        self._work.tell({"segments": self.kept})
