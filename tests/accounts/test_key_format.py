"""The form of a key, and the secret behind it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.accounts.key_format import PREFIX, KeyFormat, start_of
from backline.accounts.pepper import Pepper, pepper_in
from backline.errors import Invalid

OURS = KeyFormat(Pepper("a" * 32))


def test_keys_have_one_form_and_are_all_different() -> None:
    keys = [OURS.new() for _ in range(500)]
    assert len(set(keys)) == 500
    for key in keys:
        assert key.startswith(PREFIX)
        assert len(key) == len(PREFIX) + 43 + 8
        assert key[len(PREFIX) :].isalnum()
        assert OURS.is_ours(key)
        assert start_of(key) == key[8:16]
    assert len({key[8:51] for key in keys}) == 500


@given(st.integers(0, 58), st.characters())
def test_a_key_with_another_character_is_not_ours(place: int, character: str) -> None:
    key = OURS.new()
    other = key[:place] + character + key[place + 1 :]
    assert OURS.is_ours(other) == (other == key)


@given(st.text())
def test_no_text_is_ours_by_chance(text: str) -> None:
    assert not OURS.is_ours(text)
    assert not OURS.is_ours(PREFIX + text)


def test_keys_are_good_where_the_pepper_is_the_same() -> None:
    key = OURS.new()
    assert KeyFormat(Pepper("a" * 32)).is_ours(key)
    assert KeyFormat(Pepper("a" * 32)).digest(key) == OURS.digest(key)
    other = KeyFormat(Pepper("b" * 32))
    assert not other.is_ours(key)
    assert other.digest(key) != OURS.digest(key)


def test_a_pepper_is_long_and_used_for_one_thing_at_a_time() -> None:
    with pytest.raises(Invalid):
        Pepper("a" * 31)
    pepper = Pepper("a" * 32)
    assert len({pepper.key_for(use) for use in ("tokens", "api-keys", "api-key-checksums")}) == 3


def test_a_machine_makes_its_pepper_once_for_its_owners_eyes(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    made: list[bytes] = []
    start = threading.Barrier(8)

    def make() -> None:
        start.wait()
        made.append(pepper_in(folder).key_for("tokens"))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert [path.name for path in folder.iterdir()] == ["secret"]
    assert (folder / "secret").stat().st_mode & 0o777 == 0o600
    assert len((folder / "secret").read_text()) >= 43


def test_a_pepper_that_was_cut_is_refused_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("short")
    with pytest.raises(Invalid):
        pepper_in(tmp_path)
    assert (tmp_path / "secret").read_text() == "short"
