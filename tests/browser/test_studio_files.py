"""The files page in Chromium, against a real server: uploads that are cut off and go on, room, download, delete."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Dialog, FilePayload, Locator, Page, Route, expect

from tests.browser.conftest import Complaints, free_port, serving
from tests.browser.line import Line, line_to
from tests.browser.studio import eventually
from tests.conftest import Running, RunServer

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.usefixtures("leaving")]

SIZE = 20_000_000
PACE = 8_000_000
"""Bytes a second: slow enough to be cut off in the middle."""

TALK = 30_000
"""What requests and their headers may add to the bytes of a file."""


@pytest.fixture
def server(run_server: RunServer) -> Running:
    return run_server()


@pytest.fixture
def line(page: Page, server: Running) -> Iterator[Line]:
    with line_to(server.address, PACE) as line:
        yield line
        page.goto("about:blank")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


def open_files(page: Page, address: str) -> None:
    page.goto(f"{address}/studio#files")
    expect(page.locator("[data-quota]")).to_be_visible()


def choose(page: Page, *files: Path) -> None:
    page.set_input_files("#app input[type=file]", list(files))


def upload(page: Page, name: str = "film.bin") -> Locator:
    return page.locator(f'[data-upload="{name}"]')


def row(page: Page, name: str = "film.bin") -> Locator:
    return page.get_by_role("list", name="Files").get_by_role("listitem").filter(has_text=name)


def listed(address: str, token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(f"{address}/api/files", headers=headers).json()


def bytes_of(address: str, index: int = 0) -> bytes:
    return httpx.get(address + listed(address)["files"][index]["url"]).content


def only(complaints: Complaints, *expected: str) -> None:
    """The network's own complaints are meant to be there; others are not."""
    complaints.expected += expected
    assert complaints.others() == []


