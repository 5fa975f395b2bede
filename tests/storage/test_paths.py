"""Keys: whatever is accepted can neither climb nor reach another owner's files."""

from __future__ import annotations

import posixpath
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.errors import Invalid
from backline.storage.paths import check_key, check_prefix, is_key, is_owned_by, owned_key, owner_prefix

_NASTY = st.text(st.sampled_from("aZ0._-/\\\0%~ \n:ä"), max_size=12)
_SEGMENT = st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,20}", fullmatch=True)
_OWNER = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(_NASTY | st.text(max_size=20))
def test_an_accepted_key_is_plain(key: str) -> None:
    if not is_key(key):
        with pytest.raises(Invalid):
            check_key(key)
        return
    assert check_key(key) == key
    assert posixpath.normpath(key) == key == quote(key) == unquote(key)
    assert not key.startswith(("/", "."))
    root = Path("/root/of/files")
    assert (root / key).is_relative_to(root)
    assert Path(posixpath.normpath(root / key)) == root / key
    assert "/." not in key
    assert key.isascii()


@given(st.lists(_SEGMENT, min_size=1, max_size=8))
def test_segments_of_plain_characters_are_accepted(segments: list[str]) -> None:
    assert is_key("/".join(segments))


@given(_OWNER, _OWNER, st.lists(_SEGMENT, min_size=1, max_size=3))
def test_a_key_belongs_to_one_owner(owner: str, other: str, segments: list[str]) -> None:
    key = owned_key(owner, *segments)
    assert is_owned_by(key, owner)
    assert is_owned_by(key, other) == (owner == other)


@given(_OWNER, st.lists(_NASTY, max_size=3))
def test_no_segment_leads_out_of_an_owners_folder(owner: str, segments: list[str]) -> None:
    try:
        key = owned_key(owner, *segments)
    except Invalid:
        return
    assert key.startswith(f"u/{owner}/")
    assert posixpath.normpath(key).startswith(f"u/{owner}/")


def test_one_owner_is_no_prefix_of_another() -> None:
    assert not is_owned_by("u/abc/1", "ab")
    assert not is_owned_by("u/ab", "ab")
    assert not is_owned_by("v/ab/1", "ab")
    assert not is_owned_by("u/ab/../abc/1", "ab")


@pytest.mark.parametrize("segments", [[], ["a/b"], ["a", "/"], ["a", ""], [".."]])
def test_an_owned_key_is_made_of_single_segments(segments: list[str]) -> None:
    with pytest.raises(Invalid):
        owned_key("ab", *segments)


@pytest.mark.parametrize("owner", ["", ".", "..", "a/b", "a.b", "a\0", "x" * 65, "ä", "a\n"])
def test_a_bad_owner_is_refused(owner: str) -> None:
    with pytest.raises(Invalid):
        owner_prefix(owner)


def test_lengths_are_bounded() -> None:
    assert is_key("x" * 200)
    assert not is_key("x" * 201)
    assert is_key("/".join(["x" * 101] * 5))
    assert not is_key("/".join(["x" * 102] * 5))


def test_a_trailing_newline_is_no_key() -> None:
    assert not is_key("a\n")
    assert not is_key("a/b\n")


def test_a_prefix_may_end_in_one_slash() -> None:
    assert check_prefix("u/a/") == check_prefix("u/a") == "u/a"
    assert check_prefix("") == ""
    for bad in ("/", "u//", "u/a//", "..", "u/../v"):
        with pytest.raises(Invalid):
            check_prefix(bad)


def test_a_refusal_does_not_repeat_the_key() -> None:
    with pytest.raises(Invalid) as caught:
        check_key("my private name!")
    assert "private" not in str(caught.value)
