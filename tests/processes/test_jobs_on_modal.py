"""Exports that are rendered on the stand-in for Modal, by the real app: whatever is killed, drained, deployed or away
meanwhile, there is one film and one charge, and a cancel ends the work where it runs."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from modal import Dict

from backline.compute.on_modal import names
from backline.compute.on_modal.entry import key_of
from backline.ids import new_id
from tests.databases import Postgres, fresh_sqlite
from tests.deploy.cloud import APP, PUBLIC_URL, Cloud, open_cloud
from tests.exports.client import WELCOME, ExportsClient
from tests.films import frames_of
from tests.modal_standin.records import Call, Container
from tests.modal_standin.standin import StandIn
from tests.processes.conftest import children, lives, until
from tests.processes.export_place import FILM, SECONDS, SEGMENTS, Member, Place
from tests.processes.store_gate import StoreGate
from tests.storage.stores import CREDENTIALS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FILM_PUT = r"/exports/[^/]+/\d+\.mp4$"
"""Of an output, when all is rendered."""


@dataclass
class Export:
    """One order of a user who has no other."""

    client: ExportsClient
    job_id: str
    film_key: str
    standin: StandIn

    @property
    def calls(self) -> list[Call]:
        """What it has started on the platform; the order of each names it, and holds no secret."""
        found = [call for call in list(self.standin.hub.calls.values()) if self.job_id.encode() in self._sent(call)]
        assert not any(CREDENTIALS.secret_access_key.encode() in self._sent(call) for call in found)
        return found

    @property
    def call(self) -> Call:
        """The only one; waits for it."""
        until(lambda: bool(self.calls))
        (call,) = self.calls
        return call

    @property
    def container(self) -> Container:
        return self.standin.running(self.call.call_id)

    def is_over(self) -> bool:
        """There, whatever anybody knows of it here."""
        return self.call.inputs[0].output is not None

    def _sent(self, call: Call) -> bytes:
        value = call.inputs[0].value
        return (self.standin.folder / "blobs" / value.args_blob_id).read_bytes() if value.args_blob_id else value.args


class ModalPlace(Place):
    """Processes that believe they talk to Modal; their store is behind a gate."""

    def __init__(self, folder: Path, url: str, cloud: Cloud, gate: StoreGate) -> None:
        super().__init__(folder, url)
        self.cloud, self.gate, self.standin = cloud, gate, cloud.standin
        self.environment = self.standin.environment
        self.settings["server"] |= {"public_url": PUBLIC_URL}
        self.settings["storage"] = {
            "bucket": cloud.bucket,
            "endpoint": gate.url,
            "access_key_id": CREDENTIALS.access_key_id,
            "secret_access_key": CREDENTIALS.secret_access_key,
        }
        self.settings["modal"] = {"enabled": True, "speech": {"engines": []}, "jam": {"enabled": False}}
        self._film = FILM.write(folder / "film.mp4")
        self._users: list[ExportsClient] = []

    def order(self, member: Member) -> Export:  # type: ignore[override]
        """By a new user, with a film of theirs."""
        client = self.client = ExportsClient(member.address, new_id("u"))
        self._users.append(client)
        key = client.upload(self._film)
        config = {"input_key": key, "clips": [{"start_time": 0, "end_time": SECONDS, "name": "|"}], "encoder": "x264"}
        return Export(client, client.order(config, "annotate"), key, self.standin)

    def leave(self) -> None:
        """All users."""
        while self._users:
            self._users.pop().http.close()

    def objects(self, fragment: str) -> list[str]:
        listed = httpx.get(f"{self.cloud.endpoint}/{self.cloud.bucket}?list-type=2", timeout=20).text
        return [key for key in re.findall(r"<Key>([^<]+)</Key>", listed) if fragment in key]

    def entries(self) -> dict[str, Any]:
        """What is on the board."""
        return dict(Dict.from_name(names.board(APP), client=self.standin.client).items())

    def kept(self, export: Export) -> int:
        """How many segments the next run would find."""
        entry = self.entries()[key_of(export.job_id, 1)]
        return len((entry["checkpoint"] or {"segments": []})["segments"])

    def assert_done(self, export: Export, attempt: int = 1) -> None:
        """Once, whole, paid once, by one call; and nothing else of it is anywhere."""
        client = export.client
        item = client.complete(export.job_id)
        client.assert_has(WELCOME - SECONDS)
        charges = [one for one in client.get("/credits/history?limit=100")["entries"] if one["kind"] == "charge"]
        assert len(charges) == 1
        path = self.folder / "output.mp4"
        path.write_bytes(client.fetched(item))
        assert len(frames_of(path)) == FILM.frames
        assert client.get(f"/api/jobs/{export.job_id}")["attempt"] == attempt
        assert export.call.function.tag == "render"
        files = {file["id"] for file in client.get("/api/files?limit=100")["files"]}
        assert files == {item["output_video_id"], export.film_key.removeprefix("files/")}
        until(lambda: len(self.objects(export.job_id)) == 1, 10)
        until(lambda: not any(export.job_id in key for key in self.entries()), 10)


@contextmanager
def opened(folder: Path, url: str, cloud: Cloud) -> Iterator[ModalPlace]:
    with StoreGate(cloud.endpoint) as gate:
        place = ModalPlace(folder, url, cloud, gate)
        try:
            yield place
        finally:
            place.leave()
            place.close()


@pytest.fixture(scope="module")
def own_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Deploys are made there, and all of it is away for a while."""
    with open_cloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, own_cloud: Cloud) -> Iterator[ModalPlace]:
    folder = tmp_path_factory.mktemp("place")
    with opened(folder, fresh_sqlite(folder), own_cloud) as place:
        yield place


