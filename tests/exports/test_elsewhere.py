"""Exports that another machine renders: the same films, names and money, by links alone."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from backline.compute.in_child import run_in_child
from backline.compute.remote import Remote
from backline.compute.remote_twin import RemoteTwin, Report
from backline.errors import Failed, Unavailable
from backline.exports import work
from backline.exports.elsewhere import RenderElsewhere
from backline.gateway import services
from backline.jobs import attempt
from backline.jobs.job import Data, Job, JobState
from backline.settings import Settings
from tests.conftest import RunServer
from tests.exports.client import WELCOME, ExportsClient
from tests.exports.surviving import CHECKPOINTS, FILM, assert_film, attempt_of, client_of, config
from tests.exports.test_survival import keys_in
from tests.jobs.test_advance import JOB
from tests.storage import stores
from tests.storage.conftest import s3_bucket, s3_endpoint  # noqa: F401 - fixtures

RENDER = "backline.engines.video.by_link:render"
SECRET = "a secret of the bucket"


class Provider:
    """Machines that render, each in a process of its own. orders: what they were given. runs: how many of them do each,
    as when a container is taken for dead. failures: of the gateway, when it looks at a film. ended: jobs."""

    def __init__(self) -> None:
        self.orders: list[Mapping[str, Any]] = []
        self.runs = 1
        self.failures: list[Exception] = []
        self.ended: list[str] = []
        self.twins: list[RemoteTwin] = []

    @asynccontextmanager
    async def remote_jobs(self, _settings: Settings) -> AsyncIterator[Remote]:
        """In place of the gateway's."""
        twin = RemoteTwin({"render": self._render})
        self.twins.append(twin)
        yield twin
        await twin.close()

    async def _render(self, job_id: str, attempt: int, data: Mapping[str, Any], report: Report) -> Mapping[str, Any]:
        self.orders.append(data)
        given = {**data, "job_id": job_id, "attempt": attempt}
        try:
            return (await asyncio.gather(*(run_in_child(RENDER, given, _told(report)) for _ in range(self.runs))))[0]
        finally:
            self.ended.append(job_id)


def _told(report: Report) -> Callable[[Mapping[str, Any]], None]:
    state: dict[str, Any] = {"progress": 0.0, "message": None, "more": {}, "checkpoint": None}

    def told(values: Mapping[str, Any]) -> None:
        rest = dict(values)
        if "checkpoint" in rest:
            state["checkpoint"] = rest["checkpoint"]
        else:
            state.update(progress=rest.pop("progress"), message=rest.pop("message", None), more=rest)
        report(**state)

    return told


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return FILM.write(tmp_path_factory.mktemp("films") / "film.mp4").read_bytes()


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Provider:
    provider = Provider()
    store = RenderElsewhere.store

    async def stored(self: RenderElsewhere, job: Job, output: Data) -> Data:
        if provider.failures:
            raise provider.failures.pop()
        return await store(self, job, output)

    monkeypatch.setattr(RenderElsewhere, "store", stored)
    monkeypatch.setattr(services, "remote_jobs", provider.remote_jobs)
    monkeypatch.setattr(attempt, "delay_seconds", lambda *_: 0.01)
    monkeypatch.setattr(work, "_STORE_AGAIN_SECONDS", (0.01,) * 6)
    return provider


@pytest.fixture
def bucket(s3_endpoint: str, s3_bucket: str) -> str:  # noqa: F811
    return f"{s3_endpoint}/{s3_bucket}"


@pytest.fixture
def ada(run_server: RunServer, provider: Provider, bucket: str) -> Iterator[ExportsClient]:
    endpoint, _, name = bucket.rpartition("/")
    keys = {"access_key_id": "key", "secret_access_key": SECRET}
    storage = {"bucket": name, "endpoint": endpoint, "region": "us-east-1", **keys}
    with client_of(run_server((), storage=storage, **CHECKPOINTS)) as client:
        yield client


def assert_only(bucket: str, objects: int) -> None:
    end = time.monotonic() + 10
    while len(there := keys_in(bucket)) != objects:
        assert time.monotonic() < end, there
        time.sleep(0.05)


@pytest.mark.slow
def test_the_same_film_name_and_money_by_links_alone(
    ada: ExportsClient, film: bytes, provider: Provider, bucket: str, tmp_path: Any
) -> None:
    item = ada.complete(ada.order(config(ada.upload(film))))
    assert_film(ada, item, tmp_path, list(range(150)))
    assert (item["output_filename"], item["width"], item["duration_seconds"]) == ("project_1_v1.mp4", 192, 5.0)
    assert float(item["credits_consumed"]) == 5
    ada.assert_has(WELCOME - 5)
    (order,) = provider.orders
    assert SECRET not in json.dumps(order)
    assert [len(order["segments"]), order["checkpoint"]] == [3, None]
    file = ada.get(f"/api/files/{item['output_video_id']}")
    assert file["size_bytes"] == len(ada.fetched(item))
    assert_only(bucket, 2)


