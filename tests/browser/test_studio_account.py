"""Signing in, the balance, usage and keys in Chromium, against a real server."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.studio import SpeechPage

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/studio")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Test user").fill(name)
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_have_text(name)


def test_without_an_account_nothing_is_metered(page: Page, address: str) -> None:
    page.goto(f"{address}/studio#usage")
    expect(page.locator("[data-balance]")).to_have_text("not metered")
    expect(page.get_by_text("Nothing has moved yet.")).to_be_visible()


def test_the_balance_falls_while_one_looks(studio: SpeechPage, address: str) -> None:
    page = studio.page
    sign_in(page, address, "falls")
    balance = page.locator("[data-balance]")
    expect(balance).to_contain_text("10:00")
    studio.speak("Good morning, good morning, good morning to you all.")
    expect(balance).not_to_contain_text("10:00", timeout=15_000)
    page.get_by_role("link", name="Usage", exact=True).click()
    expect(page.get_by_role("img", name=re.compile(r"\d{4}-\d\d-\d\d: [\d.]+ seconds"))).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="grant")).to_contain_text("600")
    expect(page.get_by_role("row").filter(has_text="charge").first).to_contain_text("speech")


def test_who_signed_in_stays_so_until_signing_out(page: Page, address: str) -> None:
    sign_in(page, address, "stays")
    page.reload()
    expect(page.locator(".who")).to_have_text("stays")
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("[data-balance]")).to_have_text("not metered")


def test_a_key_is_made_shown_once_used_rotated_and_revoked(page: Page, address: str) -> None:
    sign_in(page, address, "keys")
    page.get_by_role("link", name="Keys").click()
    page.get_by_label("Name").fill("jam app")
    page.get_by_role("button", name="Make a key").click()
    first = page.locator("[data-key]").inner_text()
    assert speaks(address, first)
    page.get_by_role("button", name="I have it").click()
    expect(page.get_by_text(first)).to_have_count(0)
    row = page.get_by_role("row").filter(has_text="jam app")
    expect(row).to_contain_text("active")
    page.get_by_role("button", name="Rotate").click()
    second = page.locator("[data-key]").inner_text()
    assert second != first
    assert speaks(address, second)
    assert not speaks(address, first)
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").last.click()
    expect(page.get_by_role("button", name="Revoke")).to_have_count(0)
    assert not speaks(address, second)


def test_a_key_signs_in_and_a_bad_one_says_why(page: Page, address: str) -> None:
    token = httpx.post(f"{address}/auth/mock-login", json={"test_user_id": "bykey"}).json()["token"]
    made = httpx.post(f"{address}/keys", json={"name": "x"}, headers={"Authorization": f"Bearer {token}"}).json()
    page.goto(f"{address}/studio")
    page.get_by_role("button", name="Sign in").click()
    field = page.get_by_label("API key, or a token of your identity provider")
    field.fill(made["key"])
    page.keyboard.press("Enter")
    expect(page.locator(".who")).to_have_text("bykey")


def speaks(address: str, key: str) -> bool:
    body = {"text": "Hi.", "voice": "tone-low"}
    answer = httpx.post(f"{address}/v1/tts/generate", json=body, headers={"X-API-Key": key})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200
