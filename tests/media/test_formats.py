from __future__ import annotations

import subprocess
import sys

import pytest

from backline.errors import Invalid
from backline.media.encode.formats import FORMATS, choose_rate, find_format


def test_the_formats_come_in_the_promised_order() -> None:
    assert list(FORMATS) == ["wav", "pcm", "opus", "webm", "mp3", "aac", "mp4", "flac", "mulaw"]
    assert all(name == audio_format.name for name, audio_format in FORMATS.items())


def test_only_copying_stays_on_the_event_loop() -> None:
    assert [name for name, audio_format in FORMATS.items() if not audio_format.on_worker] == ["wav", "pcm", "mulaw"]


def test_an_unknown_format_is_told_the_choices() -> None:
    with pytest.raises(Invalid, match="wav, pcm, opus") as caught:
        find_format("ogg")
    assert caught.value.code == "unknown_format"


@pytest.mark.parametrize(
    ("name", "requested_hz", "source_hz", "chosen_hz"),
    [
        ("wav", None, 22050, 22050),
        ("wav", None, 44100, 48000),
        ("flac", None, 11025, 16000),
        ("wav", None, 96000, 48000),
        ("wav", 8000, 22050, 8000),
        ("pcm", None, 22050, 24000),
        ("opus", None, 22050, 48000),
        ("opus", 16000, 22050, 16000),
        ("mulaw", None, 22050, 8000),
    ],
)
def test_the_rate_is_the_requested_or_the_default_or_the_source(
    name: str, requested_hz: int | None, source_hz: int, chosen_hz: int
) -> None:
    assert choose_rate(FORMATS[name], requested_hz, source_hz) == chosen_hz


@pytest.mark.parametrize(("name", "rate_hz"), [("opus", 22050), ("webm", 22050), ("mulaw", 16000), ("wav", 44100)])
def test_a_rate_that_the_format_lacks_is_refused_with_the_choices(name: str, rate_hz: int) -> None:
    with pytest.raises(Invalid, match=str(FORMATS[name].rates_hz[-1])) as caught:
        choose_rate(FORMATS[name], rate_hz, 24000)
    assert caught.value.code == "unsupported_rate"


def test_the_table_of_formats_loads_no_codec_library() -> None:
    code = "import sys, backline.media.encode.formats; print('av' in sys.modules, 'soxr' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
