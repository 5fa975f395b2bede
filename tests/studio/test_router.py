from __future__ import annotations

import re

import httpx
import pytest

from backline.studio.router import STATIC_DIR, content_security_policy
from tests.conftest import RunServer


def test_page_forbids_everything_from_elsewhere(client: httpx.Client) -> None:
    answer = client.get("/studio")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert f"connect-src 'self' ws://{client.base_url.netloc.decode()} " in policy


def test_page_holds_no_inline_script_or_style_and_no_foreign_address(client: httpx.Client) -> None:
    page = client.get("/studio").text

    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    assert not re.search(r"https?://|//\w", page)


def test_every_file_the_page_names_is_served(client: httpx.Client) -> None:
    paths = re.findall(r'(?:src|href)="([^"]+)"', client.get("/studio").text)

    assert paths
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_every_import_of_a_script_is_a_file() -> None:
    missing = [
        f"{script.relative_to(STATIC_DIR)}: {target}"
        for script in STATIC_DIR.rglob("*.js")
        for target in re.findall(r'(?:from\s*|import\()"([^"]+)"', script.read_text(encoding="utf-8"))
        if not (script.parent / target).is_file()
    ]

    assert missing == []


@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("base.css", "text/css; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
    ],
)
def test_files_are_asked_for_each_time_and_sent_once(client: httpx.Client, path: str, media_type: str) -> None:
    first = client.get(f"/studio/static/{path}")
    again = client.get(f"/studio/static/{path}", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["content-type"] == media_type
    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["vendor/preact/README.md", "vendor/htm/LICENSE", "missing.js", "..%2f..%2frouter.py", "%2e%2e/router.js", ""],
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    assert client.get(f"/studio/static/{path}").status_code == 404


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000"])
def test_policy_allows_sockets_to_the_page_s_own_host(host: str) -> None:
    assert f"connect-src 'self' ws://{host} wss://{host};" in content_security_policy(host)


@pytest.mark.parametrize("host", ["", "a b", "x; script-src *", "evil\r\nX: y", "*"])
def test_a_strange_host_adds_nothing_to_the_policy(host: str) -> None:
    assert "connect-src 'self';" in content_security_policy(host)


def test_films_may_come_from_where_files_are_kept(run_server: RunServer) -> None:
    store = {"bucket": "films", "endpoint": "https://objects.test", "access_key_id": "a", "secret_access_key": "b"}
    with run_server(storage=store).client() as client:
        policy = client.get("/studio").headers["content-security-policy"]

    assert "media-src 'self' blob: https://objects.test;" in policy


def test_films_of_the_data_folder_come_from_the_server_itself(client: httpx.Client) -> None:
    assert "media-src 'self' blob:;" in client.get("/studio").headers["content-security-policy"]
