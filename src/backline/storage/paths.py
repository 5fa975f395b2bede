"""What a key may look like, and whose it is.

A key is `segment/segment/...`; a segment is letters, digits, `.`, `_` and `-`, and does not begin with a dot. So no key
can climb, hide, be empty in the middle or mean something else to a file system, a URL or a shell; and names that begin
with a dot are free for the back ends' own use.
"""

from __future__ import annotations

import re

from backline.errors import Invalid

MAX_KEY_CHARACTERS = 512
MAX_SEGMENT_CHARACTERS = 200
"""Below the 255 bytes of common file systems, with room for a temporary ending; S3 takes 1024 in all."""

_SEGMENT = re.compile(rf"[A-Za-z0-9_-][A-Za-z0-9._-]{{0,{MAX_SEGMENT_CHARACTERS - 1}}}")
_OWNER = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(; ?[A-Za-z0-9_.=;\" -]{1,127})?")


def is_key(text: str) -> bool:
    return len(text) <= MAX_KEY_CHARACTERS and all(_SEGMENT.fullmatch(segment) for segment in text.split("/"))


def check_key(text: str) -> str:
    """The key itself. Raises Invalid `bad_key`, which does not repeat it: it may be a user's text."""
    if not is_key(text):
        raise Invalid("A storage key is letters, digits, '.', '_' and '-' in segments joined by '/'.", code="bad_key")
    return text


def check_prefix(text: str) -> str:
    """A prefix is a key, with or without one slash at its end, or empty; returned without the slash."""
    return check_key(text.removesuffix("/")) if text else ""


def owner_prefix(owner: str) -> str:
    """`u/<owner>`. owner: 1 to 64 of `[A-Za-z0-9_-]`, as identifiers are. Raises Invalid `bad_key`."""
    if _OWNER.fullmatch(owner) is None:
        raise Invalid("An owner is 1 to 64 letters, digits, '_' and '-'.", code="bad_key")
    return f"u/{owner}"


def owned_key(owner: str, *segments: str) -> str:
    """`u/<owner>/segment/...`; each segment is one segment: a slash inside of it is refused."""
    if not segments or any("/" in segment for segment in segments):
        raise Invalid("An owner's key needs segments without slashes.", code="bad_key")
    return check_key("/".join((owner_prefix(owner), *segments)))


def is_owned_by(key: str, owner: str) -> bool:
    return is_key(key) and key.startswith(owner_prefix(owner) + "/")


def check_content_type(text: str) -> str:
    """The type itself. Raises Invalid `bad_content_type`: it becomes a header."""
    if _CONTENT_TYPE.fullmatch(text) is None:
        raise Invalid("A content type looks like 'audio/wav'.", code="bad_content_type")
    return text
