"""Where files are in a bucket, segments are too, and the address of the sound is the bucket's own."""

from __future__ import annotations

import httpx
import pytest

from backline.media.audio import from_pcm16
from tests.conftest import RunServer
from tests.speech.hearing import eventually
from tests.speech.long_jobs import LongJobs, assert_same, book, expected
from tests.storage.conftest import s3_bucket, s3_endpoint  # noqa: F401 - fixtures

pytestmark = pytest.mark.slow


def test_a_long_speech_is_made_and_kept_in_a_bucket(run_server: RunServer, s3_endpoint: str, s3_bucket: str) -> None:  # noqa: F811
    keys = {"access_key_id": "key", "secret_access_key": "secret"}
    storage = {"bucket": s3_bucket, "endpoint": s3_endpoint, "region": "us-east-1", **keys}
    with run_server(storage=storage).client() as client:
        jobs = LongJobs(client)
        job = jobs.succeeded(jobs.make(book(250)))
        assert job["url"].startswith(f"{s3_endpoint}/{s3_bucket}/u/local/")
        assert_same(from_pcm16(httpx.get(job["url"]).content), expected(250))  # beyond one part of an upload

        def left() -> int:
            return httpx.get(f"{s3_endpoint}/{s3_bucket}?list-type=2").text.count("<Key>")

        eventually(lambda: left() == 3)
