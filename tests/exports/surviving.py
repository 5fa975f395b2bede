"""What tests of the survival of exports order, and how they look at what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import Running
from tests.exports.client import WELCOME, ExportsClient
from tests.films import Film, frames_of, read_number
from tests.storage.conftest import s3_bucket, s3_endpoint  # noqa: F401 - fixtures

FILM = Film(frames=150)
WHOLE = {"time": 0, "x": 0, "y": 0, "width": 192, "height": 108}
SIZE = {"target_width": 192, "target_height": 108, "encoder": "x264"}
"""A window of all of it: frames keep their numbers."""

CHECKPOINTS = {"exports": {"segment_seconds": 2}}


def config(key: str, **more: Any) -> dict[str, Any]:
    return {"input_key": key, "keyframes": [WHOLE], **SIZE, **more}


@contextmanager
def client_of(server: Running, name: str = "ada") -> Iterator[ExportsClient]:
    client = ExportsClient(server.address, name)
    with client.http:
        yield client


def keyframe(**more: Any) -> dict[str, Any]:
    return {"time": 0, "x": 0, "y": 0, "width": 96, "height": 54, **more}


def assert_nothing_happened(client: ExportsClient) -> None:
    client.assert_has(WELCOME)
    assert client.get("/api/exports/recent")["exports"] == []


def assert_failed(client: ExportsClient, job_id: str, code: str) -> dict[str, Any]:
    item = client.ended(job_id)
    assert (item["status"], item["phase"], item["error_code"]) == ("error", "error", code), item
    assert item["error"]
    assert (item["output_url"], item["credits_consumed"]) == (None, None)
    client.assert_has(WELCOME)
    return item


def assert_film(client: ExportsClient, item: dict[str, Any], tmp_path: Path, numbers: list[int]) -> None:
    """Complete, with these frames of the source."""
    assert item["status"] == "complete", item
    path = tmp_path / "output.mp4"
    path.write_bytes(client.fetched(item))
    assert [read_number(luma) for _, luma in frames_of(path)] == numbers


def assert_only(tmp_path: Path, files: int) -> None:
    """So many files are stored, no folder of a render is there, and nothing else."""
    end = time.monotonic() + 10
    while left(tmp_path) != files:
        assert time.monotonic() < end, left(tmp_path)
        time.sleep(0.05)


def left(tmp_path: Path) -> int:
    data = tmp_path / "data"
    return sum(path.is_file() for place in ("files/u", "files/work", "tmp/exports") for path in _below(data / place))


def _below(folder: Path) -> list[Path]:
    while True:
        try:
            return list(folder.rglob("*"))
        except FileNotFoundError:  # removed meanwhile
            continue


def attempt_of(client: ExportsClient, item: dict[str, Any]) -> int:
    return int(client.get(f"/api/jobs/{item['job_id']}")["attempt"])
