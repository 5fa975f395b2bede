from __future__ import annotations

import io
import wave
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backline.errors import Invalid
from backline.media.decode import decode, decode_raw
from backline.media.encode.formats import FORMATS
from tests.media.signals import RAW, encoded, murmur

FILES = {name: encoded(FORMATS[name], 24000, [murmur(12000)])[1] for name in FORMATS if name not in RAW}


@given(data=st.binary(max_size=3000))
@settings(max_examples=150, deadline=None)
def test_rubbish_is_refused_and_never_worse(data: bytes) -> None:
    with suppress(Invalid):
        decode(data)


@pytest.mark.parametrize("name", FILES)
@given(place=st.floats(0, 1), damage=st.binary(min_size=1, max_size=60))
@settings(max_examples=40, deadline=None)
def test_a_damaged_file_gives_sound_or_a_refusal(name: str, place: float, damage: bytes) -> None:
    file = FILES[name]
    begin = round(place * len(file))
    with suppress(Invalid):
        decode(file[:begin] + damage + file[begin + len(damage) :])


def test_a_track_in_an_unknown_codec_is_refused() -> None:
    file = FILES["webm"].replace(b"A_OPUS", b"A_OPUZ")
    with pytest.raises(Invalid) as caught:
        decode(file)
    assert caught.value.code == "undecodable_audio"


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_in_the_middle_of_a_packet_gives_what_is_there(name: str) -> None:
    samples, rate_hz = decode(FILES[name][: len(FILES[name]) * 2 // 3 + 1])
    assert 0.5 < len(samples) / rate_hz / 0.5 * 1.5 < 1.3


@pytest.mark.parametrize("data", [b"", b"RIFF", b"not sound at all", bytes(5000)])
def test_what_is_no_sound_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        decode(data)
    assert caught.value.code == "undecodable_audio"


def test_a_playlist_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg would read a file beside the process for whoever uploads its name."""
    monkeypatch.chdir(tmp_path)
    Path("secret.wav").write_bytes(FILES["wav"])
    with pytest.raises(Invalid) as caught:
        decode(b"ffconcat version 1.0\nfile secret.wav\n")
    assert caught.value.code == "undecodable_audio"


def test_any_common_file_can_be_read() -> None:
    written = io.BytesIO()
    with wave.open(written, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(3)
        writer.setframerate(44100)
        writer.writeframes(bytes(6 * 500))
    samples, rate_hz = decode(written.getvalue())
    assert (samples.shape, rate_hz) == ((500, 2), 44100)


@pytest.mark.parametrize(("data", "name"), [(b"abc", "pcm"), (b"", "wav")])
def test_half_a_frame_and_unknown_layouts_are_refused(data: bytes, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode_raw(data, name, 8000)
    assert caught.value.code == "undecodable_audio"


def test_damage_is_not_reported_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    for file in FILES.values():
        decode(file[: len(file) // 2] + bytes(40) + file[len(file) // 2 + 40 :])
    assert capfd.readouterr() == ("", "")
