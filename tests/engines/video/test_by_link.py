"""Renders on a machine that has only links: what is stored, what is kept on the way, and who wins when two run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from backline.engines.video import by_link, links
from backline.engines.video.base import Clip, RenderPlan, Source
from backline.engines.video.by_link import render
from backline.engines.video.links import Links, Taken
from backline.errors import TooLarge, Unavailable
from tests.engines.video.keeping import Kept, keeping
from tests.engines.video.rendering import checked, times_of
from tests.films import Film


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return Film(320, 180, frames=60).write(tmp_path_factory.mktemp("films") / "clip.mp4").read_bytes()


@pytest.fixture
def store(film: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kept]:
    monkeypatch.setattr(by_link, "_AGAIN_SECONDS", (0.01, 0.01))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with keeping(Kept({"in.mp4": film})) as kept:
        yield kept


def data_of(store: Kept, name: str = "one", checkpoint: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Of four segments."""
    plan, sources = checked(RenderPlan((Clip(store.link("in.mp4"), "the film"),), segment_seconds=0.5))
    keys = [f"{name}-{index}" for index in range(4)]
    there = [one["key"] for one in (checkpoint or {}).get("segments", ())]
    return {
        "plan": TypeAdapter(RenderPlan).dump_python(plan, mode="json"),
        "sources": TypeAdapter(list[Source]).dump_python(sources, mode="json"),
        "film": {"key": name, "link": store.link(name), "put": store.put(name, once=True)},
        "receipt": {"link": store.link(f"{name}.json"), "put": store.put(f"{name}.json", once=True)},
        "segments": [{"key": key, "put": store.put(key, once=True)} for key in keys],
        "links": {key: store.link(key) for key in (*there, *keys)},
        "checkpoint": checkpoint,
    }


class Told:
    """What a render told. stop_at: how many segments are kept when it is ended as by a signal."""

    def __init__(self, stop_at: int | None = None) -> None:
        self.messages: list[dict[str, Any]] = []
        self._stop_at = stop_at

    def __call__(self, **values: Any) -> None:
        self.messages.append(values)
        if self._stop_at is None or "progress" not in values:
            return
        while values["phase"] == "finalizing" and len(self.kept) < self._stop_at:
            time.sleep(0.01)  # later would be too late
        if len(self.kept) >= self._stop_at:
            raise KeyboardInterrupt

    @property
    def kept(self) -> list[dict[str, Any]]:
        told = [message["checkpoint"]["segments"] for message in self.messages if "checkpoint" in message]
        return told[-1] if told else []


