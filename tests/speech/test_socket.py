"""The speech WebSocket through its own door: a real server, a real client."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect

from backline.engines.catalog import EngineEntry
from backline.media.encode.formats import FORMATS
from tests.conftest import Running, RunServer
from tests.fakes.engines import BreakingEngine, BrokenEngine, FakeEngine, SilentEngine, SlowEngine, diary, entry
from tests.speech.talker import Talker, talking

TEXT = "Good morning. It is seven o'clock; the train leaves at nine."


async def test_a_whole_conversation(server: Running) -> None:
    async with connect(server.socket_address) as connection:
        talker = Talker(connection)
        ready = await talker.expect("session.ready", language="auto", format="wav", speed=1.0)
        assert ready["request_id"]
        assert (await talker.configure(voice="tone-low", format="pcm"))["voice"] == "tone-low"
        await talker.say(TEXT)
        await talker.send("input.done")
        spoken = await talker.hear()
        await talker.end()
    assert (spoken.start["format"], spoken.start["sample_rate"], spoken.start["channels"]) == ("pcm", 24_000, 1)
    assert spoken.start["media_type"] == "audio/pcm"
    sound, rate_hz = spoken.decoded()
    assert spoken.done["audio_seconds"] == pytest.approx(len(sound) / rate_hz, abs=0.001)
    assert spoken.done["cancelled"] is False
    assert isinstance(spoken.done["credits_consumed"], str)


async def test_it_speaks_by_default_without_being_configured(server: Running) -> None:
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.done")
        sound, rate_hz = (await talker.hear()).decoded()
        await talker.end()
    assert rate_hz == 22_050
    assert np.abs(sound).max() > 0.05


async def test_the_sound_is_that_of_http(server: Running) -> None:
    with server.client() as client:
        whole = client.post("/v1/tts/generate", json={"text": TEXT, "voice": "tone-high", "format": "pcm"})
    async with talking(server, voice="tone-high", format="pcm") as talker:
        await talker.say(TEXT)
        await talker.send("input.flush")
        spoken = await talker.hear()
    assert b"".join(spoken.frames) == whole.content


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_decodes(server: Running, name: str) -> None:
    async with talking(server, voice="tone-low", format=name) as talker:
        await talker.say(TEXT)
        await talker.send("input.flush")
        spoken = await talker.hear()
    sound, rate_hz = spoken.decoded()
    assert spoken.start["sample_rate"] == rate_hz == (FORMATS[name].default_rate_hz or 24_000)
    assert len(sound) / rate_hz == pytest.approx(spoken.done["audio_seconds"], abs=0.09)  # ADTS states no delay
    assert float(np.sqrt((sound**2).mean())) > 0.1


async def test_a_rate_that_was_asked_for(server: Running) -> None:
    async with talking(server, voice="tone-low", format="wav", sample_rate=48_000) as talker:
        await talker.say("Hello.")
        await talker.send("input.flush")
        spoken = await talker.hear()
    assert spoken.start["sample_rate"] == spoken.decoded()[1] == 48_000
    assert spoken.start["super_resolution"] == "resampled"


async def test_sound_comes_before_the_text_is_complete(server: Running) -> None:
    """A sentence is spoken as soon as the next one begins; the client has not even said that it will go on."""
    async with talking(server, voice="tone-low") as talker:
        await talker.say("The first one. ", "The")
        spoken = await talker.first_sound()
        await talker.say(" second one.")
        await talker.send("input.done")
        spoken = await talker.hear(spoken)
        await talker.end()
    assert [word["text"] for word in spoken.words] == ["The", "first", "one", "The", "second", "one"]


async def test_utterances_follow_each_other_in_order(server: Running) -> None:
    async with talking(server, voice="tone-low", format="pcm") as talker:
        for text in ("One.", "Two two.", "Three three three."):
            await talker.say(text)
            await talker.send("input.flush")
        heard = [await talker.hear() for _ in range(3)]
        await talker.say("Four.")
        await talker.send("input.done")
        heard.append(await talker.hear())
        await talker.end()
    said = [[word["text"] for word in spoken.words] for spoken in heard]
    assert said == [["One"], ["Two", "two"], ["Three", "three", "three"], ["Four"]]
    assert all(spoken.words[0]["source_start"] == 0 for spoken in heard)
    assert len({spoken.start["request_id"] for spoken in heard}) == 4
    assert all(spoken.start["request_id"] == spoken.done["request_id"] for spoken in heard)


async def test_the_manner_may_change_between_two_utterances(server: Running) -> None:
    async with talking(server, voice="tone-low", format="pcm") as talker:
        await talker.say("One.")
        await talker.configure(voice="tone-low", format="flac", speed=2.0)
        await talker.send("input.flush")
        first = await talker.hear()
        await talker.say("One.")
        await talker.send("input.flush")
        second = await talker.hear()
    assert [first.start["format"], second.start["format"]] == ["pcm", "flac"]
    assert second.done["audio_seconds"] == pytest.approx(first.done["audio_seconds"] / 2, rel=0.01)


async def test_ping_is_answered_also_while_speaking(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    async with talking(server) as talker:
        await talker.send("ping")
        await talker.expect("pong")
        await talker.say("x.")
        await talker.send("input.flush")
        await talker.first_sound()
        await talker.send("ping")
        while (event := await talker.receive()) != {"type": "pong"}:
            assert isinstance(event, bytes)
        assert "finished" not in diary()


async def test_nothing_to_flush_is_nothing_to_say(server: Running) -> None:
    async with talking(server, voice="tone-low") as talker:
        await talker.send("input.flush")
        await talker.say("", "  \n")
        await talker.send("input.flush")
        await talker.send("ping")
        await talker.expect("pong")
        await talker.send("input.done")
        await talker.end()


async def test_text_without_a_word_is_an_error_not_silence(server: Running) -> None:
    async with talking(server, voice="tone-low") as talker:
        await talker.say("...!")
        await talker.send("input.flush")
        assert (await talker.refused())["code"] == "nothing_to_say"
        await _goes_on(talker)


async def test_every_utterance_leaves_a_record(server: Running) -> None:
    async with talking(server, voice="tone-low") as talker:
        for pieces in (("One ", "two."), ("Three.",)):
            await talker.say(*pieces)
            await talker.send("input.flush")
        requests = [(await talker.hear()).start["request_id"] for _ in range(2)]
    with server.client() as client:
        records = [client.get(f"/v1/tts/requests/{request}").json() for request in requests]
    assert [record["outcome"] for record in records] == ["completed", "completed"]
    assert [record["characters"] for record in records] == [8, 6]


BAD_MESSAGES: dict[str, tuple[str | bytes, str]] = {
    "no JSON": ("hello", "bad_message"),
    "half of JSON": ('{"type": "ping"', "bad_message"),
    "a list": ('["ping"]', "bad_message"),
    "binary": (b'{"type": "ping"}', "bad_message"),
    "nested a hundred thousand times": ("[" * 100_000, "bad_message"),
    "a number of 5000 digits": ('{"type": "ping", "n": ' + "1" * 5000 + "}", "bad_message"),
    "no type": ('{"text": "hello"}', "unknown_event"),
    "unknown type": ('{"type": "speak"}', "unknown_event"),
    "type is a list": ('{"type": ["ping"]}', "unknown_event"),
    "unknown field of ping": ('{"type": "ping", "payload": 1}', "bad_message"),
    "unknown field of cancel": ('{"type": "cancel", "utterance": 1}', "bad_message"),
    "unknown field of input.flush": ('{"type": "input.flush", "text": "hello"}', "bad_message"),
    "unknown field of input.done": ('{"type": "input.done", "text": "hello"}', "bad_message"),
    "unknown field of input.text": ('{"type": "input.text", "text": "hello", "voice": "x"}', "bad_message"),
    "no text": ('{"type": "input.text"}', "bad_message"),
    "text is a number": ('{"type": "input.text", "text": 7}', "bad_message"),
    "text is null": ('{"type": "input.text", "text": null}', "bad_message"),
    "NUL": ('{"type": "input.text", "text": "a\\u0000b"}', "control_characters"),
    "escape": ('{"type": "input.text", "text": "a\\u001b[31m"}', "control_characters"),
    "lone surrogate": ('{"type": "input.text", "text": "a\\ud800"}', "lone_surrogate"),
    "huge text": (json.dumps({"type": "input.text", "text": "x" * 50_001}), "text_too_long"),
    "huge text in Hindi": (json.dumps({"type": "input.text", "text": "न" * 50_001}), "text_too_long"),
    "speed is NaN": ('{"type": "session.config", "speed": NaN}', "invalid"),
    "speed is infinite": ('{"type": "session.config", "speed": Infinity}', "invalid"),
    "speed out of range": ('{"type": "session.config", "speed": 9}', "invalid"),
    "unknown field of session.config": ('{"type": "session.config", "colour": "red"}', "invalid"),
    "aliases disagree": ('{"type": "session.config", "voice": "tone-low", "speaker": "tone-high"}', "invalid"),
    "unknown voice": ('{"type": "session.config", "voice": "nobody"}', "unknown_voice"),
    "unknown format": ('{"type": "session.config", "format": "midi"}', "unknown_format"),
    "unknown language": ('{"type": "session.config", "language": "tlh"}', "unknown_language"),
    "a rate that the format lacks": (
        '{"type": "session.config", "format": "mulaw", "sample_rate": 48000}',
        "unsupported_rate",
    ),
}


@pytest.mark.parametrize(("message", "code"), BAD_MESSAGES.values(), ids=list(BAD_MESSAGES))
async def test_a_bad_message_is_an_error_and_the_session_goes_on(
    server: Running, message: str | bytes, code: str
) -> None:
    async with talking(server, voice="tone-low", format="flac") as talker:
        await talker.connection.send(message)
        error = await talker.refused()
        assert error["code"] == code
        assert error["retryable"] is False
        await _goes_on(talker)  # with its own voice and format: a refused configuration changes nothing


async def _goes_on(talker: Talker) -> None:
    await talker.say("Hello there.")
    await talker.send("input.flush")
    spoken = await talker.hear()
    assert [word["text"] for word in spoken.words] == ["Hello", "there"]
    assert not spoken.done["cancelled"]


async def test_a_message_beyond_all_limits_closes_the_connection(server: Running) -> None:
    async with talking(server) as talker:
        await talker.connection.send("x" * 1_000_001)
        assert await talker.closed() == 1009


@pytest.mark.parametrize("character", ["x", "न", "🎵"])
async def test_the_longest_text_fits_in_one_message(run_server: RunServer, character: str) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    async with talking(server, format="pcm") as talker:
        await talker.say(character * 50_000)
        await talker.first_sound()


async def test_more_text_than_may_wait_is_refused_and_the_rest_is_kept(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    async with talking(server, format="pcm") as talker:
        await talker.say("Hold on. ", "The next.")
        spoken = await talker.first_sound()
        await talker.send("input.flush")
        await talker.say("y" * 49_000)
        await talker.send("input.flush")
        await talker.say("z" * 2_000)
        while isinstance(event := await talker.receive(), bytes):
            spoken.frames.append(event)
        assert (event["type"], event["code"], event["retryable"]) == ("error", "too_much_text", True)
        await talker.say("z" * 900)
        await talker.send("ping")
        while isinstance(event := await talker.receive(), bytes):
            spoken.frames.append(event)
        assert event == {"type": "pong"}


async def test_too_many_utterances_are_refused(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    async with talking(server, format="pcm") as talker:
        for _ in range(17):
            await talker.say("Hello.")
            await talker.send("input.flush")
        await talker.first_sound()
        await talker.say("One too many.")
        while isinstance(event := await talker.receive(), bytes):
            pass
        assert (event["type"], event["code"], event["retryable"]) == ("error", "too_many_utterances", True)
        await talker.send("cancel")
        answers = [event for event in [await talker.receive() for _ in range(17)] if isinstance(event, dict)]
        while len(answers) < 17:
            if isinstance(event := await talker.receive(), dict):
                answers.append(event)
        assert all(answer["type"] == "audio.done" and answer["cancelled"] for answer in answers)


async def test_input_after_the_end_of_input_is_refused(run_server: RunServer) -> None:
    server = run_server((entry(SlowEngine, default=True),))
    async with talking(server) as talker:
        await talker.say("Hello.")
        await talker.send("input.done")
        spoken = await talker.first_sound()
        await talker.say("More.")
        while isinstance(event := await talker.receive(), bytes):
            spoken.frames.append(event)
        assert (event["type"], event["code"]) == ("error", "session_ending")


@pytest.mark.parametrize(
    ("engine", "code"),
    [(BrokenEngine, "model_broken"), (BreakingEngine, "engine_failed"), (SilentEngine, "nothing_to_say")],
)
async def test_a_failing_engine_is_an_error_and_the_session_goes_on(
    run_server: RunServer, engine: type[FakeEngine], code: str
) -> None:
    catalog: tuple[EngineEntry, ...] = (entry(engine, default=True), entry(FakeEngine))
    server = run_server(catalog)
    async with talking(server) as talker:
        await talker.say("My secret.")
        await talker.send("input.flush")
        error: Any = await talker.receive()
        while isinstance(error, bytes) or error["type"] == "audio.start":
            error = await talker.receive()
        assert (error["type"], error["code"]) == ("error", code)
        assert "secret" not in error["message"]
        await talker.configure(voice="fake")
        await talker.say("Hello.")
        await talker.send("input.done")
        await talker.hear()
        await talker.end()


async def test_a_client_that_leaves_in_the_middle_of_a_message_harms_nobody(server: Running) -> None:
    async with talking(server, voice="tone-low") as talker:
        await talker.say("Hello. ")
        talker.connection.transport.abort()
    async with talking(server, voice="tone-low") as talker:
        await _goes_on(talker)
    for _ in range(200):
        if server.service.streams_in_flight == 0:
            break
        await asyncio.sleep(0.01)
    assert server.service.streams_in_flight == 0
