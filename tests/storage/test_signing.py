"""HMAC URLs: what they grant, and that nothing about them can be changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.message import Message
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backline.errors import Denied, Invalid
from backline.storage.base import Storage
from backline.storage.signing import UrlSigner, content_disposition
from tests.storage.stores import SECRET, signer

NOW = datetime(2026, 3, 1, 12, 0, 0, 500_000, tzinfo=UTC)
NEW_SECRET = b"another secret of 32 bytes or so"


class _Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def _parts(url: str) -> tuple[str, str]:
    split = urlsplit(url)
    assert split.path.startswith("/files/")
    return split.path.removeprefix("/files/"), split.query


def test_a_get_grants_one_file_under_its_name_and_type() -> None:
    signed = signer(clock=_Clock()).get("u/a/1", 60, "audio/wav", "मेरी आवाज़.wav")
    assert (signed.method, signed.headers) == ("GET", {})
    assert signed.expires_at == NOW.replace(microsecond=0) + timedelta(seconds=60)
    grant = signer(clock=_Clock()).verify("GET", *_parts(signed.url))
    assert (grant.key, grant.content_type, grant.download_name) == ("u/a/1", "audio/wav", "मेरी आवाज़.wav")
    assert signer(clock=_Clock()).verify("HEAD", *_parts(signed.url)) == grant


def test_a_put_grants_a_size_and_a_type() -> None:
    signed = signer(clock=_Clock()).put("u/a/1", 60, "audio/wav", 1000)
    assert dict(signed.headers) == {"Content-Type": "audio/wav", "Content-Length": "1000"}
    grant = signer(clock=_Clock()).verify("PUT", *_parts(signed.url))
    assert (grant.method, grant.max_bytes, grant.content_type) == ("PUT", 1000, "audio/wav")


def test_a_put_of_whatever_size_where_nothing_is() -> None:
    signed = signer(clock=_Clock()).put("u/a/1", 60, "audio/wav", None, True)
    assert dict(signed.headers) == {"Content-Type": "audio/wav", "If-None-Match": "*"}
    key, query = _parts(signed.url)
    grant = signer(clock=_Clock()).verify("PUT", key, query)
    assert (grant.max_bytes, grant.if_absent) == (None, True)
    assert (
        not signer(clock=_Clock()).verify("PUT", *_parts(signer(clock=_Clock()).put("a", 60, "a/b", 1).url)).if_absent
    )
    for fields in ({"absent": None}, {"absent": "2"}, {"absent": ""}, {"bytes": "5"}):
        with pytest.raises(Denied):
            signer(clock=_Clock()).verify("PUT", key, _changed(query, **fields))


def test_an_address_of_an_earlier_release_is_still_good() -> None:
    signature = "d57130a3a3f8c0d61517b9ec3f16f246934baf34129fbb36ee325a77698ac659"
    query = f"expires=1772366460&type=audio%2Fwav&bytes=1000&signature={signature}"
    assert signer(clock=_Clock()).verify("PUT", "u/a/1", query).max_bytes == 1000


@pytest.mark.parametrize(("seconds", "valid"), [(0, True), (59.4, True), (59.5, False), (60, False), (1e6, False)])
def test_it_expires_on_time(seconds: float, valid: bool) -> None:
    clock = _Clock()
    parts = _parts(signer(clock=clock).get("a", 60).url)
    clock.now += timedelta(seconds=seconds)
    if valid:
        signer(clock=clock).verify("GET", *parts)
    else:
        with pytest.raises(Denied) as caught:
            signer(clock=clock).verify("GET", *parts)
        assert caught.value.code == "url_expired"


@pytest.mark.parametrize(("signed_for", "methods"), [("GET", ["PUT", "DELETE", "get", ""]), ("PUT", ["GET", "HEAD"])])
def test_another_method_is_refused(signed_for: str, methods: list[str]) -> None:
    made = signer()
    signed = made.get("a", 60) if signed_for == "GET" else made.put("a", 60, "audio/wav", 1)
    for method in methods:
        with pytest.raises(Denied) as caught:
            made.verify(method, *_parts(signed.url))
        assert caught.value.code == "url_for_another_method"


@pytest.mark.parametrize("other", ["u/a/2", "u/a", "u/a/1/", "/u/a/1", "u/a//1", "u/ab/1", "u/a/../a/1", ""])
def test_another_key_is_refused(other: str) -> None:
    _, query = _parts(signer().get("u/a/1", 60).url)
    with pytest.raises(Denied) as caught:
        signer().verify("GET", other, query)
    assert caught.value.code == "url_altered"


def _changed(query: str, **fields: str | None) -> str:
    pairs = dict(parse_qsl(query)) | {name: value for name, value in fields.items() if value is not None}
    return urlencode({name: value for name, value in pairs.items() if fields.get(name, "") is not None})


@pytest.mark.parametrize(
    "fields",
    [
        {"expires": "99999999999"},
        {"bytes": "100000"},
        {"bytes": None},
        {"type": "text/html"},
        {"type": None},
        {"name": "x.exe"},
        {"signature": "0" * 64},
        {"signature": ""},
        {"signature": "ü" * 64},
        {"signature": None},
        {"expires": None},
        {"expires": "-1"},
        {"expires": "1e9"},
        {"expires": "٣"},
        {"more": "1"},
    ],
)
def test_a_changed_url_is_refused(fields: dict[str, str | None]) -> None:
    key, query = _parts(signer().put("u/a/1", 60, "audio/wav", 1000).url)
    with pytest.raises(Denied) as caught:
        signer().verify("PUT", key, _changed(query, **fields))
    assert caught.value.code == "url_altered"


@pytest.mark.parametrize("extra", ["&bytes=5", "&expires=1", "&signature=1", "&", "&x", "&type=audio%2Fwav"])
def test_a_field_twice_is_refused(extra: str) -> None:
    key, query = _parts(signer().put("u/a/1", 60, "audio/wav", 1000).url)
    with pytest.raises(Denied):
        signer().verify("PUT", key, query + extra)


@given(st.text(max_size=300))
def test_any_other_query_is_refused(query: str) -> None:
    with pytest.raises(Denied):
        signer().verify("GET", "u/a/1", query)


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=127))
def test_no_single_changed_character_is_accepted(place: int, code: int) -> None:
    clock = _Clock()
    signed = signer(clock=clock)
    url = signed.get("u/a/1", 60, "audio/wav", "n").url.removeprefix("/files/")
    place %= len(url)
    changed = url[:place] + chr(code) + url[place + 1 :]
    key, _, query = changed.partition("?")
    if changed == url or (dict(parse_qsl(query)) == dict(parse_qsl(url.partition("?")[2])) and key == "u/a/1"):
        return
    with pytest.raises(Denied):
        signed.verify("GET", key, query)


def test_secrets_rotate() -> None:
    old, both, new = UrlSigner([SECRET]), UrlSigner([NEW_SECRET, SECRET]), UrlSigner([NEW_SECRET])
    by_old, by_both = _parts(old.get("a", 60).url), _parts(both.get("a", 60).url)
    both.verify("GET", *by_old)
    both.verify("GET", *by_both)
    new.verify("GET", *by_both)
    for accepting, parts in ((old, by_both), (new, by_old)):
        with pytest.raises(Denied):
            accepting.verify("GET", *parts)


@pytest.mark.parametrize("secrets", [[], [b"short"], [SECRET, b"short"], [b""]])
def test_a_weak_secret_is_refused(secrets: list[bytes]) -> None:
    with pytest.raises(Invalid):
        UrlSigner(secrets)


def test_the_base_is_in_front() -> None:
    assert signer(base_url="https://host/files/").get("u/a", 60).url.startswith("https://host/files/u/a?expires=")


def test_the_secret_is_not_shown() -> None:
    assert "secret" not in repr(signer()) + signer().get("a", 60).url


@pytest.mark.parametrize("seconds", [0, -1, 7 * 24 * 3600 + 1])
async def test_a_life_has_bounds_on_every_back_end(storage: Storage, seconds: int) -> None:
    with pytest.raises(Invalid):
        storage.sign_get("a", expires_seconds=seconds)
    with pytest.raises(Invalid):
        storage.sign_put("a", size_bytes=1, content_type="audio/wav", expires_seconds=seconds)


@pytest.mark.parametrize(
    "name", ["", " ", ".", "..", ". .", "a/b", "a\\b", "a\r\nSet-Cookie: x", "a\0", "x" * 201, "a\u202egnp.exe"]
)
async def test_a_bad_file_name_is_refused_on_every_back_end(storage: Storage, name: str) -> None:
    with pytest.raises(Invalid):
        storage.sign_get("a", expires_seconds=5, download_name=name)
    with pytest.raises(Invalid):
        storage.sign_put("a", size_bytes=-1, content_type="audio/wav", expires_seconds=5)


@pytest.mark.parametrize("name", ["song.wav", 'a "quoted" 100% name.mp3', "आवाज़ ½.wav", "ts'.wav"])
def test_a_name_survives_the_header(name: str) -> None:
    header = Message()
    header["Content-Disposition"] = content_disposition(name)
    assert header.get_filename() is not None
    assert f"filename*=UTF-8''{quote(name, safe='')}" in content_disposition(name)
    assert content_disposition(name).isascii()
