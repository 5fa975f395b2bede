"""Exports over HTTP: what a client sends, sees, is told and pays, on a real server that really renders."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.assets.test_files import Owner
from tests.conftest import Running, RunServer
from tests.films import Film, frames_of

EXPORTS = "/api/exports"
FILM = Film(width=192, height=108, rate=Fraction(30), frames=45)
SECONDS = 1.5
SIZE = {"target_width": 120, "target_height": 216}
CLIP = {"start_time": 0.2, "end_time": 0.8, "name": "गोल", "notes": "గోల్", "rating": 5, "tags": ["left"]}
WINDOW = {"time": 0, "x": 20, "y": 0, "width": 60, "height": 108}


class Editor(Owner):
    """Somebody who cuts clips."""

    def order(self, config: dict[str, Any], kind: str = "framing", project: int = 1, **more: Any) -> httpx.Response:
        body = {"project_id": project, "type": kind, "config": config, **more.pop("body", {})}
        return self.client.post(EXPORTS, json=body, **more)

    def framing(self, key: str, **more: Any) -> dict[str, Any]:
        return {"input_key": key, "keyframes": [WINDOW], "target_width": 120, "target_height": 216, **more}

    def started(self, answer: httpx.Response) -> str:
        assert answer.status_code == 202, answer.text
        assert answer.json()["status"] in ("pending", "processing")
        assert answer.headers["location"] == f"{EXPORTS}/{answer.json()['job_id']}"
        return str(answer.json()["job_id"])

    def ended(self, job_id: str) -> dict[str, Any]:
        end = time.monotonic() + 60
        while (item := self.item(job_id))["status"] in ("pending", "processing"):
            assert time.monotonic() < end, item
            time.sleep(0.1)
        return item

    def item(self, job_id: str) -> dict[str, Any]:
        answer = self.client.get(f"{EXPORTS}/{job_id}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def listed(self, which: str) -> list[str]:
        answer = self.client.get(f"{EXPORTS}/{which}")
        assert answer.status_code == 200, answer.text
        return [one["job_id"] for one in answer.json()["exports"]]

    @property
    def balance(self) -> tuple[str, str]:
        told = self.client.get("/credits/balance").json()
        return told["balance_seconds"], told["held_seconds"]


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return FILM.write(tmp_path_factory.mktemp("films") / "film.mp4").read_bytes()


@pytest.fixture
def server(run_server: RunServer) -> Running:
    return run_server()


@pytest.fixture
def ada(server: Running) -> Iterator[Editor]:
    editor = Editor(server, "ada")
    with editor.client:
        yield editor


@pytest.fixture
def bob(server: Running) -> Iterator[Editor]:
    editor = Editor(server, "bob")
    with editor.client:
        yield editor


@pytest.fixture
def key(ada: Editor, film: bytes) -> str:
    """Of a film that Ada has."""
    return f"files/{ada.upload(film, name='film.mp4', content_type='video/mp4')['id']}"


def test_a_film_is_ordered_rendered_paid_and_fetched(ada: Editor, key: str, tmp_path: Path) -> None:
    job_id = ada.started(ada.order(ada.framing(key), body={"project_name": "Cup final"}))
    item = ada.ended(job_id)
    assert (item["status"], item["phase"], item["progress"], item["error"]) == ("complete", "complete", 100, None)
    assert (item["width"], item["height"], item["duration_seconds"]) == (120, 216, SECONDS)
    assert (item["project_id"], item["project_name"]) == (1, "Cup final")
    assert item["encoder"] in ("libx264", "h264_nvenc")
    assert (item["credits_consumed"], ada.balance) == ("1.5", ("598.5", "0"))
    moved = ada.client.get(f"{EXPORTS}/{job_id}/download")
    assert moved.status_code == 302
    data = httpx.get(httpx.URL(str(ada.client.base_url)).join(moved.headers["location"]))
    assert (data.headers["content-type"], item["output_filename"]) == ("video/mp4", "project_1_v1.mp4")
    path = tmp_path / "out.mp4"
    path.write_bytes(data.content)
    frames = frames_of(path)
    assert len(frames) == 45
    assert frames[0][1].shape == (216, 120)
    assert ada.client.get(item["output_url"]).content == data.content


@pytest.mark.slow
def test_each_version_has_a_name_of_its_own_and_older_ones_stay(ada: Editor, key: str) -> None:
    first = ada.ended(ada.started(ada.order(ada.framing(key))))
    again = ada.ended(ada.started(ada.order(ada.framing(key))))
    region = {
        "start_time": 0,
        "end_time": 1,
        "keyframes": [{"time": 0, "x": 90, "y": 50, "radiusX": 20, "radiusY": 30}],
    }
    final = ada.ended(ada.started(ada.order({"input_key": key, "highlight_regions": [region]}, "overlay")))
    other = ada.ended(ada.started(ada.order(ada.framing(key), project=7)))
    names = [one["output_filename"] for one in (first, again, final, other)]
    assert names == ["project_1_v1.mp4", "project_1_v2.mp4", "final_1_v1.mp4", "project_7_v1.mp4"]
    assert ada.client.get(first["output_url"]).status_code == 200
    assert ada.listed("project/1") == [final["job_id"], again["job_id"], first["job_id"]]
    assert ada.listed("project/2") == []


@pytest.mark.slow
def test_an_output_can_be_the_input_of_the_next(ada: Editor, key: str) -> None:
    first = ada.ended(ada.started(ada.order(ada.framing(key))))
    stored = f"exports/{first['job_id']}/1.mp4"
    by_file = ada.client.get(f"{EXPORTS}/probe", params={"input_key": f"files/{first['output_video_id']}"})
    assert by_file.json() == ada.client.get(f"{EXPORTS}/probe", params={"input_key": stored}).json()
    probed = ada.client.get(f"{EXPORTS}/probe", params={"input_key": stored}).json()
    assert (probed["width"], probed["height"], probed["rate"], probed["audio"]) == (120, 216, 30, True)
    assert probed["duration_seconds"] == pytest.approx(SECONDS, abs=0.001)
    again = ada.ended(ada.started(ada.order({"input_key": stored, "clips": [CLIP]}, "annotate")))
    assert (again["status"], again["output_filename"]) == ("complete", "final_1_v1.mp4")


@pytest.mark.slow
def test_several_clips_become_one_film(ada: Editor, key: str) -> None:
    clips = [{"input_key": key, "keyframes": [WINDOW], "segments": {"trim_start": 0.5}}] * 2
    cut = ada.ended(ada.started(ada.order({"clips": clips, **SIZE}, "multi_clip")))
    fade = {"clips": clips, "transition": {"type": "crossfade", "seconds": 0.5}, **SIZE}
    faded = ada.ended(ada.started(ada.order(fade, "multi_clip")))
    assert (cut["duration_seconds"], faded["duration_seconds"]) == (2.0, 1.5)


@pytest.mark.slow
def test_the_same_key_orders_once(ada: Editor, key: str) -> None:
    headers = {"Idempotency-Key": "one-click"}
    first = ada.order(ada.framing(key), headers=headers)
    again = ada.order(ada.framing(key), headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["job_id"] == again.json()["job_id"]
    assert ada.order(ada.framing(key, include_audio=False), headers=headers).status_code == 409
    ada.ended(first.json()["job_id"])
    assert ada.balance == ("598.5", "0")


@pytest.mark.slow
def test_what_ended_is_told_until_it_is_acknowledged(ada: Editor, key: str) -> None:
    done = ada.ended(ada.started(ada.order(ada.framing(key))))["job_id"]
    other = ada.ended(ada.started(ada.order(ada.framing(key))))["job_id"]
    assert ada.listed("unacknowledged") == [other, done] == ada.listed("recent")
    assert ada.listed("active") == []
    told = ada.client.post(f"{EXPORTS}/acknowledge", json={"job_ids": [done, "unknown"]})
    assert told.json() == {"acknowledged": 1}
    assert ada.listed("unacknowledged") == [other]
    assert ada.client.post(f"{EXPORTS}/acknowledge", json={}).json() == {"acknowledged": 1}
    assert ada.listed("unacknowledged") == []
    assert ada.item(done)["acknowledged_at"] is not None
    assert ada.client.get(f"{EXPORTS}/recent?hours=169").status_code == 422


@pytest.mark.slow
def test_the_older_form_brings_its_film_along(ada: Editor, film: bytes) -> None:
    fields = {
        "project_id": "3",
        "keyframes_json": json.dumps([WINDOW]),
        "segment_data_json": json.dumps({"boundaries": [0, 0.5, 1.5], "segmentSpeeds": {"1": 2}}),
        "target_fps": "30",
        "export_mode": "FAST",
        "include_audio": "true",
        "target_width": "120",
        "target_height": "216",
    }
    answer = ada.client.post(f"{EXPORTS}/framing", data=fields, files={"video": ("match.mp4", film, "video/mp4")})
    item = ada.ended(ada.started(answer))
    assert (item["status"], item["duration_seconds"], item["output_filename"]) == ("complete", 1.0, "project_3_v1.mp4")
    assert {file["name"] for file in ada.files()["files"]} == {"match.mp4", "project_3_v1.mp4"}


@pytest.mark.slow
def test_a_form_that_is_sent_again_is_the_same_export(ada: Editor, film: bytes) -> None:
    fields = {"project_id": "3", "keyframes_json": json.dumps([WINDOW]), **{k: str(v) for k, v in SIZE.items()}}

    def send(**more: str) -> httpx.Response:
        files = {"video": ("match.mp4", film, "video/mp4")}
        return ada.client.post(
            f"{EXPORTS}/framing", data=fields | more, files=files, headers={"Idempotency-Key": "once"}
        )

    first = ada.started(send())
    assert ada.started(send()) == first
    assert send(include_audio="false").status_code == 409
    assert ada.ended(first)["status"] == "complete"
    assert {file["name"] for file in ada.files()["files"]} == {"match.mp4", "project_3_v1.mp4"}
    assert len(ada.files()["files"]) == 2
    assert ada.balance == ("598.5", "0")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"--x\r\nnothing", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"garbage", {"Content-Type": "multipart/form-data; boundary=x"}),
        (b"garbage", {"Content-Type": "multipart/form-data"}),
        (b"{}", {"Content-Type": "application/json"}),
    ],
)
def test_what_is_no_form_is_told_so(ada: Editor, body: bytes, headers: dict[str, str]) -> None:
    answer = ada.client.post(f"{EXPORTS}/framing", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) in [(422, "bad_form"), (422, "no_video")], answer.text


@pytest.mark.parametrize("body", [{"project_name": "a\0b"}, {"config": {"clips": [{**CLIP, "name": "a\0b"}]}}])
def test_a_nul_in_a_text_is_refused(ada: Editor, key: str, body: dict[str, Any]) -> None:
    answer = ada.order({"input_key": key, "clips": [CLIP]}, "annotate", body=body)
    assert answer.status_code == 422, answer.text
    assert ada.order(ada.framing("files/\0")).json()["code"] == "input_not_found"
    assert ada.client.post(f"{EXPORTS}/acknowledge", json={"job_ids": ["\0"]}).status_code == 422


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"keyframes_json": "[]"}, "bad_config"),
        ({"keyframes_json": "{"}, "bad_json"),
        ({"keyframes_json": json.dumps([{**WINDOW, "x": 500}])}, "crop_outside"),
        ({"keyframes_json": json.dumps([WINDOW]), "segment_data_json": "no"}, "bad_json"),
        ({"keyframes_json": json.dumps([WINDOW]), "speed": "2"}, "bad_form"),
        ({"keyframes_json": json.dumps([WINDOW]), "project_id": "one"}, "invalid"),
    ],
)
def test_a_form_that_is_refused_leaves_nothing(ada: Editor, film: bytes, fields: dict[str, str], code: str) -> None:
    form = {"project_id": "1", **fields}
    answer = ada.client.post(f"{EXPORTS}/framing", data=form, files={"video": ("match.mp4", film, "video/mp4")})
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert ada.files()["files"] == []
    assert ada.balance == ("600", "0")


def test_a_form_without_a_film_and_one_that_is_too_large(run_server: RunServer, film: bytes) -> None:
    server = run_server(storage={"max_file_bytes": 1000})
    ada = Editor(server, "ada")
    with ada.client:
        assert ada.client.post(f"{EXPORTS}/overlay", files={"film": ("a.mp4", b"x")}).json()["code"] == "no_video"
        large = ada.client.post(f"{EXPORTS}/overlay", data={"project_id": "1"}, files={"video": ("a.mp4", film)})
        assert (large.status_code, large.json()["code"]) == (413, "file_too_large")


@pytest.mark.slow
def test_what_is_anothers_is_not_there(ada: Editor, bob: Editor, key: str) -> None:
    job_id = ada.ended(ada.started(ada.order(ada.framing(key))))["job_id"]
    for method, path in (("GET", ""), ("DELETE", ""), ("GET", "/download")):
        foreign = bob.client.request(method, f"{EXPORTS}/{job_id}{path}")
        unknown = bob.client.request(method, f"{EXPORTS}/unknown{path}")
        assert foreign.status_code == unknown.status_code == 404
        assert foreign.json()["code"] == unknown.json()["code"] == "export_not_found"
    assert bob.order(bob.framing(key)).json()["code"] == "input_not_found"
    assert bob.order(bob.framing(f"../{key}")).json()["code"] == "input_not_found"
    owner = ada.client.get("/api/me").json()["user"]["id"]
    assert bob.order(bob.framing(f"u/{owner}/{key}")).json()["code"] == "input_not_found"
    assert bob.listed("recent") == bob.listed("active") == bob.listed("project/1") == []
    assert bob.client.post(f"{EXPORTS}/acknowledge", json={"job_ids": [job_id]}).json() == {"acknowledged": 0}
    assert bob.balance == ("600", "0")


@pytest.mark.parametrize(
    ("config", "kind", "code", "said"),
    [
        ({"keyframes": [{**WINDOW, "x": 150}]}, "framing", "crop_outside", "keyframe 1"),
        ({"keyframes": [WINDOW, {**WINDOW, "time": 9}]}, "framing", "past_the_end", "keyframe 2"),
        ({"keyframes": [{**WINDOW, "width": 100}]}, "framing", "crop_shape", "120x216"),
        ({"keyframes": [WINDOW], "target_fps": 0}, "framing", "bad_config", "target_fps"),
        ({"clips": [{**CLIP, "start_time": 1.4, "end_time": 3}]}, "annotate", "past_the_end", "clip 1"),
        ({"clips": [CLIP, {**CLIP, "end_time": 0.1}]}, "annotate", "bad_span", "clip 2"),
    ],
)
def test_what_cannot_be_rendered_is_refused_before_anything_is_held(
    ada: Editor, key: str, config: dict[str, Any], kind: str, code: str, said: str
) -> None:
    answer = ada.order({"input_key": key, **SIZE, **config}, kind)
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert said in answer.json()["detail"]
    assert ada.balance == ("600", "0")
    assert ada.listed("recent") == []


@pytest.mark.slow
def test_too_little_credit_is_told_with_the_amount(run_server: RunServer, film: bytes) -> None:
    server = run_server(credits={"welcome_seconds": "1"})
    ada = Editor(server, "ada")
    with ada.client:
        key = f"files/{ada.upload(film, name='film.mp4')['id']}"
        answer = ada.order(ada.framing(key))
        assert (answer.status_code, answer.json()["code"]) == (402, "insufficient_credits")
        assert ada.listed("recent") == []


@pytest.mark.slow
def test_an_export_that_is_over_cannot_be_cancelled(ada: Editor, key: str) -> None:
    job_id = ada.ended(ada.started(ada.order(ada.framing(key))))["job_id"]
    answer = ada.client.delete(f"{EXPORTS}/{job_id}")
    assert (answer.status_code, answer.json()["code"]) == (409, "export_over")


def test_a_queued_export_is_cancelled_at_once_and_twice(run_server: RunServer, film: bytes) -> None:
    ada = Editor(run_server(jobs={"loop": False}), "ada")
    with ada.client:
        key = f"files/{ada.upload(film, name='film.mp4')['id']}"
        job_id = ada.started(ada.order(ada.framing(key)))
        assert ada.balance == ("600", "1.5")
        assert ada.listed("active") == [job_id]
        early = ada.client.get(f"{EXPORTS}/{job_id}/download")
        assert (early.status_code, early.json()["code"]) == (409, "export_unfinished")
        for _ in range(2):
            answer = ada.client.delete(f"{EXPORTS}/{job_id}")
            assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")
        assert (answer.json()["error"], ada.balance) == ("Cancelled by user", ("600", "0"))
        assert ada.listed("active") == []
        assert ada.client.get(f"{EXPORTS}/{job_id}/download").status_code == 404
