"""The jobs page in Chromium, against a real server: progress, cancel, download, reload, a long text."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from backline.media.decode import decode
from tests.browser.conftest import Complaints
from tests.browser.line import line_to
from tests.browser.studio import eventually
from tests.browser.workshop import SONG, Workshop
from tests.conftest import RunServer, running

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("leaving")]

LIST = re.compile(r"/api/jobs\?")


@pytest.fixture
def workshop(run_server: RunServer) -> Workshop:
    workshop = Workshop()
    workshop.open(run_server)
    return workshop


def open_jobs(page: Page, address: str, query: str = "") -> None:
    page.goto(f"{address}/studio#jobs{query}")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()


def card(page: Page, job_id: str) -> Locator:
    return page.locator(f"[data-job={job_id}]")


def never_answered(route: Route) -> None:
    """The request stays open: no answer, and no complaint in the console either."""


def test_progress_is_told_and_not_asked_for(page: Page, workshop: Workshop) -> None:
    job_id = workshop.order(steps=4)
    open_jobs(page, workshop.server.address)
    row = card(page, job_id)
    expect(row).to_contain_text("Running")
    page.route(LIST, never_answered)

    workshop.step()
    expect(row).to_contain_text("bar 1 of 4")
    expect(row.get_by_role("progressbar")).to_have_attribute("aria-valuetext", "25 %")
    expect(row.get_by_role("progressbar")).to_have_js_property("value", 0.25)
    workshop.step(2)
    expect(row).to_contain_text("75 %")
    workshop.step()
    expect(row).to_contain_text("Done")
    expect(row.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("Song export: Done.")


def test_without_a_socket_the_list_is_asked_for(page: Page, workshop: Workshop) -> None:
    page.route_web_socket(re.compile("/ws/jobs/"), lambda socket: socket.close(code=1013))
    open_jobs(page, workshop.server.address)
    expect(page.get_by_text("No jobs yet.")).to_be_visible()

    job_id = workshop.order(steps=2)
    expect(card(page, job_id)).to_contain_text("Running", timeout=15_000)
    workshop.step(1)
    expect(card(page, job_id)).to_contain_text("bar 1 of 2", timeout=15_000)
    workshop.step(1)
    expect(card(page, job_id)).to_contain_text("Done", timeout=15_000)


def test_a_cut_line_is_taken_up_after_the_last_event(page: Page, workshop: Workshop, complaints: Complaints) -> None:
    job_id = workshop.order(steps=3)
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    with line_to(workshop.server.address) as line:
        open_jobs(page, line.address)
        workshop.step()
        expect(card(page, job_id)).to_contain_text("bar 1 of 3")
        known = httpx.get(f"{workshop.server.address}/api/jobs/{job_id}").json()["last_event"]
        line.cut()
        expect(page.get_by_role("alert").first).to_contain_text("The server does not answer", timeout=15_000)
        page.route(LIST, never_answered)
        workshop.step()
        line.mend()
        expect(card(page, job_id)).to_contain_text("bar 2 of 3", timeout=25_000)
        assert int(sockets[-1].rpartition("after=")[2]) == known
        assert int(sockets[0].rpartition("after=")[2]) < known
        workshop.step()
        expect(card(page, job_id)).to_contain_text("Done")
    complaints.expected += ("ERR_", "WebSocket")


def test_a_job_goes_on_over_a_server_that_was_stopped(page: Page, tmp_path: Path, complaints: Complaints) -> None:
    workshop = Workshop()
    with ExitStack() as first:
        workshop.open(lambda **options: first.enter_context(running(tmp_path / "data", **options)))
        job_id = workshop.order(steps=3)
        port = int(workshop.server.address.rpartition(":")[2])
        open_jobs(page, workshop.server.address)
        workshop.step()
        expect(card(page, job_id)).to_contain_text("33 %")
    with ExitStack() as second:
        workshop.open(
            lambda **options: second.enter_context(running(tmp_path / "data", **options)), server={"port": port}
        )
        workshop.step(2)
        expect(card(page, job_id)).to_contain_text("Done", timeout=30_000)
        expect(page.get_by_role("alert").first).to_have_text("", timeout=15_000)
        page.goto("about:blank")
    complaints.clear()


def test_a_reload_in_the_middle_loses_nothing(page: Page, workshop: Workshop) -> None:
    over = workshop.order(steps=0)
    going = workshop.order(steps=2)
    workshop.step()
    open_jobs(page, workshop.server.address)
    page.get_by_role("link", name="Active").click()
    expect(card(page, going)).to_contain_text("bar 1 of 2")
    expect(card(page, over)).to_have_count(0)
    page.get_by_text("Read a long text aloud").click()
    page.get_by_label("Text", exact=True).fill("Half of a book")
    page.get_by_label("Title").fill("My book")

    page.reload()

    expect(card(page, going)).to_contain_text("bar 1 of 2")
    expect(page.get_by_role("link", name="Active")).to_have_attribute("aria-current", "true")
    expect(card(page, over)).to_have_count(0)
    page.get_by_text("Read a long text aloud").click()
    expect(page.get_by_label("Text", exact=True)).to_have_value("Half of a book")
    expect(page.get_by_label("Title")).to_have_value("My book")
    workshop.step()
    expect(card(page, going)).to_contain_text("Done")


def test_cancel_is_asked_once_and_waits_for_the_work_to_stop(page: Page, workshop: Workshop) -> None:
    job_id = workshop.order(steps=2)
    open_jobs(page, workshop.server.address)
    expect(card(page, job_id)).to_contain_text("Running")
    workshop.stopping.clear()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)

    page.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    button = page.get_by_role("button", name="Cancelling…")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(card(page, job_id).locator(".badge")).to_have_text("Cancelling")
    button.click(force=True)
    workshop.stopping.set()
    expect(card(page, job_id).locator(".badge")).to_have_text("Cancelled")
    expect(card(page, job_id).get_by_role("button")).to_be_focused()
    assert asked == [f"{workshop.server.address}/api/jobs/{job_id}/cancel"]
    assert workshop.state_of(job_id) == "cancelled"


def test_the_address_of_a_download_is_as_fresh_as_the_click(page: Page, run_server: RunServer, tmp_path: Path) -> None:
    workshop = Workshop()
    workshop.open(run_server, storage={"link_seconds": 2})
    job_id = workshop.order(steps=0)
    open_jobs(page, workshop.server.address)
    expect(card(page, job_id)).to_contain_text("Done")
    page.wait_for_timeout(3000)

    with page.expect_download() as waiting:
        card(page, job_id).get_by_role("button", name="Download audio").click()

    expect(card(page, job_id).get_by_role("heading")).to_have_text("song")
    waiting.value.save_as(tmp_path / "song")
    assert (tmp_path / "song").read_bytes() == SONG
    assert waiting.value.suggested_filename == "song.mp3"


def test_a_file_that_was_deleted_is_said_to_be_gone(page: Page, workshop: Workshop, complaints: Complaints) -> None:
    job_id = workshop.order(steps=0)
    open_jobs(page, workshop.server.address)
    expect(card(page, job_id)).to_contain_text("Done")
    with workshop.server.client() as client:
        client.delete(f"/api/files/{client.get(f'/api/jobs/{job_id}').json()['result']['audio_file_id']}")

    card(page, job_id).get_by_role("button", name="Download audio").click()

    expect(card(page, job_id).get_by_role("alert")).to_have_text("There is no such file.")
    assert [complaint for complaint in complaints if "404" not in complaint] == []
    complaints.clear()


def test_a_failure_is_told_in_words_and_only_as_text(page: Page, workshop: Workshop) -> None:
    evil = "A song has <img src=x onerror=alert(1)> no end."
    job_id = workshop.order(steps=0, fails=evil)

    open_jobs(page, workshop.server.address)

    expect(card(page, job_id)).to_contain_text("Failed")
    expect(card(page, job_id)).to_contain_text(evil)
    expect(page.locator("img[src=x]")).to_have_count(0)


def test_older_ones_are_a_page_of_their_own_that_outlives_a_reload(page: Page, workshop: Workshop) -> None:
    ids = [workshop.order(steps=0) for _ in range(23)]
    eventually(lambda: workshop.state_of(ids[-1]) == "succeeded", "the last one is done")
    open_jobs(page, workshop.server.address)
    rows = page.locator("[data-job]")
    expect(rows).to_have_count(20)
    expect(rows.first).to_have_attribute("data-job", ids[-1])

    page.get_by_role("link", name="Older").click()

    expect(rows).to_have_count(3)
    page.reload()
    expect(rows).to_have_count(3)
    expect(rows.last).to_have_attribute("data-job", ids[0])
    page.get_by_role("link", name="Newest").click()
    expect(rows).to_have_count(20)


def test_who_is_signed_in_follows_their_own_and_nobody_else_s(page: Page, workshop: Workshop) -> None:
    address = workshop.server.address
    login = httpx.post(f"{address}/auth/mock-login", json={"test_user_id": "jobber"}).json()
    me = httpx.get(f"{address}/api/me", headers={"Authorization": f"Bearer {login['token']}"}).json()
    others = workshop.order(steps=0)
    own = workshop.order(owner=me["user"]["id"], steps=1)
    open_jobs(page, address)
    expect(card(page, others)).to_be_visible()

    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Test user").fill("jobber")
    page.keyboard.press("Enter")

    expect(card(page, own)).to_contain_text("Running")
    expect(card(page, others)).to_have_count(0)
    page.route(LIST, never_answered)
    workshop.step()
    expect(card(page, own)).to_contain_text("Done")


def order_text(page: Page, text: str) -> None:
    page.get_by_text("Read a long text aloud").click()
    expect(page.locator("#order-voice option").first).to_be_attached()
    page.get_by_label("Text", exact=True).fill(text)
    page.get_by_role("button", name="Start the job").click()


def test_a_long_text_becomes_a_file(page: Page, workshop: Workshop, tmp_path: Path) -> None:
    open_jobs(page, workshop.server.address)
    page.get_by_text("Read a long text aloud").click()
    book = tmp_path / "A tale.txt"
    book.write_text("The band is on the stage. " * 100)
    page.set_input_files("#app input[type=file]", book)
    expect(page.get_by_text("2,600 of 1,000,000 characters")).to_be_visible()
    expect(page.get_by_label("Title")).to_have_value("A tale")
    page.get_by_label("Voice").select_option("tone-low")
    page.get_by_label("File format").select_option("flac")
    page.get_by_role("button", name="Start the job").click()

    row = page.locator("[data-job]")
    expect(row).to_contain_text("Done", timeout=60_000)
    expect(page.get_by_label("Text", exact=True)).to_have_value("")
    with page.expect_download() as waiting:
        row.get_by_role("button", name="Download audio").click()

    assert waiting.value.suggested_filename == "A tale.flac"
    waiting.value.save_as(tmp_path / "tale.flac")
    sound, rate_hz = decode((tmp_path / "tale.flac").read_bytes())
    assert sound.size > 60 * rate_hz


def test_a_job_that_was_just_made_is_seen_from_wherever_it_was_ordered(page: Page, workshop: Workshop) -> None:
    open_jobs(page, workshop.server.address, "?show=over")
    expect(page.get_by_text("No job has finished yet.")).to_be_visible()
    order_text(page, "Encore, please.")
    expect(page.locator("[data-job]")).to_have_count(1)
    expect(page.get_by_role("link", name="All")).to_have_attribute("aria-current", "true")


def test_an_order_whose_answer_was_lost_is_one_job(page: Page, workshop: Workshop, complaints: Complaints) -> None:
    open_jobs(page, workshop.server.address)

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/v1/tts/jobs", lose_the_answer, times=1)
    order_text(page, "Encore, please.")
    expect(page.locator(".order").get_by_role("alert")).to_contain_text("The server does not answer")
    page.get_by_role("button", name="Start the job").click()
    expect(page.locator(".order").get_by_role("alert")).to_have_text("")
    expect(page.get_by_label("Text", exact=True)).to_have_value("")

    again = page.get_by_label("Text", exact=True)
    assert len(httpx.get(f"{workshop.server.address}/api/jobs").json()["jobs"]) == 1
    again.fill("Encore, please.")
    page.get_by_role("button", name="Start the job").click()
    expect(page.locator("[data-job]")).to_have_count(2)
    complaints[:] = [complaint for complaint in complaints if "ERR_FAILED" not in complaint]


def test_a_text_that_is_too_long_is_refused_before_it_is_sent(page: Page, workshop: Workshop) -> None:
    open_jobs(page, workshop.server.address)
    order_text(page, "")
    expect(page.locator(".order").get_by_role("alert")).to_have_text("Write or paste a text first.")
    page.get_by_label("Text", exact=True).fill("a" * 1_000_001)
    page.get_by_role("button", name="Start the job").click()
    expect(page.locator(".order").get_by_role("alert")).to_contain_text("1,000,000 characters at most")
    assert httpx.get(f"{workshop.server.address}/api/jobs").json()["jobs"] == []


def test_it_fits_on_a_phone(page: Page, workshop: Workshop) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    job_id = workshop.order(steps=1, fails="a" * 300)
    workshop.step()
    open_jobs(page, workshop.server.address)
    expect(card(page, job_id)).to_contain_text("Failed")
    page.get_by_text("Read a long text aloud").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
