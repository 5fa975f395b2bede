"""`POST /v1/tts/normalize`: the door to the normaliser; what it reads is tested where it is made."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

NORMALIZE = "/v1/tts/normalize"


@pytest.mark.parametrize(("text", "language"), [("It is 5", "en"), ("समय 5 है", "hi"), ("సమయం 5", "te")])
def test_every_word_of_the_answer_knows_its_source(client: httpx.Client, text: str, language: str) -> None:
    answer = client.post(NORMALIZE, json={"text": text}).json()
    assert answer["language"] == language
    assert "5" not in answer["text"]
    at = 0
    for span in answer["spans"]:
        assert span["start"] == at
        at = span["end"]
        assert 0 <= span["source_start"] <= span["source_end"] <= len(text)
    assert at == len(answer["text"])


def test_the_language_may_be_said(client: httpx.Client) -> None:
    words = {client.post(NORMALIZE, json={"text": "5", "language": one}).json()["text"] for one in ("en", "hi", "te")}
    assert len(words) == 3


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 422),
        ({"text": "a\0"}, 422),
        ({"text": "a" * 50_001}, 422),
        ({"text": "a", "other": 1}, 422),
        ({"text": "a", "language": "tlh"}, 422),
        ({"language": "en"}, 422),
        (["a"], 422),
    ],
)
def test_bad_wishes_are_refused(client: httpx.Client, body: Any, status: int) -> None:
    response = client.post(NORMALIZE, json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "status"),
    [(b'{"text": "\\ud800"}', 422), (b'{"\\ud800": 1}', 422), (b'{"text": "\xff"}', 400), (b'{"text":', 400)],
)
def test_broken_bodies_are_refused(client: httpx.Client, body: bytes, status: int) -> None:
    response = client.post(NORMALIZE, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code in (status, 400)
    assert response.json()["request_id"] == response.headers["x-request-id"]
