"""What comes out is what the engine made: every format, whole and streamed, at every rate."""

from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
import soundfile

from backline.media.audio import from_pcm16, to_pcm16
from backline.media.encode.formats import FORMATS
from tests.conftest import Running
from tests.media.signals import ADTS_DELAY_FRAMES, RAW
from tests.media.test_ogg import read_pages
from tests.speech.hearing import (
    EVERY_FORMAT,
    GENERATE,
    SENTENCES,
    TEXT,
    TONE_HZ,
    assert_same_sound,
    at_rate,
    decoded,
    pitch_hz,
    speak,
    spliced,
    tone_units,
    wire,
)

BOTH_WAYS = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
PAIRS = [(name, rate_hz) for name in FORMATS for rate_hz in FORMATS[name].rates_hz]
REFUSED_PAIRS = [
    (name, rate_hz)
    for name in FORMATS
    for rate_hz in (8000, 16000, 22050, 24000, 48000)
    if rate_hz not in FORMATS[name].rates_hz
]
BEGINS = {
    "wav": (0, b"RIFF"),
    "opus": (0, b"OggS"),
    "webm": (0, b"\x1a\x45\xdf\xa3"),
    "mp3": (0, b"\xff"),
    "aac": (0, b"\xff\xf1"),
    "mp4": (4, b"ftyp"),
    "flac": (0, b"fLaC"),
}


@BOTH_WAYS
@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_every_format_is_the_engines_sound(client: httpx.Client, name: str, stream: bool) -> None:
    response = speak(client, format=name, stream=stream)
    assert response.status_code == 200
    assert response.headers["content-type"] == FORMATS[name].media_type
    at, magic = BEGINS.get(name, (0, b""))
    assert response.content[at:].startswith(magic)
    rate_hz = int(response.headers["x-sample-rate"])
    assert rate_hz == (FORMATS[name].default_rate_hz or TONE_HZ)
    copy, copy_hz = decoded(response, name)
    assert copy_hz == rate_hz
    assert_same_sound(copy, at_rate(spliced(tone_units()), TONE_HZ, rate_hz), name)


@BOTH_WAYS
@pytest.mark.parametrize("name", ["wav", "pcm", "flac"])
def test_at_the_engines_rate_nothing_is_changed_at_all(client: httpx.Client, name: str, stream: bool) -> None:
    copy, _ = decoded(speak(client, format=name, stream=stream), name)
    assert np.array_equal(to_pcm16(copy), to_pcm16(spliced(tone_units())))


@pytest.mark.parametrize(
    ("name", "stream"),
    [("wav", False), ("wav", True), ("opus", False), ("opus", True), ("flac", False), ("mp3", False)],
)
def test_another_decoder_hears_the_same(client: httpx.Client, name: str, stream: bool) -> None:
    """Streamed MP3 and FLAC are left out: this one reads only files that know their length to the right end."""
    response = speak(client, format=name, stream=stream)
    copy, copy_hz = soundfile.read(io.BytesIO(response.content), dtype="float32", always_2d=True)
    assert_same_sound(copy, at_rate(spliced(tone_units()), TONE_HZ, copy_hz), name)


@pytest.mark.parametrize(("name", "rate_hz"), PAIRS)
def test_every_rate_that_a_format_has_can_be_had(client: httpx.Client, name: str, rate_hz: int) -> None:
    response = speak(client, format=name, sample_rate=rate_hz, stream=True)
    assert response.headers["x-sample-rate"] == str(rate_hz)
    copy, copy_hz = decoded(response, name)
    if name == "opus":  # its decoder always gives 48 kHz; the header says what went in
        assert struct.unpack_from("<I", response.content, response.content.index(b"OpusHead") + 12) == (rate_hz,)
    if name not in ("opus", "webm"):
        assert copy_hz == rate_hz
    assert_same_sound(at_rate(copy, copy_hz, rate_hz), at_rate(spliced(tone_units()), TONE_HZ, rate_hz), name)


@pytest.mark.parametrize(("name", "rate_hz"), REFUSED_PAIRS)
@BOTH_WAYS
def test_a_rate_that_the_codec_lacks_is_refused(client: httpx.Client, name: str, rate_hz: int, stream: bool) -> None:
    response = speak(client, format=name, sample_rate=rate_hz, stream=stream)
    assert response.status_code == 422
    assert response.json()["code"] == "unsupported_rate"
    assert all(str(possible) in response.json()["detail"] for possible in FORMATS[name].rates_hz)


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_the_default_rates_are_those_of_the_manual(client: httpx.Client, name: str) -> None:
    of_its_own = {"pcm": 24000, "opus": 48000, "webm": 48000, "mp3": 24000, "aac": 24000, "mp4": 24000, "mulaw": 8000}
    assert speak(client, format=name).headers["x-sample-rate"] == str(of_its_own.get(name, 24000))
    espeak = speak(client, format=name, voice="male-1")
    assert espeak.headers["x-sample-rate"] == str(of_its_own.get(name, 22050))


def test_older_ways_to_ask_for_a_rate_and_a_voice(client: httpx.Client) -> None:
    response = client.post(GENERATE, json={"text": "Hello", "speaker": "tone-high", "output": "48k"})
    assert response.headers["x-sample-rate"] == "48000"
    assert response.headers["x-model-version"] == "tone-1"


