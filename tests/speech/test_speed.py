"""Any speed that the API names is heard, whether the engine reaches it or not, and words keep to their sound."""

from __future__ import annotations

import httpx
import pytest

from backline.media.decode import decode

TEXT = "Seven quick foxes ran over the hill and slept in the shade."


def _seconds(client: httpx.Client, text: str, speed: float) -> float:
    answer = client.post("/v1/tts/generate", json={"text": text, "speed": speed, "voice": "male-1"})
    assert answer.status_code == 200, answer.text
    samples, rate_hz = decode(answer.content)
    return len(samples) / rate_hz


@pytest.mark.parametrize("speed", [0.25, 0.5, 2.0, 3.0, 4.0])
def test_a_speed_changes_the_length_by_its_factor(client: httpx.Client, speed: float) -> None:
    assert _seconds(client, TEXT, speed) == pytest.approx(_seconds(client, TEXT, 1.0) / speed, rel=0.2)


def test_speeds_in_ssml_multiply(client: httpx.Client) -> None:
    slow = f"<speak><prosody rate='50%'>{TEXT}</prosody></speak>"
    assert _seconds(client, slow, 0.5) == pytest.approx(_seconds(client, TEXT, 0.25), rel=0.1)
