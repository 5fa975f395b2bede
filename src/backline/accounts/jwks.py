"""The public keys of an issuer: fetched when needed, kept, and fetched again when it rotates them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from backline.clock import Monotonic, monotonic
from backline.errors import Invalid, Unavailable
from backline.observability.logging import get_logger
from backline.settings import Issuer

FRESH_SECONDS = 300.0
"""How long keys are used without asking whether they are still published."""

COOL_DOWN_SECONDS = 30.0
"""How long nobody is asked again, whatever unknown keys tokens name."""

_FETCH_SECONDS = 5.0
_MAX_BYTES = 256 * 1024
_MAX_KEYS = 100

_KINDS: Mapping[str, str] = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}
"""The kind of key that an algorithm needs, by the first letters of its name (RFC 7518, RFC 8037)."""


class Unpublished(Exception):
    """What an issuer publishes could not be fetched, or is not what it should be."""


class Publisher(Protocol):
    async def fetch(self, url: str) -> Any:
        """The JSON document at this address. Raises Unpublished."""
        ...


class HttpPublisher:
    """Over https; plain http only from this machine. At most 5 s and 256 KiB; no redirects."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def fetch(self, url: str) -> Any:
        if not may_be_fetched(url):
            raise Unpublished("not https")
        try:
            async with asyncio.timeout(_FETCH_SECONDS), self._client.stream("GET", url) as response:
                if response.status_code != httpx.codes.OK:
                    raise Unpublished(f"status {response.status_code}")
                body = bytearray()
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _MAX_BYTES:
                        raise Unpublished("too large")
            return json.loads(body)
        except TimeoutError:
            raise Unpublished("too slow") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError):
            raise Unpublished("unreachable") from None
        except (ValueError, RecursionError):
            raise Unpublished("no JSON") from None


@asynccontextmanager
async def open_publisher() -> AsyncIterator[HttpPublisher]:
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}  # so that the size is the size
    async with httpx.AsyncClient(headers=headers, follow_redirects=False, timeout=_FETCH_SECONDS) as client:
        yield HttpPublisher(client)


class KeySet:
    """The keys of one issuer. Raises as `require_fetchable`."""

    def __init__(self, issuer: Issuer, publisher: Publisher, monotonic: Monotonic = monotonic) -> None:
        require_fetchable(issuer)
        self.monotonic = monotonic
        self._issuer = issuer
        self._publisher = publisher
        self._keys: dict[tuple[str | None, str], jwt.PyJWK | None] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._reached = False
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, kid: object, algorithm: str) -> jwt.PyJWK | None:
        """The key with this name for this algorithm; None when the issuer publishes none. Without a name, the only key
        for the algorithm. Keys that are known go on working while the issuer is away.

        Raises Unavailable when the issuer cannot be reached and the key is not known.
        """
        name = kid if isinstance(kid, str) else None
        now = self.monotonic()
        if self._fetched is None or now - self._fetched > FRESH_SECONDS:
            await self._refresh()
        key = self._keys.get((name, algorithm))
        if key is None:
            await self._refresh()
            key = self._keys.get((name, algorithm))
        if key is None and not self._reached:
            raise Unavailable(
                "The issuer of this token cannot be asked for its keys. Try again.",
                code="issuer_unreachable",
                retry_after_seconds=COOL_DOWN_SECONDS,
            )
        return key

    async def _refresh(self) -> None:
        """By one for all who wait, and not again within the cool-down."""
        if self._fetching is None:
            if self._tried is not None and self.monotonic() - self._tried < COOL_DOWN_SECONDS:
                return
            self._tried = self.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
        await asyncio.shield(self._fetching)

    async def _fetch(self) -> None:
        try:
            self._keys = self._usable(await self._publisher.fetch(await self._address()))
            self._fetched, self._reached = self.monotonic(), True
        except Unpublished as error:
            self._reached = False
            get_logger().warning("accounts.issuer_unreachable", issuer=self._issuer.issuer, reason=str(error))
        finally:
            self._fetching = None

    async def _address(self) -> str:
        """Where the keys are: as configured, or as the issuer's own description says (OpenID Connect Discovery 1.0)."""
        if self._issuer.jwks_url is not None:
            return self._issuer.jwks_url
        found = await self._publisher.fetch(f"{self._issuer.issuer.rstrip('/')}/.well-known/openid-configuration")
        if not isinstance(found, dict) or found.get("issuer") != self._issuer.issuer:
            raise Unpublished("the description is of another issuer")
        return str(found.get("jwks_uri"))

    def _usable(self, document: Any) -> dict[tuple[str | None, str], jwt.PyJWK | None]:
        """By name and algorithm, and under no name the only key for an algorithm (None when there are several)."""
        if not isinstance(document, dict) or not isinstance(document.get("keys"), list):
            raise Unpublished("no key set")
        keys: dict[tuple[str | None, str], jwt.PyJWK | None] = {}
        for data in document["keys"][:_MAX_KEYS]:
            for algorithm in self._issuer.algorithms:
                key = _key(data, algorithm)
                if key is not None:
                    keys[None, algorithm] = None if (None, algorithm) in keys else key
                    if isinstance(data.get("kid"), str):
                        keys[data["kid"], algorithm] = key
        return keys


def require_fetchable(issuer: Issuer) -> None:
    """Raises Invalid for an address that must not be fetched."""
    for url in (issuer.issuer, issuer.jwks_url or issuer.issuer):
        if not may_be_fetched(url):
            raise Invalid("An issuer, and its keys, must be at an https address.", code="bad_issuer")


def may_be_fetched(url: str) -> bool:
    """https, or http from a loopback address."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.scheme == "https":
        return bool(host)
    try:
        return parts.scheme == "http" and ip_address(host).is_loopback
    except ValueError:
        return False


def _key(data: Any, algorithm: str) -> jwt.PyJWK | None:
    """A published key, if it may verify signatures of this algorithm."""
    if not isinstance(data, dict) or data.get("use", "sig") != "sig" or data.get("alg", algorithm) != algorithm:
        return None
    if data.get("kty") != _KINDS[algorithm[:2]]:
        return None
    try:
        key = jwt.PyJWK(data, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, OverflowError):
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < 2048:
        return None
    return key
