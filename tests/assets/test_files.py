"""Files with an owner, through the public door: uploads that are cut off, quotas, signed addresses, what is swept."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import time
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from backline.assets import repository, service
from backline.assets.service import Assets
from backline.clock import utc_now
from backline.db.database import Database
from backline.errors import Conflict
from backline.storage.base import Storage
from backline.storage.local_disk import LocalDisk
from backline.storage.signing import UrlSigner
from tests.conftest import Running, RunServer

DATA = bytes(range(256)) * 4000
UPLOADS = "/api/uploads"


class Owner:
    def __init__(self, server: Running, name: str) -> None:
        self.server = server
        token = httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": name}).json()["token"]
        self.token = token
        self.client = server.client(headers={"Authorization": f"Bearer {token}"})

    def begin(self, size: int, name: str = "loop.wav", content_type: str = "audio/wav") -> httpx.Response:
        told = f"filename {b64encode(name.encode()).decode()},filetype {b64encode(content_type.encode()).decode()}"
        return self.client.post(UPLOADS, headers={"Upload-Length": str(size), "Upload-Metadata": told})

    def append(self, place: str, offset: int, data: bytes, **headers: str) -> httpx.Response:
        given = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream", **headers}
        return self.client.patch(place, headers=given, content=data)

    def upload(self, data: bytes = DATA, **told: str) -> dict[str, Any]:
        place = self.begin(len(data), **told).headers["location"]
        answer = self.append(place, 0, data)
        assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(len(data)))
        return self.file(place.rpartition("/")[2])

    def file(self, file_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"/api/files/{file_id}").json()
        return answer

    def files(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get("/api/files").json()
        return answer


@pytest.fixture
def server(run_server: RunServer) -> Running:
    return run_server((), storage={"quota_bytes": 3_000_000, "max_file_bytes": 2_000_000})


@pytest.fixture
def ada(server: Running) -> Iterator[Owner]:
    owner = Owner(server, "ada")
    yield owner
    owner.client.close()


@pytest.fixture
def bob(server: Running) -> Iterator[Owner]:
    owner = Owner(server, "bob")
    yield owner
    owner.client.close()


def stored_files(server: Running, tmp_path: Path) -> list[Path]:
    return [file for file in (tmp_path / "data" / "files" / "u").rglob("*") if file.is_file()]


def test_what_goes_up_comes_down_as_it_was(ada: Owner) -> None:
    file = ada.upload(name="Loop – 120 bpm.wav")
    assert (file["name"], file["content_type"]) == ("Loop – 120 bpm.wav", "audio/wav")
    assert (file["size_bytes"], file["sha256"]) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    fetched = httpx.get(ada.server.address + file["url"])
    assert fetched.content == DATA
    assert fetched.headers["content-type"] == "audio/wav"
    assert fetched.headers["content-disposition"].startswith("inline")
    assert "Loop%20%E2%80%93%20120%20bpm.wav" in fetched.headers["content-disposition"]
    listed = ada.files()
    assert [one["id"] for one in listed["files"]] == [file["id"]]
    assert (listed["used_bytes"], listed["quota_bytes"]) == (len(DATA), 3_000_000)


def test_addresses_of_files_begin_where_clients_reach_the_server(run_server: RunServer) -> None:
    server = run_server(server={"public_url": "https://api.example.com"})
    owner = Owner(server, "ada")
    url = owner.upload()["url"]
    owner.client.close()
    assert url.startswith("https://api.example.com/files/")
    assert httpx.get(server.address + url.removeprefix("https://api.example.com")).content == DATA


def test_an_upload_that_was_cut_off_goes_on_where_it_was(ada: Owner) -> None:
    place = ada.begin(len(DATA)).headers["location"]
    half = len(DATA) // 2
    with socket.create_connection(("127.0.0.1", urlsplit(ada.server.address).port or 0), 10) as line:
        head = f"PATCH {place} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {ada.token}\r\nUpload-Offset: 0\r\n"
        head += f"Content-Type: application/offset+octet-stream\r\nContent-Length: {len(DATA)}\r\n\r\n"
        line.sendall(head.encode() + DATA[:half])
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(1)  # nothing is said before the rest has come
    offset = _settled_offset(ada, place)
    assert 0 < offset <= half
    wrong = ada.append(place, offset + 1, b"x")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "offset_mismatch")
    assert ada.append(place, offset, DATA[offset:]).headers["upload-offset"] == str(len(DATA))
    file = ada.file(place.rpartition("/")[2])
    assert file["sha256"] == hashlib.sha256(DATA).hexdigest()
    lost_answer = ada.client.head(place)
    assert lost_answer.headers["upload-offset"] == lost_answer.headers["upload-length"] == str(len(DATA))


def _settled_offset(owner: Owner, place: str) -> int:
    """What was on its way when the line was cut may still be written."""
    offset = -1
    while (now := int(owner.client.head(place).headers["upload-offset"])) != offset or not now:
        offset = now
        time.sleep(0.05)
    return offset


def test_an_upload_that_is_given_up_frees_its_room(ada: Owner) -> None:
    place = ada.begin(1000).headers["location"]
    assert ada.files()["used_bytes"] == 1000
    assert ada.client.delete(place).status_code == 204
    assert ada.files()["used_bytes"] == 0
    assert ada.client.head(place).status_code == 404


def test_a_file_without_a_byte_is_a_file(ada: Owner) -> None:
    place = ada.begin(0).headers["location"]
    assert ada.file(place.rpartition("/")[2])["size_bytes"] == 0


def test_no_more_than_the_quota_and_no_file_too_large(ada: Owner, bob: Owner) -> None:
    assert ada.begin(2_000_001).status_code == 413
    first = ada.begin(2_000_000).headers["location"]
    refused = ada.begin(1_000_001)
    assert (refused.status_code, refused.json()["code"]) == (409, "quota_exceeded")
    assert ada.begin(1_000_000).status_code == 201
    assert bob.begin(2_000_000).status_code == 201
    ada.client.delete(first)
    assert ada.begin(1_900_000).status_code == 201


def test_more_bytes_than_were_declared_are_not_taken(ada: Owner) -> None:
    place = ada.begin(10).headers["location"]
    assert ada.append(place, 0, b"x" * 11).status_code == 413
    assert int(ada.client.head(place).headers["upload-offset"]) <= 10


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Upload-Length": "-1"}, 422),
        ({"Upload-Length": "1e3"}, 422),
        ({"Upload-Length": "10", "Upload-Metadata": "filename ???"}, 422),
        ({"Upload-Length": "10", "Upload-Metadata": "filename Li4vLi4vZXRjL3Bhc3N3ZA=="}, 422),  # ../../etc/passwd
        ({"Upload-Length": "10", "Upload-Metadata": "filetype dGV4dA=="}, 422),
        ({"Upload-Length": "10", "Tus-Resumable": "0.2.2"}, 412),
        ({"Upload-Length": "10", "Upload-Concat": "partial"}, 400),
        ({"Upload-Defer-Length": "1"}, 400),
    ],
)
def test_what_cannot_be_meant_is_refused(ada: Owner, headers: dict[str, str], status: int) -> None:
    assert ada.client.post(UPLOADS, headers=headers).status_code == status
    assert ada.files()["used_bytes"] == 0


def test_a_chunk_says_what_it_is(ada: Owner) -> None:
    place = ada.begin(10).headers["location"]
    assert ada.append(place, 0, b"x", **{"Content-Type": "audio/wav"}).status_code == 415
    assert ada.append(place, 0, b"x", **{"Upload-Offset": "zero"}).status_code == 422
    assert ada.client.head(place).headers["upload-offset"] == "0"


def test_a_checksum_that_nobody_would_check_is_refused(ada: Owner) -> None:
    place = ada.begin(10).headers["location"]
    refused = ada.append(place, 0, b"x", **{"Upload-Checksum": "sha1 " + b64encode(bytes(20)).decode()})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_tus_extension")
    assert ada.client.head(place).headers["upload-offset"] == "0"


def test_an_upload_that_is_given_up_while_bytes_come_takes_no_more(ada: Owner) -> None:
    place = ada.begin(len(DATA)).headers["location"]
    given_up = False

    def pieces() -> Iterator[bytes]:
        nonlocal given_up
        yield DATA[:1000]
        headers = {"Authorization": f"Bearer {ada.token}"}
        assert httpx.delete(ada.server.address + place, headers=headers).status_code == 204
        given_up = True
        yield DATA[1000:2000]

    headers = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    assert ada.client.patch(place, headers=headers, content=pieces()).status_code == 404
    assert given_up
    assert ada.files()["used_bytes"] == 0


def test_a_foreign_user_finds_nothing(ada: Owner, bob: Owner) -> None:
    file = ada.upload()
    place = ada.begin(10).headers["location"]
    for method, path in (
        ("GET", f"/api/files/{file['id']}"),
        ("DELETE", f"/api/files/{file['id']}"),
        ("HEAD", place),
        ("DELETE", place),
        ("HEAD", f"{UPLOADS}/{file['id']}"),
    ):
        assert bob.client.request(method, path).status_code == 404, path
    assert bob.append(place, 0, b"x").status_code == 404
    assert bob.files()["files"] == []
    assert ada.file(file["id"])["id"] == file["id"]


def test_a_signed_address_is_good_for_one_thing_only(ada: Owner) -> None:
    file = ada.upload()
    address = ada.server.address
    other = ada.upload(b"other")
    query = file["url"].partition("?")[2]
    assert httpx.head(address + file["url"]).status_code == 200
    for method, url in (
        ("PUT", file["url"]),
        ("GET", file["url"].replace("expires=", "expires=9")),
        ("GET", file["url"][:-1] + ("0" if file["url"][-1] != "0" else "1")),
        ("GET", other["url"].partition("?")[0] + "?" + query),
        ("GET", file["url"].partition("?")[0]),
        ("GET", file["url"] + "&name=evil.html"),
        ("GET", "/files/../backline.db?" + query),
        ("GET", "/files/%2e%2e/backline.db?" + query),
    ):
        answer = httpx.request(method, address + url)
        assert answer.status_code in (403, 404, 405), (method, url)
        assert DATA[:64] not in answer.content


def test_a_range_is_a_range(ada: Owner) -> None:
    url = ada.server.address + ada.upload()["url"]
    part = httpx.get(url, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, DATA[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(DATA)}"
    assert httpx.get(url, headers={"Range": "bytes=-5"}).content == DATA[-5:]
    assert httpx.get(url, headers={"Range": "bytes=0-1,5-6"}).status_code == 200
    beyond = httpx.get(url, headers={"Range": f"bytes={len(DATA)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(DATA)}")


def test_a_copy_that_is_still_good_is_not_sent_again(ada: Owner) -> None:
    url = ada.server.address + ada.upload()["url"]
    etag = httpx.get(url).headers["etag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = httpx.get(url, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), known
        assert httpx.head(url, headers={"If-None-Match": known}).status_code == 304
    assert httpx.get(url, headers={"If-None-Match": '"other"'}).content == DATA
    for known, status in ((etag, 200), ("*", 200), ('"other"', 412), (f"W/{etag}", 412)):
        assert httpx.get(url, headers={"If-Match": known}).status_code == status, known


def test_a_part_is_only_sent_to_whoever_has_the_rest_of_the_same(ada: Owner) -> None:
    url = ada.server.address + ada.upload()["url"]
    etag = httpx.get(url).headers["etag"]
    for known, status in (
        (etag, 206),
        ('"other"', 200),
        (f"W/{etag}", 200),
        ("Sat, 21 Nov 2037 10:00:00 GMT", 200),
    ):
        answer = httpx.get(url, headers={"Range": "bytes=0-9", "If-Range": known})
        assert (answer.status_code, len(answer.content)) == (status, 10 if status == 206 else len(DATA)), known


def test_head_tells_of_the_whole_whatever_the_range(ada: Owner) -> None:
    url = ada.server.address + ada.upload()["url"]
    for wanted in ("bytes=0-9", "bytes=-5", f"bytes={len(DATA)}-"):
        answer = httpx.head(url, headers={"Range": wanted})
        assert (answer.status_code, answer.headers["content-length"]) == (200, str(len(DATA)))


def test_what_was_uploaded_never_runs_as_a_page(ada: Owner) -> None:
    for kind in ("text/html", "image/svg+xml", "application/javascript"):
        answer = httpx.get(ada.server.address + ada.upload(b"<script>", name="x", content_type=kind)["url"])
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


def test_what_is_deleted_is_gone_everywhere(ada: Owner, tmp_path: Path) -> None:
    file = ada.upload()
    assert len(stored_files(ada.server, tmp_path)) == 1
    assert ada.client.delete(f"/api/files/{file['id']}").status_code == 204
    assert ada.client.delete(f"/api/files/{file['id']}").status_code == 404
    assert httpx.get(ada.server.address + file["url"]).status_code == 404
    assert stored_files(ada.server, tmp_path) == []
    assert ada.files()["used_bytes"] == 0


def test_files_are_listed_in_pages(ada: Owner) -> None:
    made = [ada.upload(bytes([number]))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = ada.client.get(f"/api/files?limit=2{cursor}").json()
        seen += [one["id"] for one in page["files"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


def test_an_upload_larger_than_a_request_may_be(ada: Owner) -> None:
    """The limit of bodies is for bodies that are read whole."""
    data = bytes(1_900_000)
    assert ada.upload(data)["sha256"] == hashlib.sha256(data).hexdigest()


async def test_the_sweep_removes_what_expired_and_what_nobody_owns(database: Database, tmp_path: Path) -> None:

    now = utc_now()
    async with LocalDisk(tmp_path / "files", UrlSigner([b"s" * 32])) as storage:
        assets = Assets(database, storage, quota_bytes=10**9, max_file_bytes=10**9, clock=lambda: now)
        await _forgotten(assets, database, storage)
        await assets.sweep()
        assert len((await storage.list()).objects) == 3  # too young to be anybody's orphan
        now += timedelta(days=2)
        await assets.sweep(orphan_seconds=0.01)
        left = [one.key for one in (await storage.list()).objects]
        assert left == ["u/ada/results/kept"]
        async with database.read() as tx:
            assert await repository.used_bytes(tx, "ada") == await repository.counted_bytes(tx, "ada") == 4


async def test_the_sweep_does_not_stop_at_a_hundred(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_BATCH", 5)
    now = utc_now()
    async with LocalDisk(tmp_path / "files", UrlSigner([b"s" * 32])) as storage:
        assets = Assets(database, storage, quota_bytes=10**9, max_file_bytes=10**9, clock=lambda: now)
        for _ in range(12):
            await assets.begin_upload("ada", "x", "audio/wav", 10)
        now += timedelta(days=2)
        await assets.sweep()
        assert await assets.used_bytes("ada") == 0


async def _forgotten(assets: Assets, database: Database, storage: Storage) -> None:
    """A result that is kept, one that expires, an orphan, and an upload that nobody goes on with."""
    for name, keep_days in (("kept", None), ("short", 1.0)):
        stored = await storage.put(f"u/ada/results/{name}", name.encode()[:4], content_type="audio/wav")
        async with database.write() as tx:
            await assets.register(
                tx,
                owner_id="ada",
                key=f"u/ada/results/{name}",
                stored=stored,
                name=name,
                content_type="audio/wav",
                keep_days=keep_days,
            )
    await storage.put("u/ada/results/orphan", b"x", content_type="audio/wav")
    upload = await assets.begin_upload("ada", "x", "audio/wav", 100)
    await assets.append("ada", upload.id, 0, b"half")


async def test_parallel_uploads_cannot_take_the_same_room(database: Database, tmp_path: Path) -> None:

    async with LocalDisk(tmp_path / "files", UrlSigner([b"s" * 32])) as storage:
        assets = Assets(database, storage, quota_bytes=1000, max_file_bytes=1000)

        async def attempt() -> bool:
            try:
                await assets.begin_upload("ada", "x", "audio/wav", 300)
            except Conflict:
                return False
            return True

        assert sum(await asyncio.gather(*(attempt() for _ in range(10)))) == 3
        async with database.read() as tx:
            assert await repository.used_bytes(tx, "ada") == await repository.counted_bytes(tx, "ada") == 900


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it leaves files to be collected
def test_a_well_kept_client_of_the_protocol_uploads_in_pieces_and_goes_on(ada: Owner, tmp_path: Path) -> None:
    from tusclient.client import TusClient

    source = tmp_path / "loop.wav"
    source.write_bytes(DATA)
    client = TusClient(ada.server.address + UPLOADS, headers={"Authorization": f"Bearer {ada.token}"})
    metadata = {"filename": "loop.wav", "filetype": "audio/wav"}
    first = client.uploader(str(source), chunk_size=100_000, metadata=metadata)
    first.upload_chunk()  # type: ignore[no-untyped-call]
    again = client.uploader(str(source), chunk_size=300_000, url=first.url)
    assert again.offset == 100_000
    again.upload()
    (file,) = ada.files()["files"]
    assert (file["name"], file["sha256"]) == ("loop.wav", hashlib.sha256(DATA).hexdigest())
