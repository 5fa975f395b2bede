"""The speech page in Chromium, against a real server: what is clicked, typed, heard, seen and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, expect

from backline.media.decode import decode, decode_raw
from tests.browser.studio import SMALL_BROWSER_MEMORY, SpeechPage, eventually

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PLAYERS = ["webm", "mp4", "pcm"]
SENTENCES = {
    "en": "Good morning. The meeting on 12 March costs ₹50.",
    "hi": "नमस्ते, आज 15 अगस्त है।",
    "te": "నమస్కారం, ఈ రోజు 25 డిసెంబర్.",
}
PARAGRAPH = "The band is on the stage and the amplifiers are warm. " * 12
BOOK = (PARAGRAPH * 80)[:49_900]


@pytest.mark.parametrize("player", PLAYERS)
@pytest.mark.parametrize("language", SENTENCES)
def test_speaks_while_the_words_light_up(studio: SpeechPage, player: str, language: str) -> None:
    studio.open(player)

    studio.speak(SENTENCES[language])

    eventually(lambda: studio.position_seconds > 0.5, "the position advances")
    expect(studio.lit).to_have_count(1)
    first = studio.lit.inner_text()
    studio.wait_until_finished()
    assert studio.loudest > 0.1
    assert studio.lit.inner_text() != first
    assert studio.lit.inner_text() in SENTENCES[language]
    assert studio.position_seconds == pytest.approx(studio.made_seconds, abs=0.25)
    expect(studio.figure("played-as")).to_contain_text(player)


def test_plays_webm_unless_told_otherwise(studio: SpeechPage) -> None:
    studio.open()

    studio.speak("Hello.")

    expect(studio.figure("played-as")).to_have_text("webm, 48 kHz")


@pytest.mark.parametrize("language", SENTENCES)
def test_examples_speak(studio: SpeechPage, language: str) -> None:
    studio.open()
    before = studio.text.input_value()

    studio.page.locator(f".examples button[lang={language}]").last.click()
    studio.speak_button.click()

    studio.wait_for_sound()
    assert studio.text.input_value() != before
    assert studio.text.get_attribute("lang") == language


@pytest.mark.parametrize("player", PLAYERS)
def test_a_clicked_word_is_heard(studio: SpeechPage, player: str) -> None:
    studio.open(player)
    studio.speak(PARAGRAPH)
    studio.wait_until_made()
    word = studio.words.nth(60)

    word.click()

    expect(studio.lit).to_have_attribute("data-index", "60")
    assert studio.position_seconds > 10
    _ = studio.loudest
    eventually(lambda: studio.loudest > 0.1, "sound from there on")
    for place in (-1, -3):  # from the middle of a piece of the stream
        studio.words.nth(place).click()
        expect(studio.status).to_have_text("Speaking.")
        studio.wait_until_finished()
        assert studio.position_seconds == pytest.approx(studio.made_seconds, abs=0.1)


def test_words_are_where_they_stand_in_the_text_whatever_comes_before(studio: SpeechPage) -> None:
    studio.open()

    studio.speak("😀👩‍🎤 Bravo, 𝒎usic lovers!\n\nEncore, please.")

    studio.wait_until_made()
    words = studio.words.all_inner_texts()
    assert words[-2:] == ["Encore", "please"]
    assert "Bravo" in words
    shown = studio.page.locator(".words").evaluate("element => element.textContent")
    assert shown == "😀👩‍🎤 Bravo, 𝒎usic lovers!\n\nEncore, please."


@pytest.mark.parametrize("player", PLAYERS)
def test_stop_ends_the_sound_and_the_making(studio: SpeechPage, address: str, player: str) -> None:
    studio.open(player)
    studio.speak(BOOK)

    studio.stop_button.click()

    expect(studio.status).to_contain_text("Stopped")
    eventually(lambda: httpx.get(f"{address}/v1/tts/health").json()["streams_in_flight"] == 0, "the server stops")
    stopped_at = studio.position_seconds
    studio.page.wait_for_timeout(300)  # what the sound card had
    _ = studio.loudest
    studio.page.wait_for_timeout(500)
    assert studio.loudest == 0
    assert studio.position_seconds == stopped_at
    assert studio.problem.inner_text() == ""


def test_what_was_made_before_the_stop_can_be_played(studio: SpeechPage) -> None:
    studio.open()
    studio.speak(BOOK)
    eventually(lambda: studio.made_seconds > studio.position_seconds + 3, "more is made than is heard")
    studio.stop_button.click()
    stopped_at = studio.position_seconds

    studio.page.get_by_role("button", name="Play").click()

    eventually(lambda: studio.position_seconds > stopped_at + 0.5, "it plays on")
    studio.page.get_by_role("button", name="Pause").click()
    expect(studio.status).to_contain_text("Stopped")


def test_waveform_is_drawn_as_the_sound_is_made(studio: SpeechPage) -> None:
    studio.open()
    assert studio.tall_columns() == 0

    studio.speak(SENTENCES["en"])
    studio.wait_until_finished()

    assert studio.tall_columns() > 100


@pytest.mark.parametrize("player", PLAYERS)
def test_waveform_seeks_with_pointer_and_keys(studio: SpeechPage, player: str) -> None:
    studio.open(player)
    studio.speak(PARAGRAPH)
    studio.wait_until_made()

    studio.click_waveform(0.5)
    eventually(lambda: abs(studio.position_seconds / studio.made_seconds - 0.5) < 0.1, "half way")
    studio.waveform.press("Home")
    eventually(lambda: studio.position_seconds < 2, "the beginning")
    studio.waveform.press("End")
    studio.wait_until_finished()
    studio.page.get_by_role("button", name="Play").click()
    eventually(lambda: 0.2 < studio.position_seconds < 5, "again from the beginning")


@pytest.mark.parametrize("player", ["webm", "mp4"])
def test_seeks_to_what_the_browser_has_forgotten_or_never_had(studio: SpeechPage, player: str) -> None:
    studio.page.add_init_script(SMALL_BROWSER_MEMORY)
    studio.open(player)
    studio.speak(PARAGRAPH)
    studio.wait_until_made()

    for share in (0.9, 0.2, 0.6):
        studio.click_waveform(share)
        place = share * studio.made_seconds
        eventually(lambda place=place: place + 0.3 < studio.position_seconds < place + 5, f"plays from {share}")  # type: ignore[misc]
        _ = studio.loudest
        eventually(lambda: studio.loudest > 0.1, "sound")


@pytest.mark.parametrize("player", ["webm", "mp4"])
def test_plays_to_the_end_through_a_small_memory(studio: SpeechPage, player: str) -> None:
    studio.page.add_init_script(SMALL_BROWSER_MEMORY)
    studio.open(player)

    studio.speak("One two three four five six seven eight nine ten. " * 5)

    studio.wait_until_finished()
    assert studio.made_seconds > 12
    assert studio.position_seconds == pytest.approx(studio.made_seconds, abs=0.25)


@pytest.mark.parametrize("player", PLAYERS)
def test_download_of_what_was_played_is_the_whole_sound(studio: SpeechPage, player: str, tmp_path: Path) -> None:
    studio.open(player)
    studio.speak(SENTENCES["en"])
    studio.wait_until_made()
    made_again: list[str] = []
    studio.page.on("request", lambda request: made_again.append(request.url) if "generate" in request.url else None)

    path = studio.download(tmp_path)

    assert path.name == "good-morning-the-meeting-on." + {"mp4": "m4a"}.get(player, player)
    data = path.read_bytes()
    samples, rate_hz = decode_raw(data, "pcm", 24_000) if player == "pcm" else decode(data)
    assert len(samples) / rate_hz == pytest.approx(studio.made_seconds, abs=0.2)
    assert abs(samples).max() > 0.1
    assert made_again == []


@pytest.mark.parametrize("format_name", ["mp3", "wav", "opus", "flac"])
def test_download_in_another_format_says_that_it_is_made_again(
    studio: SpeechPage, format_name: str, tmp_path: Path
) -> None:
    studio.open()
    studio.speak(SENTENCES["hi"])
    studio.wait_until_made()
    studio.format.select_option(format_name)
    expect(studio.page.get_by_text("Made again in this format.")).to_be_visible()

    path = studio.download(tmp_path)

    assert path.suffix == f".{format_name}"
    assert path.stem.startswith("नमस्ते-आज-15")
    samples, rate_hz = decode(path.read_bytes())
    assert len(samples) / rate_hz == pytest.approx(studio.made_seconds, abs=0.2)
    expect(studio.status).to_contain_text("Saved")


def test_keyboard_alone_is_enough(studio: SpeechPage) -> None:
    studio.open()
    keyboard = studio.page.keyboard

    def tab_to(selector: str) -> None:
        for _ in range(30):
            keyboard.press("Tab")
            if studio.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                return
        pytest.fail(f"Tab does not reach {selector}")

    tab_to("#text")
    keyboard.press("Control+A")
    keyboard.insert_text(PARAGRAPH)
    tab_to("#voice")
    keyboard.press("ArrowDown")
    tab_to("button.primary")
    keyboard.press("Enter")
    studio.wait_for_sound()
    studio.wait_until_made()
    keyboard.press("Escape")
    expect(studio.status).to_contain_text("Paused")
    tab_to(".waveform")
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    eventually(lambda: studio.position_seconds > 2, "the arrows seek")
    keyboard.press("Escape")
    tab_to(".word")
    keyboard.press("End")
    keyboard.press("ArrowLeft")
    keyboard.press("Enter")
    eventually(lambda: studio.made_seconds - studio.position_seconds < 1.5, "the last word but one is heard")
    keyboard.press("Control+Enter")
    eventually(lambda: studio.position_seconds < studio.made_seconds / 2, "spoken again from the beginning")


def test_a_refusal_is_said_in_words(studio: SpeechPage) -> None:
    studio.open()

    studio.text.fill("!!!")
    studio.speak_button.click()

    expect(studio.problem).to_have_text("There is nothing in the text that can be said.")
    expect(studio.stop_button).to_have_attribute("aria-disabled", "true")
    studio.speak("Now there is.")
    expect(studio.problem).to_have_text("")


@pytest.mark.parametrize(("text", "problem"), [("  ", "Write a text first."), ("a" * 50_003, "3 characters too long")])
def test_a_text_that_cannot_be_spoken_is_not_sent(studio: SpeechPage, text: str, problem: str) -> None:
    sockets: list[str] = []
    studio.page.on("websocket", lambda socket: sockets.append(socket.url))
    studio.open()

    studio.text.fill(text)
    studio.speak_button.click()

    expect(studio.problem).to_contain_text(problem)
    assert sockets == []


def test_a_broken_connection_is_said_and_what_came_can_be_heard(studio: SpeechPage) -> None:
    def break_later(route: Any) -> None:
        server = route.connect_to_server()
        pieces: list[bytes] = []

        def pass_on(message: str | bytes) -> None:
            route.send(message)
            if isinstance(message, bytes):
                pieces.append(message)
            if len(pieces) == 5:
                route.close(code=3000)

        server.on_message(pass_on)

    studio.page.route_web_socket("**/v1/tts/ws", break_later)
    studio.open()

    studio.speak(PARAGRAPH)

    expect(studio.problem).to_contain_text("The connection to the server broke.")
    eventually(lambda: studio.position_seconds > 0.2, "what came is heard")


def test_a_long_text_does_not_break_the_page(studio: SpeechPage) -> None:
    studio.open()

    studio.speak(BOOK)

    eventually(lambda: studio.made_seconds > 120, "two minutes are made", seconds=60)
    assert studio.position_seconds < 60
    studio.click_waveform(0.5)
    eventually(lambda: studio.position_seconds > 20, "it seeks ahead while it is made")
    eventually(lambda: studio.lit.is_visible(), "the lit word is in view")
    studio.stop_button.click()
    expect(studio.status).to_contain_text("Stopped")


def test_choices_are_remembered(studio: SpeechPage) -> None:
    studio.open()
    studio.page.get_by_label("Language").select_option("te")
    studio.page.get_by_label("Voice").select_option("male-2")
    studio.format.select_option("mp3")
    studio.page.get_by_label("Speed").fill("10")

    studio.open()

    expect(studio.page.get_by_label("Language")).to_have_value("te")
    expect(studio.page.get_by_label("Voice")).to_have_value("male-2")
    expect(studio.format).to_have_value("mp3")
    expect(studio.page.get_by_label("Speed")).to_have_attribute("aria-valuetext", "2 times")


def test_choices_remembered_from_another_server_do_no_harm(studio: SpeechPage) -> None:
    studio.page.add_init_script(
        """localStorage["backline.studio.speech"] = '{"language": "xx", "voice": "gone", "format": "vhs"}';"""
    )
    studio.open()

    studio.speak("Hello.")

    expect(studio.page.get_by_label("Language")).to_have_value("auto")
    assert studio.page.get_by_label("Voice").input_value() != "gone"
    expect(studio.format).to_have_value("webm")


def test_speed_is_used(studio: SpeechPage) -> None:
    studio.open()
    studio.speak(SENTENCES["en"])
    studio.wait_until_made()
    normal = studio.made_seconds

    studio.page.get_by_label("Speed").fill("10")
    studio.speak(SENTENCES["en"])
    studio.wait_until_made()

    assert studio.made_seconds < 0.7 * normal


def test_reading_marks_what_changes(studio: SpeechPage) -> None:
    spans = [
        {"start": 0, "end": 6, "source_start": 0, "source_end": 6},
        {"start": 6, "end": 12, "source_start": 6, "source_end": 10},
        {"start": 13, "end": 19, "source_start": 6, "source_end": 10},
        {"start": 19, "end": 23, "source_start": 10, "source_end": 14},
    ]
    answer = {"text": "😀 paid fifty rupees now", "language": "en", "spans": spans}
    studio.page.route("**/v1/tts/normalize", lambda route: route.fulfill(json=answer))
    studio.open()

    studio.text.fill("😀 paid ₹50 now")

    panel = studio.page.locator(".reading")
    expect(panel.locator("summary")).to_contain_text("1 change")
    expect(panel.locator("del")).to_have_text("₹50")
    expect(panel.locator("ins")).to_have_text("fifty rupees")
    expect(panel.locator(".reading-text")).to_have_text("😀 paid ₹50 fifty rupees now")


def test_reading_is_what_the_server_says(studio: SpeechPage, address: str) -> None:
    text = "Platform 4, 10:30 pm."
    expected = httpx.post(f"{address}/v1/tts/normalize", json={"text": text}).json()["text"]
    studio.open()

    studio.text.fill(text)

    kept = studio.page.locator(".reading-text")
    eventually(
        lambda: kept.evaluate("e => { e = e.cloneNode(true); e.querySelectorAll('del').forEach((d) => d.remove());"
                              " return e.textContent.replace(/\\s+/g, ' ').trim(); }") == expected,
        "the server's reading is shown",
    )  # fmt: skip


def test_reading_is_hidden_where_the_server_has_none(chromium: Browser, address: str) -> None:
    with chromium.new_context() as context:  # whose console may complain of the 404
        studio = SpeechPage(context.new_page(), address)
        studio.page.route("**/v1/tts/normalize", lambda route: route.fulfill(status=404, json={"detail": "Not Found"}))
        studio.open()

        expect(studio.page.locator(".reading")).to_have_count(0)
        expect(studio.problem).to_have_text("")


def test_without_an_engine_the_page_says_what_to_install(studio: SpeechPage) -> None:
    reason = "The speech engine 'espeak' is not installed. Install it with: pip install 'backline[espeak]'"
    engines = [{"name": "espeak", "default": True, "installed": False, "running": False, "reason": reason}]
    health = {"status": "unavailable", "engines": engines, "formats": []}
    studio.page.route("**/v1/tts/health", lambda route: route.fulfill(json=health))

    studio.page.goto(studio.address)

    expect(studio.problem).to_have_text(reason)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(chromium: Browser, address: str, scheme: Any) -> None:
    phone: Any = {"viewport": {"width": 360, "height": 640}, "is_mobile": True, "has_touch": True}
    with chromium.new_context(**phone, color_scheme=scheme) as context:
        studio = SpeechPage(context.new_page(), address)
        studio.open()
        for language, text in SENTENCES.items():
            studio.text.fill(text)
            studio.speak_button.tap()
            studio.wait_for_sound()

            width = studio.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 360, language
            expect(studio.waveform).to_be_in_viewport()
            expect(studio.stop_button).to_be_in_viewport()


def test_every_control_has_a_name_and_every_text_its_language(studio: SpeechPage) -> None:
    studio.open()
    studio.speak(SENTENCES["te"])
    studio.wait_until_made()
    session = studio.page.context.new_cdp_session(studio.page)

    nodes = session.send("Accessibility.getFullAXTree")["nodes"]

    roles = {"button", "combobox", "slider", "textbox", "link", "option", "region", "navigation", "group", "image"}
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in roles
    ]
    assert len(named) > 20
    assert [role for role, name in named if not name.strip() and role != "group"] == []
    assert studio.page.locator("h1").count() == 1
    assert studio.page.locator("html").get_attribute("lang") == "en"
    assert studio.page.locator(".words").get_attribute("lang") == "te"


def test_less_motion_is_respected(chromium: Browser, address: str) -> None:
    with chromium.new_context(reduced_motion="reduce") as context:
        studio = SpeechPage(context.new_page(), address)
        studio.open()

        assert studio.speak_button.evaluate("element => getComputedStyle(element).transitionDuration") == "0s"