def assert_whole(store: Kept, key: str, tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(store.files[key])
    assert len(times_of(path)) == 60
    path.unlink()


def test_a_film_goes_to_its_link_with_a_receipt_and_another_run_finds_it(store: Kept, tmp_path: Path) -> None:
    told, data = Told(), data_of(store)
    receipt = render(data, told)
    assert receipt["key"] == "one"
    assert receipt["stored"]["sha256"] == sha256(store.files["one"]).hexdigest()
    assert receipt["stored"]["size_bytes"] == receipt["rendered"]["size_bytes"] == len(store.files["one"])
    assert receipt["stored"]["etag"].strip('"')
    assert (receipt["rendered"]["frames"], receipt["rendered"]["rate"]) == (60, "30")
    assert_whole(store, "one", tmp_path)
    assert json.loads(store.files["one.json"]) == json.loads(json.dumps(receipt))
    steps = [(one["progress"], one["message"]) for one in told.messages if "progress" in one]
    assert steps == sorted(steps)
    assert {message for _, message in steps} == {"Rendering", "Storing"}
    assert list(tmp_path.iterdir()) == []
    before = len(store.asked)
    assert render(data, Told()) == receipt
    assert store.asked[before:] == ["GET one.json"]


def test_a_run_that_is_ended_leaves_its_segments_to_the_next(store: Kept, tmp_path: Path) -> None:
    told = Told(stop_at=2)
    data = data_of(store)
    data["plan"]["clips"][0]["spans"] = [{"start": 0, "end": 2, "speed": 0.25}]  # long enough to be ended in it
    data["plan"]["segment_seconds"] = 2.0
    with pytest.raises(KeyboardInterrupt):
        render(data, told)
    assert "one" not in store.files
    assert list(tmp_path.iterdir()) == []
    kept = {"segments": told.kept[:2]}
    assert set(kept["segments"][0]) == {"index", "digest", "frames", "key"}
    again = Told()
    other = {**data_of(store, "two", kept), "plan": data["plan"]}
    receipt = render(other, again)
    assert receipt["rendered"]["frames"] == 240
    keys = {f"GET {one['key']}" for one in kept["segments"]}
    assert keys <= set(store.asked)
    remade = {one["index"] for one in again.kept if one["key"].startswith("two")}
    assert not remade & {one["index"] for one in kept["segments"]}


@pytest.mark.parametrize("receipt", [True, False], ids=["with its receipt", "without"])
def test_of_two_films_the_first_counts(store: Kept, receipt: bool) -> None:
    """The other run may have died between film and receipt."""
    data = data_of(store)
    theirs = {"key": "one", "stored": {"size_bytes": 5}, "rendered": {}}

    def told(**values: Any) -> None:
        if values.get("phase") == "finalizing":
            store.files["one"] = b"their film"
            if receipt:
                store.files["one.json"] = json.dumps(theirs).encode()

    found = render(data, told)
    assert store.files["one"] == b"their film"
    assert found == json.loads(store.files["one.json"])
    if receipt:
        assert found == theirs
        return
    assert (found["stored"]["size_bytes"], found["rendered"]["size_bytes"]) == (10, 10)
    assert found["stored"]["sha256"] == sha256(b"their film").hexdigest()


def test_a_segment_that_cannot_be_kept_costs_no_film(store: Kept, tmp_path: Path) -> None:
    store.answers = {"one-0": [403], "one-1": [503] * 9, "one-2": [0] * 9}
    told = Told()
    render(data_of(store), told)
    assert {one["key"] for one in told.kept} <= {"one-3"}
    assert_whole(store, "one", tmp_path)


@pytest.fixture
def reached(store: Kept) -> Iterator[Links]:
    with httpx.Client() as client:
        yield Links(client, lambda _share: None, (0.01, 0.01))


@pytest.mark.parametrize("answers", [[503, 429], [0, 500], [409]])
def test_what_may_pass_is_tried_again(store: Kept, reached: Links, tmp_path: Path, answers: list[int]) -> None:
    path = tmp_path / "film"
    path.write_bytes(bytes(range(256)) * 10_000)
    store.answers["a"] = [*answers]
    sent = reached.put_file(store.put("a"), path)
    assert (sent.size_bytes, sent.sha256) == (2_560_000, sha256(path.read_bytes()).hexdigest())
    assert reached.look(store.link("a")) == sent


@pytest.mark.parametrize(
    ("answers", "code", "retryable", "tries"),
    [([503, 0, 500, 200], "storage_unavailable", True, 3), ([403], "storage_refused", False, 1)],
)
def test_what_cannot_is_said(
    store: Kept, reached: Links, tmp_path: Path, answers: list[int], code: str, retryable: bool, tries: int
) -> None:
    path = tmp_path / "film"
    path.write_bytes(b"film")
    store.answers["a"] = [*answers]
    with pytest.raises(Unavailable) as caught:
        reached.put_file(store.put("a"), path)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert store.asked == ["PUT a"] * tries
    assert "signature" not in str(caught.value)


def test_a_film_too_large_for_one_request_is_refused_before_it_is_sent(
    store: Kept, reached: Links, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MOST_BYTES", 3)
    (tmp_path / "film").write_bytes(b"film")
    with pytest.raises(TooLarge):
        reached.put_file(store.put("a"), tmp_path / "film")
    assert store.asked == []


def test_what_is_no_receipt_is_none(store: Kept, reached: Links) -> None:
    store.files = {"a": b"rubbish", "b": b"[1]", "c": b'{"x": 1}'}
    store.answers = {"d": [403]}
    assert [reached.read(store.link(key)) for key in "abcde"] == [None, None, {"x": 1}, None, None]
    reached.put(store.put("e", once=True), {"y": 2})
    with pytest.raises(Taken):
        reached.put(store.put("e", once=True), {"y": 3})
    assert reached.read(store.link("e")) == {"y": 2}