def test_a_killed_server_and_a_reloaded_page_cost_only_what_was_not_sent(
    page: Page, film: Path, tmp_path: Path, complaints: Complaints
) -> None:
    port = free_port()
    with ExitStack() as stack:
        line = stack.enter_context(line_to(f"http://127.0.0.1:{port}", PACE))
        server = stack.enter_context(serving(tmp_path, port))
        open_files(page, line.address)
        choose(page, film)
        eventually(lambda: line.carried > SIZE // 3, "a third is sent")
        expect(upload(page)).to_contain_text(re.compile(r"[\d.]+ MB of 20 MB"))
        expect(upload(page)).to_contain_text(re.compile(r"about \d+ s left"))
        server.kill()
        server.wait()
        expect(upload(page)).to_contain_text("Trying again", timeout=15_000)
        page.goto("about:blank")  # first: by itself it would go on as soon as the server is back
        stack.enter_context(serving(tmp_path, port))
        begun = _begun(tmp_path)
        assert SIZE // 4 < begun < SIZE
        line.carried = 0
        page.goto(f"{line.address}/studio#files")

        cut_off = page.locator('[data-unfinished="film.bin"]')
        expect(cut_off).to_contain_text("choose the same file again")
        choose(page, film)

        expect(cut_off).to_have_count(0)
        expect(upload(page)).to_contain_text("went on from")
        expect(row(page)).to_contain_text("20 MB", timeout=30_000)
        expect(upload(page)).to_have_count(0)
        assert SIZE - begun <= line.carried < SIZE - begun + 10 * TALK
        assert bytes_of(f"http://127.0.0.1:{port}") == film.read_bytes()
        assert len(listed(f"http://127.0.0.1:{port}")["files"]) == 1
        page.reload()
        expect(page.get_by_role("list", name="Uploads")).to_have_count(0)
        page.goto("about:blank")
    only(complaints, "ERR_")


def _begun(folder: Path) -> int:
    """Bytes of the one upload that the server has kept on its disk."""
    sizes = [path.stat().st_size for path in (folder / "data" / "files").rglob("*") if path.is_file()]
    return max(sizes)


def test_a_cut_line_is_taken_up_again_by_itself(
    page: Page, server: Running, line: Line, film: Path, complaints: Complaints
) -> None:
    open_files(page, line.address)
    choose(page, film)
    eventually(lambda: line.carried > SIZE // 4, "a quarter is sent")
    line.cut()
    expect(upload(page).get_by_role("alert")).to_contain_text("Trying again")
    line.mend()
    expect(row(page)).to_be_visible(timeout=30_000)
    assert line.carried < 1.3 * SIZE
    assert bytes_of(server.address) == film.read_bytes()
    only(complaints, "ERR_")


def test_a_server_that_cannot_tell_the_offset_now_is_asked_again(
    page: Page, server: Running, line: Line, film: Path, complaints: Complaints
) -> None:
    begun: list[str] = []
    page.on("request", lambda request: begun.append(request.method) if request.method == "POST" else None)
    open_files(page, line.address)
    choose(page, film)
    eventually(lambda: line.carried > SIZE // 4, "a quarter is sent")
    answers = iter([503, 429])

    def not_now(route: Route) -> None:
        status = next(answers, None) if route.request.method == "HEAD" else None
        route.fulfill(status=status) if status else route.continue_()

    page.route("**/api/uploads/*", not_now)
    line.cut()
    expect(upload(page).get_by_role("alert")).to_contain_text("Trying again")
    line.mend()

    expect(row(page)).to_be_visible(timeout=40_000)
    assert begun == ["POST"]
    assert next(answers, None) is None
    assert bytes_of(server.address) == film.read_bytes()
    only(complaints, "ERR_", "503", "429")


def test_a_pause_sends_nothing_and_goes_on_where_it_was(page: Page, server: Running, line: Line, film: Path) -> None:
    open_files(page, line.address)
    choose(page, film)
    eventually(lambda: line.carried > SIZE // 4, "a quarter is sent")
    page.get_by_role("button", name="Pause").click()
    expect(upload(page)).to_contain_text("Paused")
    page.wait_for_timeout(1000)
    carried = line.carried
    page.wait_for_timeout(1000)
    assert line.carried - carried < TALK
    page.get_by_role("button", name="Resume").click()
    expect(row(page)).to_be_visible(timeout=30_000)
    assert line.carried < 1.3 * SIZE
    assert bytes_of(server.address) == film.read_bytes()


def test_giving_up_frees_the_room(page: Page, server: Running, line: Line, film: Path) -> None:
    open_files(page, line.address)
    choose(page, film)
    eventually(lambda: line.carried > SIZE // 4, "a quarter is sent")
    assert listed(server.address)["used_bytes"] == SIZE
    page.get_by_role("button", name="Give up").click()
    expect(upload(page)).to_have_count(0)
    eventually(lambda: listed(server.address)["used_bytes"] == 0, "the room is free")

    choose(page, film)
    eventually(lambda: line.carried > SIZE // 2, "a quarter is sent")
    page.reload()
    page.locator("[data-unfinished]").get_by_role("button", name="Give up").click()
    expect(page.locator("[data-unfinished]")).to_have_count(0)
    eventually(lambda: listed(server.address)["used_bytes"] == 0, "the room is free")
    expect(page.locator("[data-quota]")).to_have_attribute("data-quota", "0")


def test_uploads_go_on_while_another_page_is_looked_at(page: Page, server: Running, line: Line, film: Path) -> None:
    open_files(page, line.address)
    choose(page, film)
    expect(page.locator("[data-quota]")).to_have_attribute("data-quota", str(SIZE))
    expect(upload(page)).to_be_visible()
    page.get_by_role("link", name="Jobs").click()
    eventually(lambda: len(listed(server.address)["files"]) == 1, "it is there")
    page.get_by_role("link", name="Files").click()
    expect(row(page)).to_be_visible()


def test_several_files_of_any_name_are_shown_as_text_saved_and_deleted(
    page: Page, server: Running, tmp_path: Path
) -> None:
    names = ["<img src=x onerror=alert(1)>.txt", "நான் & ü.txt", "empty.txt"]
    paths = [tmp_path / name for name in names]
    for path in paths[:2]:
        path.write_text(path.name)
    paths[2].write_text("")
    open_files(page, server.address)
    choose(page, *paths)
    for name in names:
        expect(row(page, name)).to_be_visible()
    expect(page.locator("img[src=x]")).to_have_count(0)
    expect(page.get_by_role("status")).to_contain_text("is there.")

    with page.expect_download() as waiting:
        row(page, names[1]).get_by_role("button", name="Download").click()
    waiting.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_text() == names[1]
    assert waiting.value.suggested_filename == names[1]

    answers = iter([False, True])
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        dialog.accept() if next(answers) else dialog.dismiss()

    page.on("dialog", answer)
    row(page, names[1]).get_by_role("button", name="Delete").click()
    assert len(listed(server.address)["files"]) == 3
    row(page, names[1]).get_by_role("button", name="Delete").click()
    expect(row(page, names[1])).to_have_count(0)
    expect(page.get_by_role("heading", name="Yours")).to_be_focused()
    assert len(listed(server.address)["files"]) == 2
    assert [names[1] in message for message in asked] == [True, True]
    expect(page.locator("[data-quota]")).to_have_attribute("data-quota", str(len(names[0])))


def test_dropped_files_are_taken(page: Page, server: Running) -> None:
    open_files(page, server.address)
    held = page.evaluate_handle(
        "() => { const held = new DataTransfer(); held.items.add(new File(['la'], 'song.txt')); return held; }"
    )
    page.dispatch_event("main", "dragover", {"dataTransfer": held})
    expect(page.locator(".drop")).to_have_attribute("data-over", "true")
    page.dispatch_event("main", "drop", {"dataTransfer": held})
    expect(row(page, "song.txt")).to_contain_text("2 bytes")
    expect(page.locator(".drop")).to_have_attribute("data-over", "false")


@pytest.mark.parametrize(
    ("settings", "file", "words"),
    [
        ({"quota_bytes": 1_500_000}, {}, "Your files may take up 1.5 MB in all. Delete some first."),
        ({"max_file_bytes": 1_000_000}, {}, "A file has at most 1 MB."),
        ({}, {"mimeType": "strange"}, "The server does not take files of this type."),
    ],
    ids=["quota", "too large", "type"],
)
def test_a_refusal_is_told_in_words(
    page: Page,
    run_server: RunServer,
    complaints: Complaints,
    settings: dict[str, Any],
    file: dict[str, str],
    words: str,
) -> None:
    server = run_server(storage=settings)
    open_files(page, server.address)
    payload: FilePayload = {
        "name": "film.bin",
        "mimeType": file.get("mimeType", "video/mp4"),
        "buffer": bytes(2_000_000),
    }
    page.set_input_files("#app input[type=file]", payload)
    expect(upload(page).get_by_role("alert")).to_have_text(words)
    expect(upload(page)).to_contain_text("Failed")
    assert listed(server.address)["files"] == []
    assert listed(server.address)["used_bytes"] == 0
    page.get_by_role("button", name="Give up").click()
    expect(upload(page)).to_have_count(0)
    only(complaints, "409", "413", "422")


def sign_in(page: Page, name: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Test user").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_have_text(name)


def test_what_one_user_began_is_not_another_s(page: Page, server: Running, line: Line, film: Path) -> None:
    open_files(page, line.address)
    sign_in(page, "ann")
    choose(page, film)
    eventually(lambda: line.carried > SIZE // 4, "a quarter is sent")
    page.get_by_role("button", name="Sign out").click()
    expect(upload(page)).to_have_count(0)
    sign_in(page, "ben")
    expect(page.locator("[data-unfinished]")).to_have_count(0)
    choose(page, film)
    expect(row(page)).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Sign out").click()
    expect(row(page)).to_have_count(0)
    sign_in(page, "ann")
    expect(page.locator("[data-unfinished]")).to_contain_text("of 20 MB")
    line.carried = 0
    choose(page, film)
    expect(row(page)).to_be_visible(timeout=30_000)
    assert line.carried < SIZE
    tokens = [
        httpx.post(f"{server.address}/auth/mock-login", json={"test_user_id": name}).json()["token"]
        for name in ("ann", "ben")
    ]
    assert [len(listed(server.address, token)["files"]) for token in tokens] == [1, 1]


def test_it_fits_on_a_phone_and_is_used_by_keyboard(page: Page, server: Running, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    path = tmp_path / ("a" * 150 + ".txt")
    path.write_text("x")
    page.on("filechooser", lambda _: None)  # from now on: asked for with the key, the interception may come after it
    open_files(page, server.address)
    button = page.get_by_role("button", name="Choose files")
    button.focus()
    expect(button).to_be_focused()
    with page.expect_file_chooser() as waiting:
        page.keyboard.press("Enter")
    waiting.value.set_files(path)
    expect(row(page, "aaa")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
