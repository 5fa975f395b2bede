"""Signed URLs for back ends that have none of their own; the gateway serves them under `/files/{key}`.

A URL is a right: whoever has it may do this one thing with this one key until it expires. HMAC-SHA256 (RFC 2104) over
everything that it grants; nothing in it can be changed, added or left out.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode

from backline.clock import Clock, utc_now
from backline.errors import Denied, Invalid
from backline.storage.base import SignedRequest
from backline.storage.paths import check_content_type, check_key

MIN_SECRET_BYTES = 32
MAX_EXPIRES_SECONDS = 7 * 24 * 3600
"""The longest that S3 signs for; the same everywhere, so that a back end can be exchanged."""
MAX_NAME_CHARACTERS = 200
_DOMAIN = "backline file url 1"
_METHODS = {"GET": ("GET", "HEAD"), "PUT": ("PUT",)}
_FIELDS = {"expires", "type", "bytes", "absent", "name", "signature"}


@dataclass(frozen=True)
class Grant:
    """What a URL allows. expires: seconds since 1970. download_name: of a GET. Of a PUT: max_bytes, None where its own
    length counts; if_absent: only where there is no file."""

    method: Literal["GET", "PUT"]
    key: str
    expires: int
    content_type: str | None = None
    max_bytes: int | None = None
    download_name: str | None = None
    if_absent: bool = False


class UrlSigner:
    """secrets: the first one signs, each of them is accepted: put a new one in front, drop the old one a week later.

    base_url: what stands before the key, such as `/files` or `https://host/files`.
    Raises Invalid on a secret below 32 bytes.
    """

    def __init__(self, secrets: Sequence[bytes], base_url: str = "/files", clock: Clock = utc_now) -> None:
        if not secrets or min(len(secret) for secret in secrets) < MIN_SECRET_BYTES:
            raise Invalid(f"A secret for signed URLs has at least {MIN_SECRET_BYTES} bytes.", code="bad_secret")
        self._secrets = tuple(secrets)
        self._base_url = base_url.rstrip("/")
        self._clock = clock

    def get(
        self, key: str, expires_seconds: int, content_type: str | None = None, download_name: str | None = None
    ) -> SignedRequest:
        expires = expiry(self._clock(), expires_seconds)
        name = None if download_name is None else check_name(download_name)
        grant = Grant("GET", check_key(key), _seconds(expires), content_type, None, name)
        return SignedRequest("GET", self._url(grant), {}, expires)

    def put(
        self, key: str, expires_seconds: int, content_type: str, max_bytes: int | None, if_absent: bool = False
    ) -> SignedRequest:
        expires = expiry(self._clock(), expires_seconds)
        headers = put_headers(content_type, max_bytes, if_absent)
        grant = Grant("PUT", check_key(key), _seconds(expires), content_type, max_bytes, None, if_absent)
        return SignedRequest("PUT", self._url(grant), headers, expires)

    def _url(self, grant: Grant) -> str:
        fields: dict[str, str | int | None] = {
            "expires": grant.expires,
            "type": None if grant.content_type is None else check_content_type(grant.content_type),
            "bytes": grant.max_bytes,
            "absent": 1 if grant.if_absent else None,
            "name": grant.download_name,
            "signature": _mac(self._secrets[0], grant),
        }
        given = {name: value for name, value in fields.items() if value is not None}
        return f"{self._base_url}/{grant.key}?{urlencode(given, quote_via=quote)}"

    def verify(self, method: str, key: str, query: str) -> Grant:
        """What a request's URL grants. method: HEAD counts as GET. query: raw, as it came.

        Raises Denied `url_altered`, `url_for_another_method`, `url_expired`; the last two only to whoever has a
        genuine URL. The time it takes tells nothing about the signature.
        """
        fields = _fields(query)
        grants = [_grant("GET", key, fields), _grant("PUT", key, fields)]
        genuine = [grant for grant in grants if self._signed(grant, fields["signature"])]
        if not genuine:
            raise _altered()
        (grant,) = genuine
        if method not in _METHODS[grant.method]:
            raise Denied("This address is for another method.", code="url_for_another_method")
        if _seconds(self._clock()) >= grant.expires:
            raise Denied("This address has expired; ask for a new one.", code="url_expired")
        return grant

    def _signed(self, grant: Grant, signature: str) -> bool:
        results = [hmac.compare_digest(_mac(secret, grant).encode(), signature.encode()) for secret in self._secrets]
        return any(results)


def content_disposition(name: str) -> str:
    """The header that saves a file under this name (RFC 6266): plain for old clients, UTF-8 for all others."""
    plain = "".join(letter if letter.isascii() and letter not in '"\\%' else "_" for letter in check_name(name))
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def check_name(name: str) -> str:
    """A name to save under: it becomes a header and a file on somebody's disk. Raises Invalid `bad_file_name`."""
    fits = 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable() and not set(name) & set("/\\")
    if not fits or not name.strip(". "):  # the latter mean folders, or nothing, to whoever saves them
        raise Invalid(
            f"A file name is 1 to {MAX_NAME_CHARACTERS} visible characters without slashes, not only dots.",
            code="bad_file_name",
        )
    return name


def put_headers(content_type: str, size_bytes: int | None, if_absent: bool) -> dict[str, str]:
    """What a PUT must send with it. size_bytes: None where the sender says how many. Raises Invalid."""
    headers = {"Content-Type": check_content_type(content_type)}
    if size_bytes is not None:
        headers["Content-Length"] = str(check_size(size_bytes))
    if if_absent:
        headers["If-None-Match"] = "*"
    return headers


def check_size(size_bytes: int) -> int:
    if size_bytes < 0:
        raise Invalid("A size is not negative.", code="bad_size")
    return size_bytes


def expiry(now: datetime, expires_seconds: int) -> datetime:
    """The moment, in whole seconds, at which something signed now ends."""
    if not 1 <= expires_seconds <= MAX_EXPIRES_SECONDS:
        raise Invalid(f"A signed URL lives 1 to {MAX_EXPIRES_SECONDS} seconds.", code="bad_expiry")
    return now.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=expires_seconds)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _mac(secret: bytes, grant: Grant) -> str:
    """JSON keeps the fields apart: no two grants have the same text."""
    fields = [_DOMAIN, grant.method, grant.key, grant.expires, grant.content_type, grant.max_bytes, grant.download_name]
    if grant.if_absent:  # the others stay as they are: addresses of an earlier release are out there
        fields.append("absent")
    return hmac.new(secret, json.dumps(fields).encode(), hashlib.sha256).hexdigest()


def _fields(query: str) -> Mapping[str, str]:
    """Each known field at most once, and no other."""
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, strict_parsing=True, max_num_fields=len(_FIELDS), errors="strict"
        )
    except ValueError:
        raise _altered() from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or not {"expires", "signature"} <= fields.keys() <= _FIELDS:
        raise _altered()
    return fields


def _grant(method: Literal["GET", "PUT"], key: str, fields: Mapping[str, str]) -> Grant:
    size = fields.get("bytes")
    return Grant(
        method,
        key,
        _number(fields["expires"]),
        fields.get("type"),
        None if size is None else _number(size),
        fields.get("name"),
        _absent(fields.get("absent")),
    )


def _absent(text: str | None) -> bool:
    if text not in (None, "1"):
        raise _altered()
    return text is not None


def _number(text: str) -> int:
    """Only as we write it: one spelling a number."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 18 and str(int(text)) == text):
        raise _altered()
    return int(text)


def _altered() -> Denied:
    return Denied("This address was changed, or is for another file.", code="url_altered")
