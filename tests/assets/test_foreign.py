"""A foreign user at every route of files and jobs, and signed addresses bent in every way: nothing is found, nothing is
changed, and nobody can tell what is somebody else's from what is not there."""

from __future__ import annotations

import http.client
import json
import time
from base64 import b64encode
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.routing import BaseRoute
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from backline.jobs.kinds import InProcess, JobKind
from backline.jobs.queue import Jobs, Order
from backline.storage.base import Storage
from tests.assets.test_files import DATA, UPLOADS, Owner
from tests.conftest import Running, RunServer
from tests.jobs.test_loop import Gate

ROUTES = [
    ("GET", "/api/files/{file_id}", {}),
    ("DELETE", "/api/files/{file_id}", {}),
    ("HEAD", "/api/uploads/{upload_id}", {}),
    ("PATCH", "/api/uploads/{upload_id}", {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}),
    ("DELETE", "/api/uploads/{upload_id}", {}),
    ("GET", "/api/jobs/{job_id}", {}),
    ("GET", "/api/jobs/{job_id}/events", {}),
    ("POST", "/api/jobs/{job_id}/cancel", {}),
    ("GET", "/v1/tts/jobs/{job_id}", {}),
]
"""Every route that names a file or a job; the test below finds a new one. The socket has a test of its own."""


@pytest.fixture
def server(run_server: RunServer) -> Running:
    kinds = (JobKind("held", InProcess(Gate())),)
    server = run_server((), job_kinds=kinds, storage={"quota_bytes": 3_000_000, "max_file_bytes": 2_000_000})

    @server.app.post("/make/{owner}")
    async def make(owner: str) -> str:
        jobs: Jobs = server.app.state.provided.get(Jobs)
        return (await jobs.submit(Order("held", owner, {}, billed=False))).id

    return server


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


def job_of(owner: Owner) -> str:
    me = owner.client.get("/api/me").json()["user"]["id"]
    return str(owner.client.post(f"/make/{me}").json())


def everything_of(owner: Owner) -> dict[str, str]:
    """An id for each parameter of a path."""
    upload = owner.begin(10).headers["location"].rpartition("/")[2]
    return {"file_id": owner.upload()["id"], "upload_id": upload, "job_id": job_of(owner)}


def told(answer: httpx.Response) -> tuple[int, Any]:
    body = json.loads(answer.content) if answer.content else {}
    for name in ("request_id", "instance"):
        body.pop(name, None)
    return answer.status_code, body


def test_every_route_that_names_something_is_tried(server: Running) -> None:
    def paths(routes: list[BaseRoute]) -> set[str]:
        found: set[str] = set()
        for route in routes:
            inner = getattr(route, "original_router", None)
            found |= paths(inner.routes) if inner is not None else {str(getattr(route, "path", ""))}
        return found

    ours = ("/api/files/", "/api/uploads/", "/api/jobs/", "/v1/tts/jobs/")
    assert {path for path in paths(list(server.app.routes)) if path.startswith(ours)} == {path for _, path, _ in ROUTES}


def test_what_is_somebody_elses_looks_like_what_is_not_there(ada: Owner, bob: Owner) -> None:
    hers = everything_of(ada)
    nothing = {name: f"{value[:-4]}zzzz" for name, value in hers.items()}
    before = (ada.files(), ada.client.get(f"/api/jobs/{hers['job_id']}").json()["cancel_requested"])
    for method, route, headers in ROUTES:
        answers = [
            bob.client.request(
                method, route.format(**ids), headers=headers, content=b"x" if method == "PATCH" else None
            )
            for ids in (hers, nothing)
        ]
        assert answers[0].status_code == 404, route
        assert told(answers[0]) == told(answers[1]), route
    for kind, ids in (("files", hers["job_id"]), ("jobs", hers["file_id"]), ("uploads", hers["file_id"])):
        assert bob.client.request("DELETE", f"/api/{kind}/{ids}").status_code in (404, 405)
    after = (ada.files(), ada.client.get(f"/api/jobs/{hers['job_id']}").json()["cancel_requested"])
    assert [one | {"url": "", "url_expires_at": ""} for one in after[0]["files"]] == [
        one | {"url": "", "url_expires_at": ""} for one in before[0]["files"]
    ]
    assert after[1] is before[1] is False
    assert ada.client.head(f"{UPLOADS}/{hers['upload_id']}").headers["upload-offset"] == "0"


