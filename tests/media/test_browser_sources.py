"""Chromium's MediaSource takes our live streams piece by piece, as they leave the encoder."""

from __future__ import annotations

import base64
import shutil
from typing import Any

import pytest
from playwright.async_api import async_playwright

from backline.media.encode.formats import FORMATS, open_encoder
from tests.media.signals import blocks_of, murmur

CODECS = {
    "webm": "audio/webm; codecs=opus",
    "mp4": "audio/mp4; codecs=mp4a.40.2",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
}
APPEND_ALL = """async ([type, pieces]) => {
    const source = new MediaSource();
    const audio = document.createElement("audio");
    audio.src = URL.createObjectURL(source);
    await new Promise(done => source.addEventListener("sourceopen", done, {once: true}));
    const buffer = source.addSourceBuffer(type);
    for (const piece of pieces) {
        const ended = new Promise((done, failed) => {
            buffer.addEventListener("updateend", done, {once: true});
            buffer.addEventListener("error", failed, {once: true});
        });
        buffer.appendBuffer(Uint8Array.from(atob(piece), letter => letter.charCodeAt(0)));
        await ended;
    }
    source.endOfStream();
    const ranges = [];
    for (let i = 0; i < buffer.buffered.length; i++) ranges.push([buffer.buffered.start(i), buffer.buffered.end(i)]);
    return ranges;
}"""


def _pieces(name: str, channels: int) -> list[str]:
    rate_hz = FORMATS[name].default_rate_hz or 24000
    encoder = open_encoder(FORMATS[name], rate_hz, channels)
    made = [encoder.encode(block) for block in blocks_of(murmur(2 * rate_hz, channels), rate_hz // 50)]
    return [base64.b64encode(piece).decode() for piece in [*made, encoder.finish()] if piece]


@pytest.mark.slow
@pytest.mark.browser
async def test_media_source_buffers_every_format_without_a_gap() -> None:
    chromium = shutil.which("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        for name, media_type in CODECS.items():
            for channels in (1, 2):
                ranges: list[Any] = await page.evaluate(APPEND_ALL, [media_type, _pieces(name, channels)])
                assert len(ranges) == 1, (name, channels, ranges)
                begin_s, end_s = ranges[0]
                assert begin_s == 0
                assert abs(end_s - 2) < 0.07
        await browser.close()
