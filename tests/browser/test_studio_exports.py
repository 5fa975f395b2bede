"""The exports page in Chromium, against a real server: what is seen is what is rendered, once, whatever happens."""

from __future__ import annotations

import base64
import io
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from backline.engines.video.base import Interpolation
from backline.engines.video.planes import Plane
from backline.engines.video.timeline import ClipTimeline, Timeline, exact
from backline.engines.video.tracks import Track
from backline.exports.plan import spans_of
from backline.exports.schemas import Segments
from tests.browser.conftest import Complaints, free_port, serving
from tests.browser.line import line_to
from tests.browser.studio import eventually
from tests.conftest import Running, running
from tests.films import Film, Values, find_shape, frames_of, truncated

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WIDTH, HEIGHT, RATE = 640, 360, 30
LONG = 180
"""Frames of a film whose export takes some seconds."""

PREVIEW = """() => {
  const canvas = document.querySelector(".preview canvas");
  return canvas.toDataURL("image/png").split(",")[1];
}"""

TRACKS = """async (cases) => {
  const { Track } = await import("/studio/static/exports/tracks.js");
  return cases.map(([times, values, way, moments]) => {
    const track = new Track(times, values, way);
    return moments.map((moment) => track.at(moment));
  });
}"""

SPANS = """async (cases) => {
  const { asConfig, joinedLength, lengthOf, spansOf } = await import("/studio/static/exports/spans.js");
  return cases.map(({ clips, crossfade }) => {
    const spans = clips.map(({ cutting, seconds }) => spansOf(cutting, seconds));
    const configs = clips.map(({ cutting, seconds }) => asConfig(cutting, seconds) ?? null);
    return { spans, configs, seconds: joinedLength(spans.map(lengthOf), crossfade) };
  });
}"""


@pytest.fixture(scope="module")
def match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    film = Film(width=WIDTH, height=HEIGHT, frames=60, beat_seconds=Fraction(9))
    return film.write(tmp_path_factory.mktemp("films") / "match.mp4")


@pytest.fixture(scope="module")
def long_match(tmp_path_factory: pytest.TempPathFactory) -> Path:
    film = Film(width=WIDTH, height=HEIGHT, frames=LONG)
    return film.write(tmp_path_factory.mktemp("films") / "long match.mp4")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all; each test is a user of its own."""
    with running(tmp_path_factory.mktemp("studio") / "data") as it:
        yield it


class Parent:
    """A user who is signed in, at a server's address."""

    def __init__(self, address: str, name: str) -> None:
        self.address = address
        token = httpx.post(f"{address}/auth/mock-login", json={"test_user_id": name}).json()["token"]
        self.token = str(token)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        return httpx.get(self.address + path, headers=self._headers).json()

    def exports(self) -> Any:
        return self.get("/api/exports/recent")["exports"]

    def unseen(self) -> Any:
        return self.get("/api/exports/unacknowledged")["exports"]

    def upload(self, film: Path) -> None:
        """By HTTP: uploads on the page have tests of their own."""
        words = f"filename {_base64(film.name)},filetype {_base64('video/mp4')}"
        protocol = {"Tus-Resumable": "1.0.0", **self._headers}
        size = {"Upload-Length": str(film.stat().st_size), "Upload-Metadata": words}
        with httpx.Client(base_url=self.address, timeout=30, headers=protocol) as client:
            where = client.post("/api/uploads", headers=size).headers["Location"]
            there = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
            client.patch(where, headers=there, content=film.read_bytes()).raise_for_status()


@pytest.fixture
def parent(page: Page, server: Running, request: pytest.FixtureRequest) -> Iterator[Parent]:
    parent = Parent(server.address, re.sub(r"\W", "", request.node.name)[-60:])
    keep = f"sessionStorage.setItem('backline.studio.credential', '{parent.token}')"
    page.add_init_script(f"if (location.protocol === 'http:') {keep}")
    yield parent
    page.goto("about:blank")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def open_exports(page: Page, address: str, kind: str = "") -> None:
    page.goto(f"{address}/studio#exports{f'?type={kind}' if kind else ''}")
    expect(page.get_by_role("heading", name="Exports", exact=True)).to_be_visible()


