"""Long speech from outside: made, waited for, and fetched."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from backline.engines.catalog import EngineEntry, EngineKind, Isolation
from backline.engines.speech.base import Cancel, SpeechBlock, SpeechParams, SpeechState
from backline.engines.speech.tone import ToneEngine
from backline.media.audio import Samples, from_pcm16, to_pcm16
from tests.fakes.engines import FakeEngine, diary, note
from tests.speech.hearing import OVERLAP_FRAMES, TONE_HZ, spliced, tone_units

JOBS = "/v1/tts/jobs"
PHRASES = ("It was a dark night.", "Who knew?", "Nobody, I fear, ever did!", "Ah well.")


def book(sentences: int) -> str:
    """About 1.15 s each, by the tone engine: 52 of them are a segment."""
    return " ".join(islice(cycle(PHRASES), sentences))


class SlowToneEngine(ToneEngine):
    """The same sound, 20 ms of thought before each unit."""

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        time.sleep(0.02)
        note("unit")
        yield from super().synthesize(text, state, params, cancel)


class FallingToneEngine(ToneEngine):
    """The same sound; takes its process down once, at its seventieth unit."""

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        note("unit")
        if diary().count("unit") == 70:
            os._exit(3)
        yield from super().synthesize(text, state, params, cancel)


class GatedEngine(FakeEngine):
    """Says whose turn it is. A turn of `Job` lasts until the file `gate` of the test's folder is there."""

    name = "gated"

    def synthesize(self, text: str, state: SpeechState, params: SpeechParams, cancel: Cancel) -> Iterator[SpeechBlock]:
        gate = Path(os.environ["BACKLINE_TEST_DIARY"]).with_name("gate")
        note(text.split()[0])
        while text.startswith("Job") and not gate.exists():
            time.sleep(0.01)
        yield from self.blocks(5, cancel, pause_seconds=0.02)


def tone_entry(engine: type[ToneEngine], isolation: Isolation = Isolation.THREAD) -> EngineEntry:
    return EngineEntry(
        name=engine.__name__,
        kind=EngineKind.SPEECH,
        path=f"{engine.__module__}:{engine.__name__}",
        isolation=isolation,
        licence="Apache-2.0",
        about="A fake.",
        source="this package",
        default=True,
    )


@dataclass(frozen=True)
class Cue:
    start_s: float
    end_s: float
    text: str


class LongJobs:
    """As one client sees them."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def order(self, key: str | None = None, **body: Any) -> httpx.Response:
        headers = {"Idempotency-Key": key} if key else {}
        body = {"voice": "tone-low", "format": "pcm", "normalize": False, **body}
        return self.client.post(JOBS, json=body, headers=headers)

    def make(self, text: str, **body: Any) -> str:
        answer = self.order(text=text, **body)
        assert answer.status_code == 202, answer.text
        job_id: str = answer.json()["id"]
        assert answer.headers["location"] == f"/api/jobs/{job_id}"
        return job_id

    def get(self, job_id: str) -> dict[str, Any]:
        answer = self.client.get(f"{JOBS}/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def until(self, job_id: str, state: str | None = None, seconds: float = 60, **least: float) -> dict[str, Any]:
        """Until it is in a state, and its figures are as large; a job that ended otherwise is told."""
        end = time.monotonic() + seconds
        while True:
            job = self.get(job_id)
            if job["state"] == (state or job["state"]) and all(job[name] >= value for name, value in least.items()):
                return job
            assert job["state"] in ("queued", "running"), job
            assert time.monotonic() < end, f"waited in vain: {job}"
            time.sleep(0.02)

    def succeeded(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        return self.until(job_id, "succeeded", seconds)

    def fetch(self, url: str) -> bytes:
        answer = self.client.get(url, headers={"Authorization": ""})
        assert answer.status_code == 200
        return answer.content

    def heard(self, job: dict[str, Any]) -> Samples:
        """Of one in PCM."""
        return from_pcm16(self.fetch(job["url"]))

    def chapters(self, job: dict[str, Any]) -> dict[str, Any]:
        chapters: dict[str, Any] = json.loads(self.fetch(job["chapters_url"]))
        return chapters

    def cues(self, job: dict[str, Any]) -> list[Cue]:
        return parsed_vtt(self.fetch(job["vtt_url"]).decode())


_TIME = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"


def parsed_vtt(text: str) -> list[Cue]:
    """By the grammar of the W3C for files of plain cues; fails on anything else."""
    head, *blocks = text.removesuffix("\n").split("\n\n")
    assert head == "WEBVTT"
    cues = []
    for number, block in enumerate(blocks, start=1):
        name, times, words = block.split("\n")
        assert name == str(number)
        match = re.fullmatch(f"{_TIME} --> {_TIME}", times)
        assert match, times
        start, end = (
            int(h) * 3600 + int(m) * 60 + int(s) + int(ms) / 1000
            for h, m, s, ms in (match.groups()[:4], match.groups()[4:])
        )
        assert start < end
        assert not re.search(r"<|>|&(?!amp;|lt;|gt;)", words), words
        cues.append(Cue(start, end, words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")))
    assert all(one.end_s <= other.start_s for one, other in pairwise(cues))
    return cues


def expected(sentences: int) -> Samples:
    """What the book of so many sentences sounds like, by the engine and the fade alone."""
    return spliced(tone_units(list(islice(cycle(PHRASES), sentences))))


def starts(sentences: int) -> list[float]:
    """When each of its sentences begins."""
    lengths = [len(unit) for unit in tone_units(list(islice(cycle(PHRASES), sentences)))]
    at, moments = 0, []
    for length in lengths:
        moments.append(at / TONE_HZ)
        at += length - OVERLAP_FRAMES
    return moments


def assert_same(heard: Samples, wanted: Samples) -> None:
    """To the last bit but one: where segments meet it is rounded twice."""
    assert len(heard) == len(wanted)
    difference = np.abs(to_pcm16(heard).astype(np.int32) - to_pcm16(wanted).astype(np.int32))
    assert difference.max() <= 1


def left_in(data_dir: Path) -> list[str]:
    """Files of the store."""
    root = data_dir / "files"
    folders = os.walk(root)  # unlike a glob it does not mind what is removed meanwhile
    return sorted(str(Path(folder, name).relative_to(root)) for folder, _, names in folders for name in names)