@pytest.mark.slow
def test_two_runs_of_one_attempt_make_one_film(
    ada: ExportsClient, film: bytes, provider: Provider, bucket: str, tmp_path: Any
) -> None:
    provider.runs = 2
    item = ada.complete(ada.order(config(ada.upload(film))))
    assert_film(ada, item, tmp_path, list(range(150)))
    ada.assert_has(WELCOME - 5)
    assert_only(bucket, 2)


@pytest.mark.slow
def test_a_cancel_ends_it_and_costs_nothing(ada: ExportsClient, film: bytes, provider: Provider, bucket: str) -> None:
    slow = {"segments": {"segments": [{"start": 0, "end": 5, "speed": 0.1}]}, "target_width": 1920}
    job_id = ada.order(config(ada.upload(film), **slow, target_height=1080))
    end = time.monotonic() + 20
    while ada.item(job_id)["phase"] != "processing":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert ada.item(job_id)["message"] == "Rendering"
    ada.cancel(job_id)
    assert ada.ended(job_id)["status"] == "cancelled"
    assert "seconds_left" in ada.http.get(f"/api/jobs/{job_id}/events").text
    assert provider.ended == [job_id]
    ada.assert_has(WELCOME)
    assert_only(bucket, 1)


@pytest.mark.slow
def test_a_film_is_found_by_the_attempt_after_the_one_that_had_it_rendered(
    ada: ExportsClient, film: bytes, provider: Provider, bucket: str, tmp_path: Any
) -> None:
    """The result of the call is gone by then, and the receipt is not; the film keeps the number of its attempt."""
    provider.twins[0]._kept_seconds = -1.0
    provider.failures = [Failed("a mistake of ours")]
    item = ada.complete(ada.order(config(ada.upload(film))))
    assert (attempt_of(ada, item), len(provider.orders)) == (2, 1)
    ada.assert_has(WELCOME - 5)
    assert_only(bucket, 2)
    assert_film(ada, item, tmp_path, list(range(150)))


PLAN = {
    "clips": [{"link": "u/anna/in.mp4", "name": "the film", "spans": [{"start": 0, "end": 5}]}],
    "width": 192,
    "height": 108,
    "rate": "30",
    "segment_seconds": 2,
}
RUNNING = replace(
    JOB,
    kind="export",
    state=JobState.RUNNING,
    attempt=3,
    remote={"provider": "elsewhere", "function": "render", "attempt": 2, "call": "call-1"},
    input={"plan": PLAN, "sources": [], "seconds": 5},
    checkpoint={"segments": [{"index": 0, "digest": "d", "frames": 60, "key": "work/anna/job_1/1-0.mp4"}]},
)


async def test_an_order_holds_signed_links(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stores.s3("http://127.0.0.1:9") as storage:
        order = await RenderElsewhere(storage, RemoteTwin({})).order(RUNNING)
    assert order["plan"]["clips"][0]["link"].startswith("http://127.0.0.1:9/files/u/anna/in.mp4?X-Amz-")
    film, receipt = order["film"], order["receipt"]
    assert film["key"] == "u/anna/exports/job_1/3.mp4"
    assert all(one["put"]["headers"]["If-None-Match"] == "*" for one in (film, receipt, *order["segments"]))
    assert [one["key"] for one in order["segments"]] == [f"work/anna/job_1/3-{index}.mp4" for index in range(3)]
    assert set(order["links"]) == {"work/anna/job_1/1-0.mp4", *(one["key"] for one in order["segments"])}
    assert order["checkpoint"] == RUNNING.checkpoint
    assert stores.CREDENTIALS.secret_access_key not in json.dumps(order)


async def test_what_an_earlier_attempt_has_left_is_its_receipt() -> None:
    receipt = {"key": "u/anna/exports/job_1/2.mp4", "stored": {"size_bytes": 4}, "rendered": {}}
    async with stores.memory() as storage:
        elsewhere = RenderElsewhere(storage, RemoteTwin({}))
        assert await elsewhere.look(RUNNING) is None
        await storage.put("work/anna/job_1/2.json", b"rubbish", content_type="application/json")
        assert await elsewhere.look(RUNNING) is None
        await storage.put("work/anna/job_1/2.json", json.dumps(receipt).encode(), content_type="application/json")
        assert await elsewhere.look(RUNNING) == receipt


@pytest.mark.parametrize(
    ("key", "size"),
    [("u/anna/exports/job_1/3.mp4", 4), ("u/anna/exports/job_1/2.mp4", 5), ("u/bob/exports/job_1/2.mp4", 4)],
    ids=["none", "another size", "somebody else's"],
)
async def test_a_film_must_be_where_it_is_said_to_be(key: str, size: int) -> None:
    async with stores.memory() as storage:
        elsewhere = RenderElsewhere(storage, RemoteTwin({}))
        for owner in ("anna", "bob"):
            await storage.put(f"u/{owner}/exports/job_1/2.mp4", b"film", content_type="video/mp4")
        said = {"key": "u/anna/exports/job_1/2.mp4", "stored": {"size_bytes": 4}, "rendered": {}}
        assert await elsewhere.store(RUNNING, {**said, "more": 1}) == said
        with pytest.raises(Unavailable) as caught:
            await elsewhere.store(RUNNING, {**said, "key": key, "stored": {"size_bytes": size}})
    assert (caught.value.code, caught.value.retryable) == ("film_missing", True)