@pytest.fixture(autouse=True)
def leaving(place: ModalPlace) -> Iterator[None]:
    yield
    place.leave()


@pytest.fixture(scope="module")
def gateway(place: ModalPlace) -> Member:
    return Member(place, serve=True)


def test_an_export_is_rendered_there(place: ModalPlace, gateway: Member) -> None:
    place.assert_done(place.order(gateway))


def test_a_cancelled_export_ends_there_and_costs_nothing(place: ModalPlace, gateway: Member) -> None:
    held = place.gate.hold("PUT", FILM_PUT)
    export = place.order(gateway)
    held.wait()
    container = export.container
    working = children(container.process_id)
    assert working
    assert export.client.cancel(export.job_id).status_code in (200, 202)
    assert export.client.ended(export.job_id)["status"] == "cancelled"
    until(lambda: not any(map(lives, working)), 10)
    assert container.alive
    export.client.assert_has(WELCOME)
    until(lambda: not place.objects(export.job_id), 10)
    until(lambda: not any(export.job_id in key for key in place.entries()), 10)


def test_a_container_killed_in_mid_job_goes_on_from_its_checkpoint(place: ModalPlace, gateway: Member) -> None:
    held = place.gate.hold("PUT", FILM_PUT)
    export = place.order(gateway)
    held.wait()
    until(lambda: place.kept(export) == len(SEGMENTS))
    place.standin.kill(export.container)
    place.assert_done(export)
    assert len(export.call.inputs[0].task_ids) == 2
    assert [place.gate.count("PUT", rf"{export.job_id}/1-{number}\.mp4$") for number in SEGMENTS] == [1, 1, 1]


def test_a_drained_container_ends_its_job_and_another_takes_the_next(place: ModalPlace, gateway: Member) -> None:
    held = place.gate.hold("PUT", FILM_PUT)
    export = place.order(gateway)
    held.wait()
    container = export.container
    place.standin.drain(container)
    place.assert_done(place.order(gateway))
    held.release()
    place.assert_done(export)
    assert export.call.inputs[0].task_ids == [container.task_id]
    place.standin.wait_until(lambda: not container.alive)


def test_a_deploy_in_the_middle_of_a_job(place: ModalPlace, gateway: Member) -> None:
    """The old version ends it, the next job is the new one's."""
    held = place.gate.hold("PUT", FILM_PUT)
    export = place.order(gateway)
    held.wait()
    old = export.container
    place.cloud.deploy(BACKLINE_MODAL__JOBS='{"render": {"memory_mb": 4096}}')
    after = place.order(gateway)
    place.assert_done(after)
    held.release()
    place.assert_done(export)
    assert export.call.inputs[0].task_ids == [old.task_id]
    new = place.standin.hub.containers[after.call.inputs[0].task_ids[0]]
    assert (old.definition.function.resources.memory_mb, new.definition.function.resources.memory_mb) == (8192, 4096)


@pytest.mark.parametrize("expired", [False, True])
def test_a_gateway_is_killed_and_the_next_one_finds_the_job(place: ModalPlace, gateway: Member, expired: bool) -> None:
    """expired: when it comes back after so long that nobody keeps the result any more; the film is there."""
    held = place.gate.hold("PUT", FILM_PUT)
    export = place.order(gateway)
    held.wait()
    gateway.kill()
    held.release()
    until(export.is_over)
    if expired:
        place.standin.expire(export.call.call_id)
    gateway.start()
    export.client.go_on_at(gateway.address)
    place.assert_done(export, attempt=2)


def test_modal_is_away_for_a_while(place: ModalPlace, gateway: Member) -> None:
    held = place.gate.hold("PUT", FILM_PUT)
    export = place.order(gateway)
    held.wait()
    with place.standin.unreachable():
        held.release()
        until(export.is_over)
        time.sleep(1)  # it is asked about, and nobody can say
        assert export.client.item(export.job_id)["status"] == "processing"
        meanwhile = place.order(gateway)
    place.assert_done(export)
    place.assert_done(meanwhile)


def test_one_of_two_gateways_is_killed_on_postgres(tmp_path: Path, own_cloud: Cloud, postgres: Postgres) -> None:
    with ExitStack() as stack:
        place = stack.enter_context(opened(tmp_path, stack.enter_context(postgres.fresh()), own_cloud))
        one = Member(place, serve=True)
        held = place.gate.hold("PUT", FILM_PUT)
        export = place.order(one)
        held.wait()
        other = Member(place, serve=True)
        export.client.go_on_at(other.address)
        one.kill()
        held.release()
        place.assert_done(export, attempt=2)