@pytest.mark.parametrize("name", EVERY_FORMAT)
def test_the_last_sound_of_the_text_is_there(client: httpx.Client, name: str) -> None:
    """Peers lose it when they read the buffer before the container is closed."""
    response = speak(client, format=name, stream=True, text="bbbbbb cccccc zzzzzz")
    copy, copy_hz = decoded(response, name)
    delay = ADTS_DELAY_FRAMES if name == "aac" else 0
    expected = tone_units(["bbbbbb cccccc zzzzzz"])[0]
    end = delay + round(len(expected) * copy_hz / TONE_HZ)
    last = copy[end - round(0.08 * copy_hz) : end]
    assert pitch_hz(last, copy_hz) == pytest.approx(pitch_hz(expected[-1920:], TONE_HZ), rel=0.02)
    assert np.abs(last).max() > 0.2


def test_a_streamed_wav_has_one_header_that_says_until_the_end(client: httpx.Client) -> None:
    data = speak(client, format="wav", stream=True).content
    assert data.count(b"WAVEfmt ") == 1
    assert data.startswith(b"RIFF\xff\xff\xff\xff")
    assert data[36:44] == b"data\xff\xff\xff\xff"


def test_a_whole_wav_knows_its_sizes(client: httpx.Client) -> None:
    response = speak(client, format="wav")
    data = response.content
    assert struct.unpack_from("<I", data, 4) == (len(data) - 8,)
    assert struct.unpack_from("<I", data, 40) == (len(data) - 44,)
    assert response.headers["content-length"] == str(len(data))


def test_a_whole_flac_knows_its_length_and_a_whole_mp3_its_frames(client: httpx.Client) -> None:
    flac = soundfile.info(io.BytesIO(speak(client, format="flac").content))
    assert flac.frames == len(spliced(tone_units()))
    mp3 = soundfile.info(io.BytesIO(speak(client, format="mp3").content))
    assert mp3.frames == len(spliced(tone_units()))


@BOTH_WAYS
def test_one_encoder_lives_as_long_as_the_stream(client: httpx.Client, stream: bool) -> None:
    """A second header in the middle is a new encoder, and a click."""
    pages = read_pages(speak(client, format="opus", stream=stream, text=f"{TEXT} {TEXT}").content)
    assert len({page.serial for page in pages}) == 1
    assert [page.sequence for page in pages] == list(range(len(pages)))
    for name, mark in (("flac", b"fLaC"), ("mp4", b"moov"), ("webm", b"\x1a\x45\xdf\xa3"), ("mp3", b"Info\0")):
        assert speak(client, format=name, stream=stream, text=f"{TEXT} {TEXT}").content.count(mark) == 1


def test_samples_are_never_split_between_two_chunks(server: Running) -> None:
    with wire(server) as it:
        text = " ".join(SENTENCES * 20)
        it.post({"text": text, "voice": "tone-low", "format": "pcm", "stream": True, "normalize": False})
        assert it.status() == 200
        chunks = list(it.chunks())
    assert all(len(chunk) % 2 == 0 for chunk in chunks)
    assert np.array_equal(to_pcm16(from_pcm16(b"".join(chunks))), to_pcm16(spliced(tone_units(SENTENCES * 20))))


@pytest.mark.parametrize(("speed", "factor"), [(0.25, 4.0), (1.0, 1.0), (2.0, 0.5), (4.0, 0.25)])
def test_speed_makes_it_shorter_by_as_much(client: httpx.Client, speed: float, factor: float) -> None:
    copy, _ = decoded(speak(client, format="pcm", text="abcdefgh", speed=speed), "pcm")
    assert len(copy) == pytest.approx(8 * 1920 * factor, abs=1)


def test_an_emotion_is_performed(client: httpx.Client) -> None:
    copy, _ = decoded(speak(client, format="pcm", text="Hello", emotion="laugh"), "pcm")
    assert np.array_equal(to_pcm16(copy), to_pcm16(tone_units(["Hello"], emotion="laugh")[0]))
    assert len(copy) > len(decoded(speak(client, format="pcm", text="Hello", emotion="none"), "pcm")[0])


def test_tags_are_performed_by_an_engine_that_can_and_never_spoken_by_one_that_cannot(client: httpx.Client) -> None:
    copy, _ = decoded(speak(client, format="pcm", text="Oh [laugh] dear <sigh>"), "pcm")
    assert np.array_equal(to_pcm16(copy), to_pcm16(tone_units(["Oh <laugh> dear"])[0]))


def test_every_sentence_is_spoken(client: httpx.Client) -> None:
    """A peer drops the second one now and then."""
    units = tone_units(["Ah."] + ["Bb bb."] * 30)
    copy, _ = decoded(speak(client, format="pcm", text="Ah. " + "Bb bb. " * 30, stream=True), "pcm")
    assert np.array_equal(to_pcm16(copy), to_pcm16(spliced(units)))


def test_many_at_once_do_not_disturb_each_other(server: Running) -> None:
    texts = [f"{chr(97 + number)}bc. Def {number}." for number in range(24)]

    def ask(number: int) -> bool:
        name = EVERY_FORMAT[number % 3 * 4]
        with server.client() as client:
            response = speak(client, format=name, text=texts[number], stream=number % 2 == 0)
        copy, copy_hz = decoded(response, name)
        expected = spliced(tone_units(texts[number].replace(". ", ".|").split("|")))
        assert_same_sound(copy, at_rate(expected, TONE_HZ, copy_hz), name)
        return True

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, range(24)))


@pytest.mark.parametrize("name", [name for name in EVERY_FORMAT if name not in RAW])
def test_an_engine_in_a_process_is_heard_in_every_format(client: httpx.Client, name: str) -> None:
    response = speak(client, format=name, voice="female-1", stream=True)
    copy, copy_hz = decoded(response, name)
    record = client.get(f"/v1/tts/requests/{response.headers['x-request-id']}").json()
    assert len(copy) / copy_hz == pytest.approx(record["audio_seconds"], abs=0.15)
    assert np.abs(copy).max() > 0.1
