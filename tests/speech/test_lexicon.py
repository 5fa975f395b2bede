"""A caller's own lexicon over HTTP and the WebSocket: said as they wish, shown where they were written."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import Running
from tests.speech.hearing import GENERATE, speak
from tests.speech.talker import talking

NORMALIZE = "/v1/tts/normalize"
CANARY = "zanzibarquokka"
LEXICON = {"SQL": "sequel", "New York": "the apple", "नमस्ते": "नमस्कार", "5G": "fifth generation"}
GOOD = {f"word{number}": "spoken" for number in range(500)}

BAD: list[tuple[Any, str]] = [
    (None, "lexicon"),
    ([CANARY], "lexicon"),
    ("SQL", "lexicon"),
    ({**GOOD, CANARY: "one too many"}, "500"),
    ({"a": "b", CANARY: 5}, "entry 2"),
    ({"a": "b", CANARY: None}, "entry 2"),
    ({"a": "b", CANARY: ""}, "entry 2"),
    ({"a": "b", CANARY: " "}, "entry 2"),
    ({"a": CANARY, "": CANARY}, "entry 2"),
    ({"a": CANARY, "\u00a0": CANARY}, "entry 2"),
    ({CANARY: "x" * 301}, "entry 1"),
    ({CANARY + "x" * 100: "x"}, "entry 1"),
    ({f"{CANARY}\n": "x"}, "entry 1"),
    ({CANARY: f"{CANARY}\0"}, "entry 1"),
    ({CANARY: "\u0085"}, "entry 1"),
    ({CANARY: {"a": CANARY}}, "entry 1"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("normalize", [False, True], ids=["as it stands", "normalised"])
def test_a_word_sounds_like_its_spoken_form(client: httpx.Client, normalize: bool, stream: bool) -> None:
    manner = {"format": "pcm", "normalize": normalize, "stream": stream}
    respelled = speak(client, text="Ask SQL in New  York. नमस्ते SQL.", lexicon=LEXICON, **manner)
    written_out = speak(client, text="Ask sequel in the apple. नमस्कार sequel.", **manner)
    untouched = speak(client, text="Ask SQL in New  York. नमस्ते SQL.", **manner)
    assert respelled.status_code == 200
    assert respelled.content == written_out.content != untouched.content


def test_the_answer_ties_the_spoken_form_to_the_word(client: httpx.Client) -> None:
    text = "Use SQL 5 times on 5G"
    answer = client.post(NORMALIZE, json={"text": text, "lexicon": LEXICON}).json()
    assert answer["text"] == "Use sequel five times on fifth generation"
    sources = {
        answer["text"][span["start"] : span["end"]]: text[span["source_start"] : span["source_end"]]
        for span in answer["spans"]
    }
    assert sources["sequel"] == "SQL"
    assert sources["fifth generation"] == "5G"


def test_a_language_without_rules_has_a_lexicon_too(client: httpx.Client) -> None:
    answer = client.post(NORMALIZE, json={"text": "SQL 5", "language": "ml", "lexicon": LEXICON}).json()
    assert answer["text"] == "sequel 5"


def test_a_lexicon_may_be_full(client: httpx.Client) -> None:
    lexicon = {f"{'w' * 95}{number:05}": "s" * 300 for number in range(500)}
    answer = client.post(NORMALIZE, json={"text": f"a {'w' * 95}00499 b", "lexicon": lexicon})
    assert answer.json()["text"] == f"a {'s' * 300} b"


def test_a_lexicon_is_that_of_its_request_alone(client: httpx.Client) -> None:
    assert client.post(NORMALIZE, json={"text": "ask", "lexicon": {"ask": "tell"}}).json()["text"] == "tell"
    assert client.post(NORMALIZE, json={"text": "ask"}).json()["text"] == "ask"


@pytest.mark.parametrize("path", [GENERATE, NORMALIZE])
@pytest.mark.parametrize(("lexicon", "told"), BAD)
def test_a_bad_entry_is_named_by_its_place(client: httpx.Client, path: str, lexicon: Any, told: str) -> None:
    response = client.post(path, json={"text": "a", "lexicon": lexicon})
    assert response.status_code == 422
    assert told in response.json()["detail"]
    assert response.json()["errors"][0]["field"] == "lexicon"
    assert CANARY not in response.text


async def test_words_of_a_session_point_at_what_was_written(server: Running) -> None:
    async with talking(server, voice="tone-low", lexicon=LEXICON) as talker:
        await talker.say("Ask SQL. In New", " York 5", "G. ")
        await talker.send("input.flush")
        first = await talker.hear()
        await talker.configure(voice="tone-low")
        await talker.say("Ask SQL.")
        await talker.send("input.done")
        second = await talker.hear()
    text = "Ask SQL. In New York 5G. "
    shown = [(word, text[start:end]) for word, start, end in first.said]
    assert shown == [
        ("Ask", "Ask"),
        ("sequel", "SQL"),
        ("In", "In"),
        ("the", "New York"),
        ("apple", "New York"),
        ("fifth", "5G"),
        ("generation", "5G"),
    ]
    assert [word for word, _, _ in second.said] == ["Ask", "SQL"]


@pytest.mark.parametrize(("lexicon", "told"), BAD)
async def test_a_bad_entry_leaves_the_session_as_it_was(server: Running, lexicon: Any, told: str) -> None:
    async with talking(server, voice="tone-low", lexicon={"ask": "tell"}) as talker:
        await talker.send("session.config", voice="tone-low", lexicon=lexicon)
        error = await talker.refused()
        assert told in error["message"]
        assert CANARY not in error["message"]
        await talker.say("Ask.")
        await talker.send("input.flush")
        assert [word for word, _, _ in (await talker.hear()).said] == ["tell"]
