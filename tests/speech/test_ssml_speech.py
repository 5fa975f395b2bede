"""SSML through the door: what it asks for is heard."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

from backline.media.audio import Samples, silence, to_pcm16
from tests.speech.hearing import GENERATE, OVERLAP_FRAMES, decoded, speak, tone_units


def hear(client: httpx.Client, inside: str, **body: object) -> Samples:
    response = speak(client, text=f"<speak>{inside}</speak>", format="pcm", **body)
    assert response.status_code == 200, response.text
    return decoded(response, "pcm")[0]


def length(client: httpx.Client, inside: str) -> float:
    return len(hear(client, inside)) / 24000


def test_markup_is_not_spoken(client: httpx.Client) -> None:
    assert np.array_equal(to_pcm16(hear(client, "<p><s>Hello you</s></p>")), to_pcm16(tone_units(["Hello you"])[0]))


def test_a_break_is_silence_of_that_length(client: httpx.Client) -> None:
    sound = hear(client, "Aaa<break time='1500ms'/>bbb")
    first, second = tone_units(["Aaa", "bbb"])
    assert len(sound) == len(first) + 36_000 + len(second) - OVERLAP_FRAMES
    assert not sound[len(first) : len(first) + 36_000 - OVERLAP_FRAMES].any()
    assert np.array_equal(to_pcm16(sound[-len(second) :]), to_pcm16(second))


def test_a_break_at_the_end_and_one_at_the_beginning_are_heard(client: httpx.Client) -> None:
    (word,) = tone_units(["Aaa"])
    sound = hear(client, "<break time='1s'/>Aaa<break time='2s'/>")
    assert len(sound) == 24_000 + len(word) + 48_000 - OVERLAP_FRAMES
    assert np.array_equal(to_pcm16(sound[:24_000]), to_pcm16(silence(24_000)))
    assert not sound[-46_000:].any()


def test_a_rate_and_the_requests_speed_multiply(client: httpx.Client) -> None:
    slow = hear(client, "<prosody rate='50%'>abcd</prosody>", speed=2.0)
    assert len(slow) == pytest.approx(4 * 1920, abs=1)
    fast = hear(client, "<prosody rate='200%'>abcd</prosody>", speed=2.0)
    assert len(fast) == pytest.approx(1920, abs=1)


def test_letters_are_spelt_and_aliases_spoken(client: httpx.Client) -> None:
    spelt = hear(client, "<say-as interpret-as='characters'>abc</say-as>")
    assert np.array_equal(to_pcm16(spelt), to_pcm16(tone_units(["a b c"])[0]))
    alias = hear(client, "<sub alias='water'>H2O</sub>")
    assert np.array_equal(to_pcm16(alias), to_pcm16(tone_units(["water"])[0]))


def test_languages_change_within_a_text(client: httpx.Client) -> None:
    response = client.post(
        GENERATE,
        json={
            "text": "<speak>One <lang xml:lang='HI-IN'>two</lang> <s xml:lang='te'>three</s></speak>",
            "voice": "male-1",
        },
    )
    assert response.status_code == 200
    record = client.get(f"/v1/tts/requests/{response.headers['x-request-id']}").json()
    assert record["languages"] == ["en", "hi", "te"]


@pytest.mark.parametrize(
    ("inside", "code"),
    [
        ("<lang xml:lang='fr'>bonjour</lang>", "unknown_language"),
        ("<s xml:lang='tlh'>nuqneH</s>", "unknown_language"),
        ("<prosody rate='300%'><prosody rate='200%'>quick</prosody></prosody>", "bad_speed"),
        ("<prosody rate='50%'><prosody rate='25%'>slow</prosody></prosody>", "bad_speed"),
        ("<emphasis>no</emphasis>", "bad_ssml"),
    ],
)
def test_what_the_voice_cannot_do_is_refused_and_not_dropped(client: httpx.Client, inside: str, code: str) -> None:
    response = client.post(GENERATE, json={"text": f"<speak>Hello {inside}</speak>", "voice": "male-1", "stream": True})
    assert (response.status_code, response.json()["code"]) == (422, code)


def test_text_that_only_looks_like_markup_is_text(client: httpx.Client) -> None:
    """Only a text that begins with `<speak` is SSML."""
    for text in ("a < b", "Say <speak>hi</speak>", "<happy> days", "x &amp; y"):
        copy, _ = decoded(speak(client, text=text, format="pcm"), "pcm")
        assert np.array_equal(to_pcm16(copy), to_pcm16(tone_units([text])[0]))


def test_fifty_thousand_characters_of_markup_are_read(client: httpx.Client) -> None:
    inside = "<s>a</s>" * 6000
    with client.stream(
        "POST", GENERATE, json={"text": f"<speak>{inside}</speak>", "voice": "tone-low", "stream": True}
    ) as response:
        assert response.status_code == 200
        assert next(response.iter_raw())


def test_breaks_without_end_are_refused(client: httpx.Client) -> None:
    """2,000 breaks of 10 s would be two gigabytes of silence in one piece."""
    response = speak(client, text="<speak>a" + "<break time='10s'/>" * 2000 + "b</speak>", stream=True)
    assert (response.status_code, response.json()["code"]) == (422, "bad_ssml")