def choose(page: Page, film: Path) -> None:
    page.get_by_label("Film", exact=True).select_option(label=film.name)
    expect(page.locator(".preview canvas")).to_be_visible()
    eventually(lambda: bool(page.evaluate("document.querySelector('.picture video')?.readyState >= 2")), "it is shown")
    if (size := page.get_by_label("Size", exact=True)).count():
        size.select_option("720x1280")  # sooner done


def export(page: Page) -> Locator:
    """Presses the button. Returns the newest of the list."""
    before = page.locator("[data-export]").count()
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator("[data-export]")).to_have_count(before + 1)
    return page.locator("[data-export]").first


def done(row: Locator) -> None:
    expect(row).to_have_attribute("data-status", "complete", timeout=60_000)


def playhead(page: Page) -> Locator:
    return page.get_by_role("slider", name="Position in the film")


def go_to(page: Page, frame: int) -> None:
    """By keys, as a person would: seconds, then frames."""
    playhead(page).focus()
    page.keyboard.press("Home")
    for _ in range(frame // RATE):
        page.keyboard.press("PageUp")
    for _ in range(frame % RATE // 10):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(frame % 10):
        page.keyboard.press("ArrowRight")
    eventually(lambda: _shown(page) == frame, f"frame {frame} is shown")


def _shown(page: Page) -> int:
    seconds = page.evaluate(
        "(() => { const v = document.querySelector('.picture video'); return v.seeking ? -1 : v.currentTime; })()"
    )
    return int(seconds * RATE + 0.01)


def points(page: Page) -> Locator:
    return page.get_by_role("slider", name=re.compile(r"Keyframe \d of \d"))


def luma_of_preview(page: Page) -> Plane:
    """By BT.601, as players take it for a film of this size; from 0 to 255, as `frames_of` has it."""
    page.wait_for_timeout(150)  # the canvas follows with the next picture on the screen
    picture = Image.open(io.BytesIO(base64.b64decode(page.evaluate(PREVIEW)))).convert("RGB")
    rgb = np.asarray(picture, dtype=np.float64)
    return np.rint(rgb @ [0.299, 0.587, 0.114]).astype(np.uint8)


def rendered(page: Page, row: Locator, folder: Path) -> list[Plane]:
    with page.expect_download() as waiting:
        row.get_by_role("button", name="Download").click()
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return [luma for _, luma in frames_of(path)]


def test_preview_and_render_do_the_same_sums(page: Page, parent: Parent) -> None:
    numbers = random.Random(7)
    cases: list[tuple[list[float], list[list[float]], Interpolation, list[float]]] = []
    for way in ("linear", "catmull_rom"):
        for count in (1, 2, 3, 8):
            times = sorted(numbers.uniform(0, 20) for _ in range(count))
            values = [[numbers.uniform(-50, 2000) for _ in range(4)] for _ in range(count)]
            cases.append((times, values, way, [*times, *(numbers.uniform(-1, 21) for _ in range(60))]))
    open_exports(page, parent.address)

    got = page.evaluate(TRACKS, cases)

    for (times, values, way, moments), rows in zip(cases, got, strict=True):
        track = Track(times, values, way)
        assert [list(track.at(moment)) for moment in moments] == rows, "not one bit may differ"


def test_what_is_cut_away_is_the_same_here_and_there(page: Page, parent: Parent) -> None:
    numbers = random.Random(3)
    cases: list[dict[str, Any]] = []
    for _ in range(40):
        clips = []
        for _ in range(numbers.randint(1, 3)):
            seconds = round(numbers.uniform(3, 20), 3)
            cuts = sorted(round(numbers.uniform(0.5, seconds - 0.5), 3) for _ in range(numbers.randint(0, 3)))
            speeds = [numbers.choice([0.25, 0.5, 1, 1.5, 4]) for _ in range(len(cuts) + 1)]
            trim = {"start": 0.3, "end": round(seconds - 0.7, 3)} if numbers.random() < 0.5 else None
            clips.append({"cutting": {"cuts": cuts, "speeds": speeds, "trim": trim}, "seconds": seconds})
        cases.append({"clips": clips, "crossfade": numbers.choice([0, 0.5, 9])})
    open_exports(page, parent.address)

    got = page.evaluate(SPANS, cases)

    for case, made in zip(cases, got, strict=True):
        timelines = []
        for clip, spans, config in zip(case["clips"], made["spans"], made["configs"], strict=True):
            want = spans_of(Segments.model_validate(config or {"segments": []}), clip["seconds"])
            assert [(one["start"], one["end"], one["speed"]) for one in spans] == [
                (span.start, span.end, span.speed) for span in want
            ]
            timelines.append(ClipTimeline(want))
        whole = Timeline(timelines, Fraction(RATE), exact(float(case["crossfade"])))
        assert made["seconds"] == pytest.approx(float(whole.seconds), abs=1e-9)


def test_a_window_lies_in_the_film_where_the_preview_shows_it(
    page: Page, parent: Parent, match: Path, tmp_path: Path
) -> None:
    parent.upload(match)
    open_exports(page, parent.address)
    choose(page, match)
    page.get_by_label("Way between keyframes").select_option("catmull_rom")
    for frame, x, y, width in ((0, 244, 45, 152), (20, 330.5, 60, 140.3), (40, 378, 48.7, 148)):
        go_to(page, frame)
        for name, value in (("Width", width), ("From the left", x), ("From the top", y)):
            page.get_by_label(name, exact=True).fill(str(value))
            page.keyboard.press("Tab")
        expect(page.get_by_label("From the left")).to_have_value(str(x))
    expect(points(page)).to_have_count(3)

    seen = {}
    for frame in (0, 10, 20, 32, 50):
        go_to(page, frame)
        seen[frame] = luma_of_preview(page)
    row = export(page)
    done(row)
    pictures = rendered(page, row, tmp_path)

    assert len(pictures) == 60
    assert pictures[0].shape == (1280, 720)
    for frame, preview in seen.items():
        scale = 720 / preview.shape[1], 1280 / preview.shape[0]
        expected = np.array(find_shape(preview)) * scale
        assert np.abs(np.array(find_shape(pictures[frame])) - expected).max() <= 0.5, frame


def test_a_spotlight_lies_in_the_film_where_the_preview_shows_it(
    page: Page, parent: Parent, match: Path, tmp_path: Path
) -> None:
    parent.upload(match)
    open_exports(page, parent.address, "overlay")
    choose(page, match)
    go_to(page, 8)
    page.get_by_role("button", name="Add a spotlight here").click()
    page.get_by_label("Effect").select_option("original")
    page.get_by_label("Strength").fill("1")
    page.get_by_label("Middle, from the left").fill("150.5")
    page.keyboard.press("Tab")
    go_to(page, 36)
    ellipse = page.get_by_role("application", name="Spotlight")
    box = ellipse.bounding_box()
    assert box
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.down()
    page.mouse.move(middle[0] + 90, middle[1] - 20, steps=4)
    page.mouse.up()
    ellipse.focus()
    for key in ("+", "+", "Shift+ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    expect(points(page)).to_have_count(2)

    seen = {}
    for frame in (7, 8, 20, 36, 50):
        go_to(page, frame)
        seen[frame] = luma_of_preview(page)
    row = export(page)
    done(row)
    pictures = rendered(page, row, tmp_path)

    assert pictures[0].shape == (HEIGHT, WIDTH)
    assert _white(seen[7]).sum() == 0
    assert _white(pictures[7]).sum() == 0
    for frame in (8, 20, 36, 50):
        scale = np.array([WIDTH / seen[frame].shape[1], HEIGHT / seen[frame].shape[0], WIDTH / seen[frame].shape[1]])
        apart = _middle(_white(seen[frame])) * scale - _middle(_white(pictures[frame]))
        assert np.abs(apart).max() <= 0.5, frame


def _white(luma: Plane) -> Values:
    """How white the parts of a picture are which only a spotlight makes white."""
    zone = luma.shape[0] // 8 + 2
    white = np.clip((luma.astype(np.float64) - 205) / 20, 0, 1)
    white[:zone] = white[luma.shape[0] - zone :] = 0
    return white


def _middle(white: Values) -> Values:
    """x, y, and the radius of a disc of the same size."""
    columns, rows = white.sum(axis=0), white.sum(axis=1)
    x, y = ((values * (np.arange(len(values)) + 0.5)).sum() / white.sum() for values in (columns, rows))
    return np.array([x, y, np.sqrt(white.sum() / np.pi)])


def test_an_export_is_there_once_whatever_happened_meanwhile(
    page: Page, long_match: Path, tmp_path: Path, complaints: Complaints
) -> None:
    """The journey of a parent: upload, edit, export, close, and a server that is killed; in the evening it is there."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    (tmp_path / ".env").write_text("BACKLINE_JOBS__LEASE_SECONDS=2\n")
    with ExitStack() as stack:
        server = stack.enter_context(serving(tmp_path, port))
        open_exports(page, address)
        page.set_input_files("#app input[type=file]", long_match)
        expect(page.get_by_label("Film", exact=True)).to_have_value(re.compile("file_"))
        expect(page.get_by_role("application", name="Crop frame")).to_be_visible()
        go_to(page, RATE)
        page.get_by_role("application", name="Crop frame").focus()
        page.keyboard.press("Shift+ArrowRight")
        page.get_by_label("From the left").fill("300")
        page.keyboard.press("Tab")
        row = export(page)
        expect(row).to_contain_text("Rendering", timeout=20_000)
        expect(row).to_contain_text(re.compile(r"about \d+ s left"), timeout=20_000)

        page.reload()

        row = page.locator("[data-export]")
        expect(row).to_have_attribute("data-status", "processing")
        go_to(page, RATE)
        expect(page.get_by_label("From the left")).to_have_value("300")
        server.kill()
        server.wait()
        expect(row.get_by_role("status")).to_contain_text("Connection lost; the export goes on")
        expect(row).not_to_contain_text("Failed")
        stack.enter_context(serving(tmp_path, port))
        expect(row.get_by_role("status")).to_have_text("", timeout=20_000)
        done(row)
        assert len(_get(address, "/api/exports/recent")["exports"]) == 1
        (film,) = (one for one in _get(address, "/api/files")["files"] if one["source"])
        assert film["name"] == _get(address, "/api/exports/recent")["exports"][0]["output_filename"]
        eventually(lambda: not _get(address, "/api/exports/unacknowledged")["exports"], "it is known to have been seen")
        row.get_by_role("button", name="Play").click()
        eventually(
            lambda: bool(page.evaluate("document.querySelector('.result')?.videoHeight === 1920")), "the film plays"
        )
        pictures = rendered(page, row, tmp_path)
        assert len(pictures) == LONG
        assert pictures[0].shape == (1920, 1080)
        page.goto("about:blank")
    complaints.expected += ("ERR_", "WebSocket")


def _get(address: str, path: str) -> Any:
    return httpx.get(address + path).json()


def test_what_ended_while_nobody_looked_is_told(page: Page, parent: Parent, match: Path) -> None:
    parent.upload(match)
    open_exports(page, parent.address)
    choose(page, match)
    row = export(page)
    page.goto("about:blank")
    eventually(lambda: parent.exports()[0]["status"] == "complete", "it is rendered", 60)
    assert len(parent.unseen()) == 1

    open_exports(page, parent.address)

    expect(row).to_contain_text("New")
    expect(page.locator("[data-news]")).to_have_text("match: the export is done.")
    eventually(lambda: not parent.unseen(), "it is known to have been seen")
    page.reload()
    expect(row).to_contain_text("Done")
    expect(row).not_to_contain_text("New")


def test_a_lost_answer_and_a_double_click_are_one_export(
    page: Page, parent: Parent, match: Path, complaints: Complaints
) -> None:
    parent.upload(match)
    open_exports(page, parent.address)
    choose(page, match)

    def lose_the_answer(route: Route) -> None:
        if route.request.method == "POST":
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route(re.compile(r"/api/exports$"), lose_the_answer, times=1)
    button = page.get_by_role("button", name="Export", exact=True)
    button.click()
    expect(page.locator(".export-order").get_by_role("alert")).to_contain_text("The server does not answer")
    page.reload()
    expect(page.locator("#export-price")).to_contain_text("0:02.00 of film")
    button.dblclick()
    expect(page.locator(".export-order").get_by_role("alert")).to_have_text("")
    done(page.locator("[data-export]").first)
    assert len(parent.exports()) == 1

    export(page).get_by_role("button", name="Cancel").click()
    assert len(parent.exports()) == 2
    complaints.expected += ("ERR_FAILED",)


def test_a_cancel_is_one_and_leaves_nothing(page: Page, parent: Parent, long_match: Path) -> None:
    parent.upload(long_match)
    open_exports(page, parent.address)
    choose(page, long_match)
    row = export(page)
    expect(row).to_contain_text(re.compile(r"[1-9]\d? %"), timeout=20_000)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "DELETE" else None)

    row.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")

    expect(row).to_have_attribute("data-status", "cancelled")
    expect(row.get_by_role("button", name="Cancelled")).to_be_focused()
    assert len(asked) == 1
    assert parent.exports()[0]["status"] == "cancelled"
    assert [one["source"] for one in parent.get("/api/files")["files"]] == [None]


def test_a_cut_line_is_not_a_failure(page: Page, parent: Parent, long_match: Path, complaints: Complaints) -> None:
    parent.upload(long_match)
    with line_to(parent.address) as line:
        open_exports(page, line.address)
        choose(page, long_match)
        row = export(page)
        expect(row).to_contain_text(re.compile(r"[1-9]\d? %"), timeout=20_000)
        line.cut()
        expect(row.get_by_role("status")).to_contain_text("Connection lost; the export goes on")
        expect(row.get_by_role("progressbar")).to_be_visible()
        eventually(lambda: parent.exports()[0]["status"] == "complete", "it is rendered", 60)
        expect(row).to_have_attribute("data-status", "processing")
        line.mend()
        done(row)
        expect(row.get_by_role("status")).to_have_text("")
        page.goto("about:blank")
    complaints.expected += ("ERR_", "WebSocket")


def test_a_failure_names_its_cause_and_is_tried_again_once(
    page: Page, parent: Parent, tmp_path: Path, complaints: Complaints
) -> None:
    whole = Film(width=WIDTH, height=HEIGHT, frames=90, faststart=True).write(tmp_path / "half.mp4")
    film = truncated(whole, 0.6)
    parent.upload(film)
    open_exports(page, parent.address)
    choose(page, film)
    row = export(page)
    expect(row).to_have_attribute("data-status", "error", timeout=30_000)
    expect(row).to_contain_text("the film")

    row.get_by_role("button", name="Try again").dblclick()

    expect(page.locator("[data-export]")).to_have_count(2)
    expect(page.locator("[data-export]").first).to_have_attribute("data-status", "error", timeout=30_000)
    assert len(parent.exports()) == 2
    complaints.expected += ("ERR_",)


def test_the_price_is_told_before_and_a_refusal_in_words(
    page: Page, parent: Parent, match: Path, complaints: Complaints
) -> None:
    open_exports(page, parent.address)
    page.set_input_files("#app input[type=file]", match)
    price = page.locator("#export-price")
    expect(price).to_contain_text("about 2 s of credit, of the 600")
    row = export(page)
    done(row)
    expect(row).to_contain_text(re.compile(r"2(\.0+)? s of credit"))

    page.get_by_text("Parts and speeds").click()
    page.get_by_label("Speed from 0:00.00").select_option("0.1")
    expect(price).to_contain_text("0:20.00 of film")
    page.route(
        "**/api/exports",
        lambda route: route.fulfill(
            status=402, json={"detail": "The export needs 20 s of credit, and 3 s are there.", "code": "insufficient"}
        ),
    )
    page.get_by_role("button", name="Export", exact=True).click()
    expect(page.locator(".export-order").get_by_role("alert")).to_contain_text("needs 20 s of credit")
    expect(page.locator("[data-export]")).to_have_count(1)
    complaints.expected += ("402",)


def test_keyframes_and_parts_are_edited_by_keys_alone(page: Page, parent: Parent, match: Path) -> None:
    parent.upload(match)
    open_exports(page, parent.address)
    choose(page, match)
    for frame in (10, 40):
        go_to(page, frame)
        page.get_by_role("application", name="Crop frame").focus()
        page.keyboard.press("ArrowLeft")
    expect(points(page)).to_have_count(2)
    points(page).nth(1).focus()
    page.keyboard.press("Shift+ArrowLeft")
    expect(points(page).nth(1)).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("Home")
    expect(points(page).nth(1)).to_have_attribute("aria-valuenow", str(round(11 / RATE, 6)))
    page.keyboard.press("Delete")
    expect(points(page)).to_have_count(1)
    page.get_by_role("slider", name="End of what is played").focus()
    page.keyboard.press("PageDown")
    go_to(page, 15)
    page.get_by_role("button", name="Split here").focus()
    page.keyboard.press("Enter")
    page.get_by_label("Speed from 0:00.50").select_option("0.5")
    expect(page.locator("[data-seconds]")).to_have_attribute("data-seconds", "1.500")
    row = export(page)
    done(row)
    expect(row).to_contain_text("0:01.50")


def test_annotated_and_joined_clips_become_films(page: Page, parent: Parent, match: Path) -> None:
    parent.upload(match)
    open_exports(page, parent.address, "annotate")
    choose(page, match)
    for name, frame in (("ख़ूबसूरत गोल", 30), ("Miss", 10)):
        go_to(page, frame)
        page.get_by_role("button", name="Add a clip here").click()
        page.get_by_label("Name").fill(name)
        page.get_by_label("Tags").fill("goal, left wing")
        page.get_by_label("!!, 5 of 5").check()
        page.get_by_role("slider", name="End of the clip").focus()
        page.keyboard.press("PageDown")
        expect(page.get_by_role("list", name="All clips").get_by_role("button", pressed=True)).to_contain_text(name)
    expect(page.locator("[data-seconds]")).to_have_attribute("data-seconds", "0.767")
    page.get_by_role("button", name="Earlier").click()
    row = export(page)
    page.get_by_role("link", name="Join").click()
    add = page.get_by_role("button", name="Add this film")
    add.click()
    expect(page.get_by_label("All clips").get_by_role("listitem")).to_have_count(1)
    add.click()
    expect(page.get_by_label("All clips").get_by_role("listitem")).to_have_count(2)
    page.get_by_label("All of the picture").check()
    page.get_by_label("From one to the next").select_option("crossfade")
    page.get_by_label("Size", exact=True).select_option("1280x720")
    expect(page.locator("[data-seconds]")).to_have_attribute("data-seconds", "3.500")
    done(row)
    joined = export(page)
    done(joined)
    expect(joined).to_contain_text("1280×720 · 0:03.50")


@pytest.mark.parametrize("kind", ["framing", "overlay", "annotate", "multi_clip"])
def test_it_fits_on_a_phone(page: Page, parent: Parent, match: Path, kind: str) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    long_name = match.with_name("a" * 150 + ".mp4")
    if not long_name.exists():
        long_name.write_bytes(match.read_bytes())
    parent.upload(long_name)
    open_exports(page, parent.address, kind)
    page.get_by_label("Film", exact=True).select_option(label=long_name.name)
    start = {
        "framing": page.get_by_text("Parts and speeds"),
        "overlay": page.get_by_role("button", name="Add a spotlight here"),
        "annotate": page.get_by_role("button", name="Add a clip here"),
        "multi_clip": page.get_by_role("button", name="Add this film"),
    }[kind]
    start.click()
    expect(page.locator(".preview canvas")).to_be_visible()
    page.get_by_role("button", name="Larger").click()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
