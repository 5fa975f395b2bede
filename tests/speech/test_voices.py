"""Voices of one's own: kept, found, shared, and heard by every door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from backline.accounts.principal import Principal
from backline.db.database import Database
from backline.errors import Conflict
from backline.speech import voice_repository
from backline.speech import voices as voices_module
from backline.speech.voices import Voices, VoiceWish
from tests.conftest import Running, RunServer, running
from tests.speech.guests import rows, signed_in
from tests.speech.hearing import GENERATE, TEXT
from tests.speech.talker import talking

VOICES = "/v1/voices"


@pytest.fixture
def server(run_server: RunServer, database_url: str) -> Running:
    return run_server(database={"url": database_url})


@pytest.fixture
def ada(server: Running) -> Iterator[httpx.Client]:
    with server.client(headers=signed_in(server, "ada")) as client:
        yield client


@pytest.fixture
def eve(server: Running) -> Iterator[httpx.Client]:
    with server.client(headers=signed_in(server, "eve")) as client:
        yield client


def make(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    answer = client.post(VOICES, json={"name": "Mine", "voice": "tone-low", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def names(client: httpx.Client, **params: Any) -> list[str]:
    answer = client.get(VOICES, params=params)
    assert answer.status_code == 200
    return [voice["name"] for voice in answer.json()["voices"]]


def pcm(client: httpx.Client, voice: str, **fields: Any) -> bytes:
    answer = client.post(GENERATE, json={"text": TEXT, "voice": voice, "format": "pcm", **fields})
    assert answer.status_code == 200, answer.text
    return answer.content


def test_a_voice_is_made_read_changed_and_deleted(ada: httpx.Client, database_url: str) -> None:
    made = make(ada, name="  Cafe\u0301 ", description="Warm.\r\nSlow.", language="te", speed=0.8, emotion="laugh")
    assert made | {"id": "", "created_at": "", "updated_at": ""} == {
        "id": "",
        "name": "Café",
        "description": "Warm.\nSlow.",
        "source": "custom",
        "voice": "tone-low",
        "engine": "tone",
        "languages": made["languages"],
        "language": "te",
        "speed": 0.8,
        "emotion": "laugh",
        "public": False,
        "own": True,
        "created_at": "",
        "updated_at": "",
    }
    path = f"{VOICES}/{made['id']}"
    assert ada.get(path).json() == made
    changed = ada.patch(path, json={"name": "Tea", "language": None, "voice": "tone-high"}).json()
    assert changed == ada.get(path).json()
    assert changed | {"updated_at": ""} == made | {
        "name": "Tea",
        "language": None,
        "voice": "tone-high",
        "updated_at": "",
    }
    assert changed["updated_at"] > made["updated_at"]
    answer = ada.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    for gone in (ada.get(path), ada.delete(path), ada.patch(path, json={"name": "x"})):
        assert gone.status_code == 404
    assert names(ada, source="custom") == []
    assert rows(database_url, "SELECT name FROM speech_voices") == [("Tea",)]


BAD: list[dict[str, Any]] = [
    {"name": ""},
    {"name": "  "},
    {"name": "x" * 101},
    {"name": "a\nb"},
    {"name": "a\0b"},
    {"name": "a\u2028b"},
    {"name": 5},
    {"description": "x" * 501},
    {"description": "a\0b"},
    {"voice": "nobody"},
    {"voice": None},
    {"voice": "voice_00000000000000000000000000"},
    {"language": "xx"},
    {"speed": 0.1},
    {"speed": 5},
    {"emotion": "sarcastic-beyond-words"},
    {"public": None},
    {"owner_id": "eve"},
]


@pytest.mark.parametrize("fields", BAD, ids=lambda fields: repr(fields)[:40])
def test_what_makes_no_sense_is_refused_made_or_changed(client: httpx.Client, fields: dict[str, Any]) -> None:
    before = names(client, source="custom")
    refused = client.post(VOICES, json={"name": "Mine", "voice": "tone-low", **fields})
    assert refused.status_code == 422
    assert names(client, source="custom") == before
    made = make(client)
    assert client.patch(f"{VOICES}/{made['id']}", json=fields).status_code == 422
    assert client.get(f"{VOICES}/{made['id']}").json() == made
    client.delete(f"{VOICES}/{made['id']}")


def test_others_read_what_is_public_and_change_nothing(ada: httpx.Client, eve: httpx.Client) -> None:
    private, public = make(ada, name="Private"), make(ada, name="Public", public=True)
    assert names(eve, source="custom") == ["Public"]
    hidden, seen = f"{VOICES}/{private['id']}", f"{VOICES}/{public['id']}"
    for refused in (eve.get(hidden), eve.patch(hidden, json={"name": "x"}), eve.delete(hidden)):
        assert (refused.status_code, refused.json()["code"]) == (404, "voice_not_found")
    assert eve.get(seen).json() == public | {"own": False}
    for refused in (eve.patch(seen, json={"name": "x"}), eve.delete(seen), eve.delete(f"{VOICES}/tone-low")):
        assert (refused.status_code, refused.json()["code"]) == (403, "not_your_voice")
    assert eve.post(GENERATE, json={"text": "Hi", "voice": private["id"]}).json()["code"] == "unknown_voice"
    assert eve.post(GENERATE, json={"text": "Hi", "voice": public["id"]}).status_code == 200
    assert eve.post(VOICES, json={"name": "x", "voice": private["id"]}).status_code == 422
    ada.patch(seen, json={"public": False})
    assert eve.get(seen).status_code == 404
    assert eve.post(GENERATE, json={"text": "Hi", "voice": public["id"]}).status_code == 422


def test_a_list_is_paged_over_both_kinds_and_searched(ada: httpx.Client) -> None:
    built_in = ada.get(VOICES, params={"per_page": 100, "source": "built_in"}).json()["pagination"]["total"]
    for number in range(5):
        make(ada, name=f"Voice {number}", description="100% warm" if number % 2 else "cool_er")
    everything: list[str] = []
    for page in range(1, 100):
        answer = ada.get(VOICES, params={"per_page": 7, "page": page}).json()
        pages = -(-(built_in + 5) // 7)
        assert answer["pagination"] == {"page": page, "per_page": 7, "total": built_in + 5, "pages": pages}
        everything += [voice["id"] for voice in answer["voices"]]
        if page > pages:
            assert answer["voices"] == []
            break
    assert len(everything) == len(set(everything)) == built_in + 5
    assert names(ada, per_page=3) == ["Voice 4", "Voice 3", "Voice 2"]
    assert names(ada, source="custom") == [f"Voice {number}" for number in (4, 3, 2, 1, 0)]
    assert names(ada, search="voice 3") == ["Voice 3"]
    assert names(ada, search="0% W") == ["Voice 3", "Voice 1"]
    assert names(ada, search="l_e", source="custom") == ["Voice 4", "Voice 2", "Voice 0"]
    assert ada.get(f"{VOICES}/tone-low").json()["source"] == "built_in"
    found = ada.get(VOICES, params={"search": "TONE-LOW"}).json()["voices"]
    assert [voice["id"] for voice in found] == ["tone-low"]
    for bad in ({"page": 0}, {"per_page": 0}, {"per_page": 101}, {"source": "odd"}, {"search": "x" * 101}):
        assert ada.get(VOICES, params=bad).status_code == 422


def test_a_custom_voice_sounds_as_its_manner_says(ada: httpx.Client) -> None:
    mine = make(ada, voice="tone-high", speed=1.5)["id"]
    assert pcm(ada, mine) == pcm(ada, "tone-high", speed=1.5) != pcm(ada, "tone-high")
    assert pcm(ada, mine, speed=1.0) == pcm(ada, "tone-high")
    higher = make(ada, voice=mine, name="On top")
    assert (higher["voice"], higher["speed"]) == ("tone-high", 1.5)
    spoken = make(ada, voice="tone-high", emotion="laugh")["id"]
    laughed = pcm(ada, "tone-high", emotion="laugh")
    assert pcm(ada, spoken) == laughed != pcm(ada, "tone-high")
    assert pcm(ada, spoken, emotion="none") == pcm(ada, "tone-high")


def test_a_voices_language_is_spoken_where_none_is_asked_for(ada: httpx.Client) -> None:
    mine = make(ada, language="te")["id"]

    def languages(**fields: Any) -> list[str]:
        answer = ada.post(GENERATE, json={"text": "Hello there.", "voice": mine, **fields})
        record = ada.get(f"/v1/tts/requests/{answer.headers['x-request-id']}").json()
        found: list[str] = record["languages"]
        return found

    assert languages() == ["te"]
    assert languages(language="hi") == ["hi"]
    assert languages(language="auto") == ["en"]


async def test_it_is_heard_by_every_door_and_named_afterwards(server: Running) -> None:
    with server.client() as client:
        mine = make(client, name="Stage", voice="tone-high", speed=1.5)["id"]
        over_http = pcm(client, mine)
        body = {"model": "tone", "voice": mine, "input": TEXT, "response_format": "pcm"}
        assert client.post("/v1/audio/speech", json=body).content == over_http
        mismatch = client.post("/v1/audio/speech", json={**body, "model": "espeak"})
        assert (mismatch.status_code, mismatch.json()["error"]["code"]) == (400, "unknown_voice")
        async with talking(server) as talker:
            ready = await talker.configure(voice=mine, format="pcm")
            assert ready["voice"] == mine
            await talker.say(TEXT)
            await talker.send("input.done")
            spoken = await talker.hear()
            assert b"".join(spoken.frames) == over_http
        assert client.delete(f"{VOICES}/{mine}").status_code == 204
        assert client.post(GENERATE, json={"text": "Hi", "voice": mine}).json()["code"] == "unknown_voice"
        async with talking(server) as talker:
            await talker.send("session.config", voice=mine)
            assert (await talker.refused())["code"] == "unknown_voice"
        records = client.get("/v1/tts/requests").json()["requests"]
    assert [(one["voice"], one["voice_name"]) for one in records] == [(mine, "Stage")] * 3


def test_a_change_is_noticed_here_at_once_and_elsewhere_soon(tmp_path: Path, database_url: str) -> None:
    pepper = {"key_pepper": "p" * 32}
    with (
        running(tmp_path / "one", database={"url": database_url}, accounts=pepper) as one,
        running(tmp_path / "two", database={"url": database_url}, accounts=pepper) as two,
        one.client() as here,
        two.client() as elsewhere,
    ):
        mine = make(here, voice="tone-low")["id"]
        low, high = pcm(here, "tone-low"), pcm(here, "tone-high")
        assert pcm(here, mine) == pcm(elsewhere, mine) == low
        here.patch(f"{VOICES}/{mine}", json={"voice": "tone-high"})
        assert pcm(here, mine) == high
        voices: Voices = two.app.state.provided.get(Voices)
        now = voices.monotonic()
        voices.monotonic = lambda: now + 31
        assert pcm(elsewhere, mine) == high


async def test_an_engines_voice_costs_no_query(server: Running) -> None:
    voices: Voices = server.app.state.provided.get(Voices)
    alone = Voices(None, voices.planner)  # type: ignore[arg-type]
    assert await alone.resolve(Principal("ada"), "tone-low") is None


async def test_of_one_owner_there_are_not_too_many(database: Database, server: Running) -> None:
    planner = server.app.state.provided.get(Voices).planner
    voices = Voices(database, planner)
    ada = Principal("ada")
    first = await voices.create(ada, VoiceWish("One", "tone-low"))
    async with database.write() as tx:
        for number in range(voices_module.MAX_VOICES - 1):
            await voice_repository.insert_voice(tx, _renamed(first, number))
    with pytest.raises(Conflict, match="delete one"):
        await voices.create(ada, VoiceWish("More", "tone-low"))
    await voices.create(Principal("eve"), VoiceWish("One", "tone-low"))
    await voices.delete(ada, first.id)
    await voices.create(ada, VoiceWish("More", "tone-low"))


def _renamed(voice: voice_repository.CustomVoice, number: int) -> voice_repository.CustomVoice:
    return replace(voice, id=f"voice_{number:026d}")
