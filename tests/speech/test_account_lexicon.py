"""Words that an account says its own way, in every request and by every door."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from backline.db.database import Database
from backline.errors import Unavailable
from backline.speech.lexicon import AccountWords, Lexicons
from tests.conftest import Running, RunServer, running
from tests.speech.guests import signed_in
from tests.speech.hearing import GENERATE
from tests.speech.talker import talking
from tests.speech.test_lexicon import BAD, CANARY, GOOD, LEXICON

ROUTE = "/v1/tts/lexicon"
NORMALIZE = "/v1/tts/normalize"


@pytest.fixture
def server(run_server: RunServer, database_url: str) -> Running:
    return run_server(database={"url": database_url})


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def keep(client: httpx.Client, lexicon: dict[str, str]) -> None:
    answer = client.put(ROUTE, json={"lexicon": lexicon})
    assert answer.status_code == 200
    assert answer.json() == {"lexicon": lexicon} == client.get(ROUTE).json()


def read(client: httpx.Client, text: str, **fields: Any) -> str:
    answer: str = client.post(NORMALIZE, json={"text": text, **fields}).json()["text"]
    return answer


def pcm(client: httpx.Client, text: str, **fields: Any) -> bytes:
    answer = client.post(GENERATE, json={"text": text, "voice": "tone-low", "format": "pcm", **fields})
    assert answer.status_code == 200
    return answer.content


def pcm_by_openai(client: httpx.Client, text: str) -> bytes:
    body = {"model": "tone", "voice": "tone-low", "input": text, "response_format": "pcm"}
    return client.post("/v1/audio/speech", json=body).content


def test_the_set_is_replaced_as_a_whole(client: httpx.Client) -> None:
    assert client.get(ROUTE).json() == {"lexicon": {}}
    keep(client, LEXICON)
    assert read(client, "SQL on 5G") == "sequel on fifth generation"
    keep(client, {"SQL": "ess cue ell"})
    assert read(client, "SQL on 5G") != "ess cue ell on fifth generation"
    assert read(client, "SQL on") == "ess cue ell on"
    keep(client, {})
    assert "sequel" not in read(client, "SQL")
    keep(client, GOOD)


async def test_it_is_heard_by_every_door(server: Running, client: httpx.Client) -> None:
    text, written = "Ask SQL in New York.", "Ask sequel in the apple."
    said = pcm(client, written)
    assert pcm(client, text) != said
    keep(client, LEXICON)
    assert pcm(client, text) == said
    assert pcm(client, text, normalize=False) == pcm(client, written, normalize=False)
    assert pcm_by_openai(client, text) == said
    async with talking(server, voice="tone-low", format="pcm") as talker:
        await talker.say(text)
        await talker.send("input.done")
        assert b"".join((await talker.hear()).frames) == said


async def test_it_is_heard_in_a_session_that_was_not_configured(server: Running, client: httpx.Client) -> None:
    keep(client, {"SQL": "one two three"})
    async with talking(server) as talker:
        await talker.say("SQL")
        await talker.send("input.done")
        spoken = await talker.hear()
    keep(client, {})
    with server.client() as plain:
        whole = plain.post(GENERATE, json={"text": "one two three"})
    assert spoken.done["audio_seconds"] == pytest.approx(float(whole.headers["x-audio-seconds"]), abs=0.001)


def test_a_requests_own_words_go_first(client: httpx.Client) -> None:
    keep(client, {"SQL": "sequel", "NGINX": "engine x", "sun": "moon"})
    assert read(client, "SQL nginx NGINX sun", lexicon={"SQL": "database", "nginx": "server"}) == (
        "database server server moon"
    )
    assert pcm(client, "SQL sun", lexicon={"SQL": "database"}) == pcm(client, "database moon")


def test_everybody_has_words_of_their_own(server: Running, client: httpx.Client) -> None:
    keep(client, {"SQL": "sequel"})
    with server.client(headers=signed_in(server, "eve")) as eve:
        assert eve.get(ROUTE).json() == {"lexicon": {}}
        assert "sequel" not in read(eve, "SQL")
        keep(eve, {"SQL": "eve's"})
    assert read(client, "SQL") == "sequel"


def test_what_is_no_lexicon_is_refused_and_changes_nothing(client: httpx.Client) -> None:
    keep(client, {"SQL": "sequel"})
    for lexicon, where in BAD:
        refused = client.put(ROUTE, json={"lexicon": lexicon})
        assert refused.status_code == 422
        assert where in refused.text
        assert CANARY not in refused.text
        assert client.get(ROUTE).json() == {"lexicon": {"SQL": "sequel"}}


@pytest.mark.slow
def test_a_change_is_noticed_elsewhere_soon_and_outlives_the_server(tmp_path: Path, database_url: str) -> None:
    with (
        running(tmp_path / "one", database={"url": database_url}) as one,
        running(tmp_path / "two", database={"url": database_url}) as two,
        one.client() as here,
        two.client() as elsewhere,
    ):
        keep(here, {"SQL": "sequel"})
        assert read(elsewhere, "SQL") == "sequel"
        keep(here, {"SQL": "database"})
        assert read(here, "SQL") == "database"
        lexicons: Lexicons = two.app.state.provided.get(Lexicons)
        now = lexicons.monotonic()
        lexicons.monotonic = lambda: now + 31
        assert read(elsewhere, "SQL") == "database"
    with running(tmp_path / "three", database={"url": database_url}) as three, three.client() as client:
        assert read(client, "SQL") == "database"


async def test_two_who_replace_at_once_leave_one_of_both_sets(database: Database) -> None:
    lexicons = [Lexicons(database), Lexicons(database)]
    sets = [{f"word{number}": name for number in range(50)} for name in ("one", "two")]
    for _ in range(5):
        await asyncio.gather(*(each.replace("me", words) for each, words in zip(lexicons, sets, strict=True)))
        assert await lexicons[0].read("me") in sets


class Away:
    """A database that is away, or that does not answer."""

    def __init__(self, *, hangs: bool) -> None:
        self.reads = 0
        self._hangs = hangs

    @asynccontextmanager
    async def read(self) -> Any:
        self.reads += 1
        if self._hangs:
            await asyncio.sleep(3600)
        if self.reads:
            raise Unavailable("Away.")
        yield


@pytest.mark.parametrize("hangs", [False, True])
async def test_without_a_database_speech_goes_on_with_what_is_known(database: Database, hangs: bool) -> None:
    now = [0.0]
    lexicons = Lexicons(database, monotonic=lambda: now[0])
    await lexicons.replace("me", {"SQL": "sequel"})
    away = Away(hangs=hangs)
    lexicons._database = away  # type: ignore[assignment]
    now[0] = 31
    for _ in range(3):
        assert await lexicons.words_for("me", {}) == {"SQL": "sequel"}
        assert await lexicons.words_for("you", {}) == {}
    assert away.reads == 2
    for task in lexicons._reading.values():
        task.cancel()


async def test_words_that_did_not_change_are_not_read_in_again(database: Database) -> None:
    now = [0.0]
    lexicons = Lexicons(database, monotonic=lambda: now[0])
    await lexicons.replace("me", {"SQL": "sequel"})
    words = await lexicons.words_for("me", {})
    now[0] = 31
    again = await lexicons.words_for("me", {})
    assert isinstance(words, AccountWords)
    assert again is words
