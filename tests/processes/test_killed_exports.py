"""kill -9 of the loop, of the gateway and of both at every stage of an export, a cancel at every stage, a deploy in the
middle: one film, one charge, no process, no folder and no file that nobody owns, and nothing kept is rendered again."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from backline.credits.queries import verify
from backline.db.database import Database
from backline.gateway.files import open_files
from backline.settings import Settings
from tests.exports.client import WELCOME
from tests.films import frames_of
from tests.processes.conftest import lives, until
from tests.processes.export_place import FILM, IN_HAND, SECONDS, SEGMENTS, Member, Order, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

ATTEMPTS = dict.fromkeys(IN_HAND, 2) | {"finished": 1}
KEPT = {"claimed": [], "rendering": [], "kept": [0], "storing": SEGMENTS, "stored": SEGMENTS, "finish": SEGMENTS}
"""Segments that the attempt after a kill at this stage finds."""


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Iterator[Place]:
    place = Place(tmp_path, database_url)
    yield place
    place.close()


def assert_right(place: Place, ended: list[dict[str, Any]]) -> None:
    """Of all that ever was ordered: what is complete is paid once and there once, and nothing else is anywhere."""
    client = place.client
    done = [item for item in ended if item["status"] == "complete"]
    assert {item["status"] for item in ended} <= {"complete", "cancelled"}
    client.assert_has(WELCOME - SECONDS * len(done))
    charges = [one for one in client.get("/credits/history?limit=100")["entries"] if one["kind"] == "charge"]
    assert len(charges) == len(done)
    assert {item["job_id"] for item in client.get("/api/exports/recent")["exports"]} == {
        item["job_id"] for item in ended
    }
    files = {file["id"]: file for file in client.get("/api/files?limit=100")["files"]}
    assert files.keys() == {item["output_video_id"] for item in done} | {place.key.removeprefix("files/")}
    assert sorted(item["output_filename"] for item in done) == sorted(
        f"final_1_v{number}.mp4" for number in range(1, len(done) + 1)
    )
    for item in done:
        _assert_whole(place, item)
    _assert_nothing_is_left(place, len(files))


def _assert_whole(place: Place, item: dict[str, Any]) -> None:
    assert (item["duration_seconds"], item["credits_consumed"]) == (SECONDS, str(SECONDS))
    path = place.folder / "output.mp4"
    path.write_bytes(place.client.fetched(item))
    assert len(frames_of(path)) == FILM.frames
    assert events(place, item).count("succeeded") == 1


def events(place: Place, item: dict[str, Any]) -> list[str]:
    told = place.client.http.get(f"/api/jobs/{item['job_id']}/events").text
    return [line.removeprefix("event: ") for line in told.splitlines() if line.startswith("event: ")]


def _assert_nothing_is_left(place: Place, files: int) -> None:
    for pid in (place.folder / "pids").read_text().split():
        until(lambda pid=pid: not lives(int(pid)), 10)  # type: ignore[misc]
    until(lambda: not place.folders(), 10)
    asyncio.run(_sweep_and_verify(place))
    until(lambda: sum(len(names) for *_, names in os.walk(place.folder / "data" / "files")) == files, 10)


async def _sweep_and_verify(place: Place) -> None:
    settings = Settings(_env_file=None, **place.settings)
    database = Database.open(settings.database_address)
    async with open_files(settings, database, sweeping=False) as parts:
        (assets,) = (part for part in parts.values() if hasattr(part, "swept"))
        await assets.sweep(orphan_seconds=0.01)
    async with database.read() as tx:
        assert await verify(tx) == []
    await database.close()


def _assert_kept_was_used(place: Place, order: Order) -> None:
    """What a kill leaves to be done again is at most what had not been kept."""
    kept = KEPT[order.name.partition("|")[0]]
    told = place.renders(order.name)
    begun = [position for position, one in enumerate(told) if isinstance(one, list)]
    assert (told[begun[0]], told[begun[-1]]) == ([], kept)
    assert told[begun[-1] + 1 :] == [segment for segment in SEGMENTS if segment not in kept]


@SQLITE
def test_both_are_killed_at_every_stage(place: Place) -> None:
    both = Member(place, serve=True)
    client = place.settle(both)
    orders = [place.order(stage) for stage in IN_HAND]
    for order in orders:
        order.make()
        order.at_stage()
    queued, ordered, probed = place.order("nowhere"), place.order("ordered"), place.order("probing")
    queued.make()
    ordered.make_and_forget()
    ordered.at_stage()
    (place.folder / "probing").write_text(probed.name)
    probed.make_and_forget()
    probed.at_stage()
    both.kill()
    dead = place.folders()
    assert len(dead) >= 4
    both.start()
    client.go_on_at(both.address)
    assert not dead & place.folders()
    ended = [order.ended() for order in orders]
    assert {
        order.name.partition("|")[0]: item["attempt"] for order, item in zip(orders, ended, strict=True)
    } == ATTEMPTS
    for order in orders[:-1]:
        _assert_kept_was_used(place, order)
    ended += [queued.ended(), ordered.ended(), probed.ended()]
    for stage, attempt in (("ordering", 1), ("finish", 2)):
        order = place.order(stage)
        order.make_and_forget()
        order.at_stage()
        both.kill()
        both.start()
        client.go_on_at(both.address)
        ended.append(order.ended())
        assert ended[-1]["attempt"] == attempt, stage
    _assert_kept_was_used(place, order)
    assert_right(place, ended)


@SQLITE
def test_the_loop_is_killed_at_every_stage(place: Place) -> None:
    gateway, loop = Member(place, serve=True, loop=False), Member(place, serve=False)
    place.settle(gateway)
    ended = []
    for stages in (IN_HAND, ("finish",)):
        orders = [place.order(stage) for stage in stages]
        for order in orders:
            order.make()
            assert order.at_stage() != gateway.popen.pid
        loop.kill()
        loop.start()
        for order in orders:
            ended.append(order.ended())
            stage = order.name.partition("|")[0]
            assert ended[-1]["attempt"] == ATTEMPTS.get(stage, 2), stage
    assert_right(place, ended)


@SQLITE
def test_the_gateway_is_killed_at_every_stage_and_the_work_goes_on(place: Place) -> None:
    gateway, _ = Member(place, serve=True, loop=False), Member(place, serve=False)
    client = place.settle(gateway)
    ended = []
    for stages in (IN_HAND, ("ordering",), ("finish",)):
        orders = [place.order(stage) for stage in stages]
        for order in orders:
            order.make_and_forget() if stages == ("ordering",) else order.make()
            order.at_stage()
        gateway.kill()
        for order in orders:  # a server writes when it starts; on SQLite it waits for whoever else does
            order.go()
        gateway.start()
        client.go_on_at(gateway.address)
        ended += [order.ended() for order in orders]
    assert {item["attempt"] for item in ended} == {1}
    assert_right(place, ended)


@POSTGRES
def test_one_of_two_gateways_is_killed(place: Place) -> None:
    """At the claim, in the finish, and while it sweeps what the other has left; the other, or the next one, ends it."""
    gateways = [Member(place, serve=True), Member(place, serve=True)]
    client = place.settle(gateways[0])
    ended = []
    for stage in ("claimed", "finish"):
        order = place.order(stage)
        order.make()
        killed = _of(gateways, order.at_stage())
        killed.kill()
        client.go_on_at(gateways[killed is gateways[0]].address)
        ended.append(order.ended())
        assert ended[-1]["attempt"] == 2, stage
        killed.start()
    for gateway in gateways:
        assert gateway.address
    order = Order(place, "stored|stored-sweep")
    order.make()
    first = _of(gateways, order.at_stage())
    first.kill()
    second = _of(gateways, order.at_stage("sweep"))
    assert second is not first
    second.kill()
    for gateway in gateways:
        gateway.start()
    client.go_on_at(second.address)
    ended.append(order.ended())
    assert ended[-1]["attempt"] == 2
    assert place.renders(order.name) == [[], *SEGMENTS, SEGMENTS]
    assert_right(place, ended)


def _of(gateways: list[Member], pid: int) -> Member:
    return next(gateway for gateway in gateways if gateway.popen.pid == pid)


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_cancel_at_every_stage_costs_nothing_or_comes_too_late(place: Place) -> None:
    """Pain 8: a cancel is heard by the work, which is not finished and charged behind its back."""
    both = Member(place, serve=True)
    client = place.settle(both)
    orders = {stage: place.order(stage) for stage in IN_HAND}
    ids = {stage: order.make() for stage, order in orders.items()}
    for stage, order in orders.items():
        order.at_stage()
        asked = client.cancel(ids[stage])
        if stage == "finished":
            assert (asked.status_code, asked.json()["code"]) == (409, "export_over")
        else:
            assert asked.status_code in (200, 202)
    orders["finished"].go()
    ended = {stage: order.ended() for stage, order in orders.items()}
    order = orders["finish"] = place.order("finish")
    job_id = order.make()
    order.at_stage()
    asking = place.in_thread(client.cancel, job_id)
    time.sleep(0.3)  # it waits for the row, which is being ended
    order.go()
    assert asking.result().status_code == 409
    ended["finish"] = order.ended()
    late = ("finish", "finished")
    assert {stage: item["status"] for stage, item in ended.items()} == {
        stage: "complete" if stage in late else "cancelled" for stage in (*IN_HAND, "finish")
    }
    assert_right(place, [*ended.values(), *_cancelled_at_random(place)])


def _cancelled_at_random(place: Place) -> list[dict[str, Any]]:
    """At any other moment, the last milliseconds too."""
    client, chance = place.client, Random()
    begun = time.monotonic()
    ended = [place.order("nowhere").ended()]
    usual_seconds = time.monotonic() - begun
    for first, last in [(0.0, 1.1)] * 4 + [(0.8, 1.05)] * 4:
        job_id = place.order("nowhere").make()
        time.sleep(chance.uniform(first, last) * usual_seconds)
        assert client.cancel(job_id).status_code in (200, 202, 409)
        ended.append(client.ended(job_id))
    return ended


@SQLITE
def test_a_deploy_in_the_middle_goes_on_from_the_checkpoint(place: Place) -> None:
    """Pain 7: the work is of the same release as the server. SIGTERM, and the next version: nothing counts as failed,
    what was kept is not rendered again, and a client sees no failure."""
    server = Member(place, serve=True)
    client = place.settle(server)
    order = place.order("kept")
    job_id = order.make()
    order.at_stage()
    server.popen.send_signal(signal.SIGTERM)
    assert server.popen.wait(30) == 0
    with pytest.raises(httpx.HTTPError):
        client.item(job_id)
    server.start()
    client.go_on_at(server.address)
    item = order.ended()
    assert item["attempt"] == 2
    _assert_kept_was_used(place, order)
    assert not {"retrying", "failed", "lease_died"} & set(events(place, item))
    assert_right(place, [item])


@SQLITE
def test_a_disk_that_fills_up_is_said_and_costs_nothing(place: Place) -> None:
    """A real one, of 64 kB, on which films are while they are rendered."""
    scratch = place.folder / "data" / "tmp" / "exports"
    scratch.mkdir(parents=True)
    mount = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"'
    by = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, str(scratch)]
    if subprocess.run([*by, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount anything")
    server = Member(place, serve=True, by=by)
    client = place.settle(server)
    item = place.order("nowhere").ended()
    assert (item["status"], item["error_code"], item["attempt"]) == ("error", "disk_full", 5), item
    assert item["error"] == "There is no room left on the disk."
    client.assert_has(WELCOME)
    assert list(Path(f"/proc/{server.popen.pid}/root{scratch}").iterdir()) == []
    _assert_nothing_is_left(place, files=1)