def test_a_socket_says_the_same_of_both(ada: Owner, bob: Owner) -> None:
    job = job_of(ada)
    seen = []
    for job_id in (job, f"{job[:-4]}zzzz"):
        address = f"{bob.server.address.replace('http', 'ws')}/ws/jobs/{job_id}"
        with connect(address, additional_headers={"Authorization": f"Bearer {bob.token}"}) as socket:
            error = json.loads(socket.recv())
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv()
        seen.append((error["code"], closed.value.rcvd and closed.value.rcvd.code))
    assert seen == [("job_not_found", 4404)] * 2


def test_lists_hold_ones_own_whatever_the_cursor(ada: Owner, bob: Owner) -> None:
    hers, his = everything_of(ada), everything_of(bob)
    for cursor in ("zzz", "~", hers["file_id"], hers["job_id"], "' OR 1=1 --", "%"):
        for path, name in (("/api/files", "files"), ("/api/jobs", "jobs")):
            found = bob.client.get(path, params={"cursor": cursor}).json()[name]
            assert {one["id"] for one in found} <= set(his.values())
    assert bob.client.get("/api/files", params={"cursor": "z" * 65}).status_code == 422


def raw(server: Running, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    """A path just as it is: clients tidy up what they send."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.address).port or 0, timeout=10)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": "127.0.0.1", **headers}.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_no_path_leads_out_of_what_was_signed(ada: Owner, bob: Owner, tmp_path: Path) -> None:
    own, other = ada.upload(), bob.upload(b"his secret")
    path, _, query = own["url"].partition("?")
    key, his = path.removeprefix("/files/"), other["url"].partition("?")[0].removeprefix("/files/")
    folder, name = key.rsplit("/", 1)
    for bent in (
        his,
        f"{folder}/../../{his.removeprefix('u/')}",
        f"{folder}/..%2f..%2f{his.removeprefix('u/')}",
        f"{folder}%5c..%5c{name}",
        f"./{key}",
        f"/{key}",
        f"{key}/",
        f"{key}/.",
        f"{key}%00",
        f"{key}%0a",
        f"{key}%20",
        f"{key}x",
        key[:-1],
        key.upper(),
        folder,
        folder + "/",
        "",
        ".",
        "..",
        "../backline.db",
        "..%2fbackline.db",
        "%2e%2e/backline.db",
        "%252e%252e/backline.db",
        "../secret",
        f"{folder}/../../../../secret",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        ".incoming/x",
        ".uploads/x",
        "u%00/x",
        "%ff%fe",
    ):
        status, body = raw(ada.server, f"/files/{bent}?{query}")
        assert status in (400, 403, 404, 405, 422), (bent, status)
        assert not {DATA[:32], b"his secret", b"SQLite", b"root:"} & {body[: len(DATA[:32])], body[:10], body[:6]}, bent
    assert raw(ada.server, f"{path}?{query}") == (200, DATA)


def test_a_signed_address_grants_its_method_its_key_and_its_time_and_no_more(
    ada: Owner, bob: Owner, tmp_path: Path
) -> None:
    storage: Storage = ada.server.app.state.provided.get(Storage)
    file = ada.upload(b"hers")
    key = file["url"].partition("?")[0].removeprefix("/files/")
    put = storage.sign_put("u/x/put", size_bytes=4, content_type="audio/wav", expires_seconds=60, if_absent=True)
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        status, _ = raw(ada.server, file["url"], method, **{"Content-Length": "0", "Content-Type": "audio/wav"})
        assert status in (403, 405), method
    for method in ("GET", "HEAD", "POST", "PATCH", "DELETE"):
        assert raw(ada.server, put.url, method, **{"Content-Length": "0"})[0] in (403, 405), method
    address, plain = ada.server.address, {"Content-Type": "audio/wav"}
    assert httpx.put(address + put.url, content=b"toolong", headers=plain).status_code == 422
    assert httpx.put(address + put.url, content=b"abcd", headers={"Content-Type": "text/html"}).status_code == 415
    assert httpx.put(address + put.url, content=iter([b"abcd"]), headers=plain).status_code == 422  # of no told length
    assert httpx.put(address + put.url.replace("bytes=4", "bytes=5"), content=b"abcde").status_code == 403
    assert httpx.put(address + put.url.replace("u/x/put", key), content=b"evil").status_code == 403
    assert not (tmp_path / "data" / "files" / "u" / "x" / "put").exists()
    assert httpx.put(address + put.url, content=b"good", headers=put.headers).status_code == 201
    assert httpx.put(address + put.url, content=b"evil", headers=put.headers).status_code == 412
    assert (tmp_path / "data" / "files" / "u" / "x" / "put").read_bytes() == b"good"
    free = storage.sign_put("u/x/put", size_bytes=None, content_type="audio/wav", expires_seconds=60)
    assert httpx.put(address + free.url, content=iter([b"abcd"]), headers=free.headers).status_code == 422
    assert raw(ada.server, free.url, "PUT", **plain, **{"Content-Length": "5000000001"})[0] == 413
    assert httpx.put(address + free.url, content=b"written over", headers=free.headers).status_code == 201
    assert (tmp_path / "data" / "files" / "u" / "x" / "put").read_bytes() == b"written over"
    short = storage.sign_get(key, expires_seconds=1)
    late = storage.sign_put("u/x/late", size_bytes=4, content_type="audio/wav", expires_seconds=1)
    time.sleep(1.1)
    expired = httpx.get(address + short.url)
    assert (expired.status_code, expired.json()["code"]) == (403, "url_expired")
    assert httpx.put(address + late.url, content=b"evil", headers=late.headers).status_code == 403
    assert httpx.get(address + file["url"]).content == b"hers"


@pytest.mark.parametrize(
    "name",
    [
        "..",
        ".",
        "...",
        " ",
        "../x",
        "a/b",
        "a\\b",
        "/etc/passwd",
        "C:\\x",
        "a\0b",
        "a\nb",
        "a\r\nX-Evil: 1",
        "\u202egpj",
        "x" * 201,
    ],
)
def test_a_name_is_a_name(ada: Owner, name: str) -> None:
    refused = ada.begin(10, name=name)
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_file_name")
    assert ada.files()["used_bytes"] == 0


@pytest.mark.parametrize(
    "name", ["Lied für Ada.wav", '"quoted"; filename=x', "100 % ~ (1).wav", "日本語", "-rf", ".hidden", "a..b"]
)
def test_an_odd_name_is_kept_and_harms_nothing(ada: Owner, name: str) -> None:
    file = ada.upload(b"x", name=name)
    assert file["name"] == name
    fetched = httpx.get(ada.server.address + file["url"])
    assert fetched.status_code == 200
    header = Message()
    header["Content-Disposition"] = fetched.headers["content-disposition"]
    assert {field for field, _ in header.get_params([], "content-disposition")} == {"inline", "filename"}
    assert set(fetched.headers) == set(httpx.get(ada.server.address + ada.upload(b"x")["url"]).headers)


@pytest.mark.parametrize(
    "metadata",
    [
        "filetype " + b64encode(b"audio/wav\r\nX-Evil: 1").decode(),
        "filetype " + b64encode(b"audio").decode(),
        "filetype " + b64encode(b"x" * 300 + b"/y").decode(),
        "filename " + b64encode(b"\xff\xfe").decode(),
        "filename a.wav",
        "filename YQ==,filename Yg==,filetype !!",
    ],
)
def test_metadata_that_makes_no_sense_takes_no_room(ada: Owner, metadata: str) -> None:
    refused = ada.client.post(UPLOADS, headers={"Upload-Length": "10", "Upload-Metadata": metadata})
    assert refused.status_code == 422
    assert ada.files()["used_bytes"] == 0


@pytest.mark.parametrize(
    "upload", ["..", "%2e%2e", "..%2ffiles", "%2e%2e%2f%2e%2e%2fbackline.db", "up_1/../x", "x%00", "x" * 5000]
)
def test_an_upload_is_named_by_its_id_alone(ada: Owner, upload: str) -> None:
    for method in ("HEAD", "PATCH", "DELETE"):
        headers = {"Authorization": f"Bearer {ada.token}", "Upload-Offset": "0", "Content-Length": "0"}
        headers["Content-Type"] = "application/offset+octet-stream"
        assert raw(ada.server, f"{UPLOADS}/{upload}", method, **headers)[0] in (400, 404, 405, 422), upload
