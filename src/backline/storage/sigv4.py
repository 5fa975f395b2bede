"""AWS Signature Version 4, for requests and for presigned URLs.

Source: "Signature Version 4 signing process" and "Authenticating requests: using query parameters" in the AWS
documentation of S3. Ours, because obstore signs only a bare method and key: no part of a multipart upload, no answer
headers, no type and no length of a PUT.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"


@dataclass(frozen=True)
class Credentials:
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Signer:
    """Signs for one host and region of S3."""

    credentials: Credentials
    region: str
    host: str

    def headers(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], payload: str, now: datetime
    ) -> dict[str, str]:
        """The given headers and those that authenticate them. payload: SHA-256 of the body, hex. path: encoded."""
        lower = {name.lower(): value.strip() for name, value in headers.items()}
        lower |= {"host": self.host, "x-amz-date": _stamp(now), "x-amz-content-sha256": payload}
        if self.credentials.session_token:
            lower["x-amz-security-token"] = self.credentials.session_token
        signed = ";".join(sorted(lower))
        signature = self._signature(_canonical(method, path, query_string(query), lower, payload), now)
        credential = f"{self.credentials.access_key_id}/{self._scope(now)}"
        lower["authorization"] = f"{ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={signature}"
        return lower

    def presigned_query(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        now: datetime,
        expires_seconds: int,
    ) -> str:
        """The whole query. headers: what the sender must send exactly so, beside the host."""
        lower = {name.lower(): value.strip() for name, value in headers.items()} | {"host": self.host}
        fields = dict(query) | {
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.access_key_id}/{self._scope(now)}",
            "X-Amz-Date": _stamp(now),
            "X-Amz-Expires": str(expires_seconds),
            "X-Amz-SignedHeaders": ";".join(sorted(lower)),
        }
        if self.credentials.session_token:
            fields["X-Amz-Security-Token"] = self.credentials.session_token
        text = query_string(fields)
        signature = self._signature(_canonical(method, path, text, lower, UNSIGNED_PAYLOAD), now)
        return f"{text}&X-Amz-Signature={signature}"

    def _signature(self, canonical: str, now: datetime) -> str:
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join((ALGORITHM, _stamp(now), self._scope(now), digest))
        key = b"AWS4" + self.credentials.secret_access_key.encode()
        for part in (now.strftime("%Y%m%d"), self.region, "s3", "aws4_request", text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return key.hex()

    def _scope(self, now: datetime) -> str:
        return f"{now:%Y%m%d}/{self.region}/s3/aws4_request"


def query_string(query: Mapping[str, str]) -> str:
    """Sorted and encoded as the signature wants it, and as it must be sent."""
    return "&".join(f"{quote(name, safe='-_.~')}={quote(query[name], safe='-_.~')}" for name in sorted(query))


def _canonical(method: str, path: str, query: str, headers: Mapping[str, str], payload: str) -> str:
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    return "\n".join((method, path, query, lines, ";".join(sorted(headers)), payload))


def _stamp(now: datetime) -> str:
    """now: UTC."""
    return now.strftime("%Y%m%dT%H%M%SZ")
