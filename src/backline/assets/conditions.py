"""What a request says of the copy that its client has (RFC 9110, 13.1). A mark is an entity tag, in its quotes."""

from __future__ import annotations

CONDITIONS = frozenset({"if-match", "if-none-match", "if-range"})
"""The headers, in lower case."""


def is_as_known(if_match: str | None, etag: str | None) -> bool:
    """Whether the file is still the one that the client speaks of; so it is if it speaks of none."""
    return if_match is None or if_match.strip() == "*" or etag in _marks(if_match)


def has_copy(if_none_match: str | None, etag: str | None) -> bool:
    """Whether the client has this very version already."""
    if if_none_match is None or etag is None:
        return False
    plain = {mark.removeprefix("W/") for mark in _marks(if_none_match)}
    return if_none_match.strip() == "*" or etag.removeprefix("W/") in plain


def goes_on(if_range: str | None, etag: str | None) -> bool:
    """Whether a part may be sent to be joined with what the client has; a date never says that surely enough."""
    return if_range is None or (etag is not None and if_range.strip() == etag and not etag.startswith("W/"))


def _marks(header: str) -> set[str]:
    return {mark.strip() for mark in header.split(",")}
