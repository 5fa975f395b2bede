"""The jam page in Chromium, against a real server: what is clicked, what is heard to the sample, and what is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Complaints
from tests.browser.jamming import FAKE_MICROPHONE, JamPage, Pcm, loop_file, pcm_of, write_wav
from tests.browser.line import line_to
from tests.browser.test_studio_account import sign_in
from tests.conftest import RunServer
from tests.loops import loop

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FADE_SECONDS = 0.008  # with which the page falls silent
FULL_SCALE = 32768


@pytest.fixture
def jam(page: Page, address: str) -> JamPage:
    return JamPage(page, address)


@pytest.fixture
def band(tmp_path: Path) -> Path:
    return loop_file(tmp_path / "band.wav")


@pytest.mark.parametrize(
    ("bpm", "beats_per_bar", "bars_per_chunk", "rate_hz"), [(120.0, 4, 2, 48_000), (174.02, 3, 1, 44_100)]
)
def test_what_is_heard_is_what_the_server_made_without_a_gap_or_a_click(
    jam: JamPage, tmp_path: Path, bpm: float, beats_per_bar: int, bars_per_chunk: int, rate_hz: int
) -> None:
    jam.open()
    jam.page.get_by_label("Bars at a time").select_option(str(bars_per_chunk))
    jam.page.get_by_label("Beats per bar").select_option(str(beats_per_bar))
    jam.play(loop_file(tmp_path / "band.wav", bpm, beats_per_bar, rate_hz), bpm)
    jam.wait_for_bar(6)
    jam.stop()
    take, take_hz = jam.take()

    made = made_by_server(jam)
    bar = 60 * beats_per_bar / bpm * rate_hz
    fade = round(FADE_SECONDS * rate_hz)
    assert take_hz == rate_hz
    assert len(take) / bar == pytest.approx(round(len(take) / bar), abs=2 / bar)  # stopped at a bar line
    assert len(take) >= 6 * bar - 1
    np.testing.assert_array_equal(take[:-fade], made[: len(take)][:-fade])
    assert abs(int(take[-1].max())) < 300

    heard = jam.recording()
    begin = start_of(heard, take)
    assert_same(heard[begin : begin + len(take) - fade], take[:-fade])
    assert not heard[:begin].any()
    jam.page.wait_for_timeout(300)
    after = jam.recording()[begin + len(take) :]
    assert len(after) > rate_hz / 10
    assert not after.any()
    expect(jam.figure("gaps")).to_have_text("0")


def test_a_knob_is_sent_alone_once_it_rests_and_is_heard(jam: JamPage, band: Path) -> None:
    jam.open()
    jam.play(band)
    daring = jam.page.get_by_label("Daring")
    for value in ("1.5", "2", "2.5"):
        daring.fill(value)

    jam.eventually(lambda: len(jam.wire.heard_of("updated")) == 1, "the server has taken it")
    assert jam.wire.of("update") == [{"type": "update", "temperature": 2.5}]
    jam.eventually(lambda: newest(jam)["temperature"] == 2.5, "music is made by it")
    turned = min(index for index, (metadata, _) in jam.wire.chunks.items() if metadata["temperature"] == 2.5)
    jam.wait_for_bar(jam.wire.chunks[turned][0]["first_bar"] + 1)
    assert all(metadata["topk"] == 40 for metadata, _ in jam.wire.chunks.values())


def test_styles_are_added_weighed_and_removed_while_it_plays(jam: JamPage, band: Path) -> None:
    jam.open()
    jam.page.get_by_role("button", name="acid house").click()
    jam.play(band)
    field = jam.page.get_by_label("Styles", exact=True)

    field.fill("dub  techno, , Acid House,warm")
    field.press("Enter")
    expect(jam.chips).to_have_count(3)
    jam.eventually(lambda: len(jam.wire.heard_of("updated")) == 1, "styles are told")
    jam.page.get_by_label("Weight of warm").fill("0.5")
    jam.eventually(lambda: len(jam.wire.heard_of("updated")) == 2, "the weight is told")
    jam.page.get_by_label("Weight of dub techno").fill("0")
    jam.eventually(lambda: len(jam.wire.heard_of("updated")) == 3, "what has no weight is left out")
    for words in ("acid house", "dub techno", "warm"):
        jam.page.get_by_role("button", name=f"Remove {words}").click()
    jam.eventually(lambda: any("clear_styles" in message for message in jam.wire.of("update")), "none is left")

    changes = [{key: value for key, value in message.items() if key != "type"} for message in jam.wire.of("update")]
    assert changes[:3] == [
        {"styles": ["acid house", "dub techno", "warm"], "style_weights": [1, 1, 1]},
        {"style_weights": [1, 1, 0.5]},
        {"styles": ["acid house", "warm"], "style_weights": [1, 0.5]},
    ]
    assert changes[-1] == {"clear_styles": True}
    assert jam.wire.heard_of("error") == []
    jam.wait_for_bar(jam.bar + 1)


def test_plays_again_in_the_same_session_and_ends_it(jam: JamPage, band: Path) -> None:
    jam.open()
    jam.play(band)
    jam.wait_for_bar(2)
    jam.stop()
    first = jam.session_id()
    highest = max(jam.wire.chunks)

    jam.play_button.click()
    expect(jam.status).to_have_text("Playing.", timeout=20_000)
    jam.wait_for_bar(2)

    assert jam.session_id() == first
    again = min(index for index in jam.wire.chunks if index > highest)
    assert jam.wire.chunks[again][0]["start_sample"] == 0
    jam.end()
    expect(jam.end_button).to_have_attribute("aria-disabled", "true")
    state = status_of(jam, first)
    assert state.get("billing_state", "closed") == "closed"
    take, _ = jam.take()  # what was heard stays
    assert abs(take).max() > 1000


def test_a_reload_takes_the_jam_up_at_the_next_chunk(jam: JamPage, band: Path) -> None:
    jam.open()
    jam.play(band)
    jam.wait_for_bar(3)
    consumed = max(message["index"] for message in jam.wire.of("consume"))
    jam.page.reload()

    expect(jam.status).to_have_text("A session of yours is still open.")
    jam.resume_button.click()
    expect(jam.status).to_have_text("Playing.", timeout=20_000)

    begun = jam.wire.of("attach")[-1]["index"]
    assert consumed < begun <= consumed + 2
    jam.wait_for_bar(begun + 2)
    take, _ = jam.take()
    expected, _ = pcm_of(jam.wire.chunks[begun][1])
    np.testing.assert_array_equal(take[: len(expected)], expected)
    heard = jam.recording()
    begin = start_of(heard, take)
    assert_same(heard[begin : begin + len(take)], take)
    jam.end()


def test_music_goes_on_while_other_pages_are_looked_at(jam: JamPage, band: Path) -> None:
    jam.open()
    jam.play(band)
    jam.page.get_by_role("link", name="Usage", exact=True).click()
    expect(jam.page.get_by_role("heading", name="Usage")).to_be_visible()
    chunks = len(jam.wire.chunks)
    jam.eventually(lambda: len(jam.wire.chunks) >= chunks + 2, "chunks come")
    jam.page.get_by_role("link", name="Jam", exact=True).click()

    expect(jam.status).to_have_text("Playing.")
    expect(jam.figure("gaps")).to_have_text("0")
    expect(jam.page.locator(".loop-facts")).to_contain_text("band.wav")
    jam.end()


def test_a_line_that_drops_is_called_again_and_no_bar_is_lost(
    page: Page, address: str, complaints: Complaints, band: Path
) -> None:
    complaints.expected += ("WebSocket connection", "net::ERR", "Failed to load resource")
    with line_to(address) as line:
        jam = JamPage(page, line.address)
        jam.open()
        jam.play(band)
        jam.wait_for_bar(2)
        line.cut()
        expect(jam.status).to_contain_text("The line dropped")
        jam.page.get_by_label("Daring").fill("3")
        line.mend()
        jam.eventually(lambda: newest(jam)["temperature"] == 3, "what was turned meanwhile is told", 30)
        jam.wait_for_bar(jam.bar + 2)
        jam.stop()
        take, _ = jam.take()

        assert jam.wire.opened > 1
        np.testing.assert_array_equal(take[:-1000], made_by_server(jam)[: len(take)][:-1000])
        jam.end()
        page.goto("about:blank")


def test_another_loop_is_spliced_in(jam: JamPage, band: Path, tmp_path: Path) -> None:
    jam.open()
    jam.play(band)
    other = tmp_path / "other.wav"
    write_wav(other, loop("chords", 120, 4, 2, 48_000, 5), 48_000)
    jam.choose(other)
    with jam.page.expect_response("**/jam/reseed_splice") as spliced:
        jam.page.get_by_role("button", name="Splice it in").click()
    assert spliced.value.ok
    expect(jam.status).to_have_text("It goes on from other.wav.")
    jam.choose(band)
    with jam.page.expect_response("**/jam/reseed") as reseeded:
        jam.page.get_by_role("button", name="Switch to it at once").click()
    assert reseeded.value.ok
    jam.wait_for_bar(jam.bar + 1)
    jam.end()


@pytest.mark.usefixtures("leaving")
def test_credit_runs_down_warns_and_ends_the_music(page: Page, run_server: RunServer, band: Path) -> None:
    server = run_server(credits={"welcome_seconds": 63}, jam={"poll_seconds": 0.5})
    sign_in(page, server.address, "poor")
    jam = JamPage(page, server.address)
    jam.open()
    page.reload()  # with the recorder
    jam.play(band)
    credit = page.locator("[data-credit]")
    seen: list[str] = []
    jam.eventually(lambda: "Ten seconds" in note(seen, jam.warning.inner_text()), "the last warning", 90)
    assert [words.split()[0] for words in seen] == ["A", "Half", "Ten"]
    assert int(credit.get_attribute("data-credit") or "99") <= 10

    expect(jam.status).to_contain_text("The credit is used up", timeout=30_000)

    warned = [message["seconds_left"] for message in jam.wire.heard_of("warning")]
    assert warned == sorted(warned, reverse=True)
    assert warned[-1] == 10
    expect(page.locator("[data-balance]")).to_contain_text("0:00", timeout=10_000)
    take, rate_hz = jam.take()
    assert len(take) > rate_hz
    expect(jam.figure("gaps")).to_have_text("0")


def test_the_tempo_is_heard_in_the_loop_and_can_be_tapped(jam: JamPage, tmp_path: Path) -> None:
    jam.open()
    jam.choose(loop_file(tmp_path / "fast.wav", 138))

    expect(jam.facts).to_contain_text("kHz", timeout=20_000)
    assert float(jam.bpm.input_value()) == pytest.approx(138, rel=0.01)
    expect(jam.facts).to_contain_text("2 bars")
    script = """async (gap) => {
      const { TapTempo } = await import("/studio/static/jam/tempo.js");
      const tempo = new TapTempo();
      let bpm = tempo.tap(0);
      if (bpm !== null) throw new Error("one tap is no tempo");
      for (let tap = 1; tap < 9; tap++) bpm = tempo.tap(tap * gap + (tap % 2 ? 12 : -12));
      tempo.tap(100_000);
      return [bpm, tempo.tap(100_500)];
    }"""
    bpm, after_pause = jam.page.evaluate(script, 60_000 / 93.7)
    assert bpm == pytest.approx(93.7, rel=0.01)
    assert after_pause == 120
    for _ in range(3):
        jam.page.get_by_role("button", name="Tap").click()
    expect(jam.page.locator("#bpm-source")).to_contain_text("Tapped.")


def test_a_loop_is_recorded_as_it_is(jam: JamPage) -> None:
    jam.page.add_init_script(FAKE_MICROPHONE)
    jam.open()
    record = jam.page.get_by_role("button", name=re.compile("[Rr]ecord"))
    record.click()
    expect(record).to_contain_text("0:01", timeout=10_000)
    record.click()
    expect(jam.facts).to_contain_text("kHz", timeout=20_000)

    audio = jam.page.evaluate("() => wishes.audio")
    assert (audio["echoCancellation"], audio["noiseSuppression"], audio["autoGainControl"]) == (False, False, False)
    wav = bytes(jam.page.evaluate("async () => [...new Uint8Array(await sentFile.arrayBuffer())]"))
    assert wav[20:24] == bytes((3, 0, 2, 0))  # floats, stereo
    floats = np.frombuffer(wav[44:], "<f4").reshape(-1, 2)
    spectrum = np.abs(np.fft.rfft(floats[-16_384:, 0] * np.hanning(16_384)))
    rate_hz = int.from_bytes(wav[24:28], "little")
    assert spectrum.argmax() * rate_hz / 16_384 == pytest.approx(440, abs=3)
    assert np.abs(floats[-16_384:, 0]).max() > 0.5


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [("notes.wav", b"These are words, and no sound. " * 40, ""), ("nothing.wav", b"", "is empty")],
)
def test_what_is_no_loop_is_refused_in_words(
    jam: JamPage, complaints: Complaints, name: str, content: bytes, words: str
) -> None:
    complaints.expected += ("Failed to load resource",)
    jam.open()
    jam.page.set_input_files(
        "input[type=file][aria-label=Loop]", {"name": name, "mimeType": "audio/wav", "buffer": content}
    )
    expect(jam.problem).to_have_text(re.compile(rf"\w.*{words}"), timeout=20_000)
    asked: list[str] = []
    jam.page.on("request", lambda request: asked.append(request.url) if "/jam/warmup" in request.url else None)
    jam.play_button.click()
    expect(jam.problem).to_contain_text("Choose a loop first")
    assert asked == []


def test_what_cannot_be_played_is_told_before_anything_is_sent(jam: JamPage, band: Path) -> None:
    asked: list[str] = []
    jam.page.on("request", lambda request: asked.append(request.url) if "/jam/warmup" in request.url else None)
    jam.open()
    jam.play_button.click()
    expect(jam.problem).to_contain_text("Choose a loop first")
    jam.choose(band)
    jam.set_tempo(20)
    jam.page.get_by_label("Bars at a time").select_option("16")
    jam.play_button.click()
    expect(jam.problem).to_contain_text("at most 32 s")
    jam.set_tempo(9)
    jam.play_button.click()
    expect(jam.problem).to_contain_text("between 20 and 300")
    assert asked == []


def test_who_stops_while_it_warms_up_is_left_without_a_session(jam: JamPage, band: Path) -> None:
    waiting: list[Route] = []
    jam.page.route("**/jam/warmup", lambda route: waiting.append(route))
    jam.open()
    jam.choose(band)
    jam.play_button.click()
    expect(jam.status).to_contain_text("warms up")
    jam.eventually(lambda: bool(waiting), "the server is asked")
    jam.stop_button.click()
    with jam.page.expect_response("**/jam/close") as closed:
        waiting[0].continue_()

    assert closed.value.ok
    jam.page.wait_for_timeout(300)
    expect(jam.status).to_have_text("")
    expect(jam.play_button).to_have_attribute("aria-disabled", "false")
    assert jam.wire.opened == 0


def test_keys_begin_and_stop_it(jam: JamPage, band: Path) -> None:
    jam.open()
    jam.choose(band)
    expect(jam.facts).to_contain_text("kHz", timeout=20_000)
    jam.page.keyboard.press("Control+Enter")
    jam.wait_for_bar(1)
    jam.page.keyboard.press("Escape")
    expect(jam.status).to_contain_text("Stopped after", timeout=20_000)
    jam.end()


def test_a_phone_shows_it_without_scrolling_sideways_and_every_control_has_a_name(jam: JamPage, band: Path) -> None:
    jam.page.set_viewport_size({"width": 360, "height": 700})
    jam.open()
    jam.choose(band)
    jam.page.get_by_label("Styles", exact=True).fill("a style with more words than fit into one line of a phone")
    jam.page.keyboard.press("Enter")
    jam.page.get_by_text("Loudness and seed").click()
    jam.play(band)

    assert jam.page.evaluate("document.documentElement.scrollWidth") == 360
    for button in (jam.stop_button, jam.end_button):
        expect(button).to_be_in_viewport(ratio=1)
    nameless = """() => [...document.querySelectorAll("main :is(input, select, button, summary)")]
      .filter((one) => !(one.labels?.length || one.ariaLabel || one.textContent.trim())).map((one) => one.outerHTML)"""
    assert jam.page.evaluate(nameless) == []
    jam.end()


def made_by_server(jam: JamPage) -> Pcm:
    """The chunks of the last jam, one after the other; each begins where the one before ends."""
    chunks = [jam.wire.chunks[index] for index in sorted(jam.wire.chunks)]
    pieces: list[Pcm] = []
    frames = 0
    for metadata, file in chunks:
        assert metadata["start_sample"] == frames
        pieces.append(pcm_of(file)[0])
        frames += len(pieces[-1])
    return np.concatenate(pieces)


def assert_same(heard: np.ndarray[Any, Any], take: Pcm) -> None:
    """To a thousandth of the last bit: the audio clock counts seconds in floats, and a chunk may begin so little beside
    its sample."""
    np.testing.assert_allclose(heard * FULL_SCALE, take, atol=1e-3)


def start_of(heard: np.ndarray[Any, Any], take: Pcm) -> int:
    """Where the take begins in what was heard."""
    return int(np.flatnonzero(heard.any(axis=1))[0] - np.flatnonzero(take.any(axis=1))[0])


def newest(jam: JamPage) -> dict[str, Any]:
    return jam.wire.chunks[max(jam.wire.chunks)][0]


def note(seen: list[str], text: str) -> str:
    if text and text not in seen:
        seen.append(text)
    return text


def status_of(jam: JamPage, session_id: str) -> dict[str, Any]:
    origin = jam.address.partition("/studio")[0]
    answer = httpx.get(f"{origin}/jam/status", params={"session_id": session_id})
    body: dict[str, Any] = answer.json()
    return body
