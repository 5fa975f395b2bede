"""An OIDC issuer on this machine: it publishes real keys over HTTP, signs what it is told to, and can misbehave."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "backline-tests"

Answer = tuple[int, bytes]


@dataclass
class SigningKey:
    kid: str
    private: Any
    algorithm: str

    @classmethod
    def ec(cls, kid: str) -> SigningKey:
        return cls(kid, ec.generate_private_key(ec.SECP256R1()), "ES256")

    @classmethod
    def rsa(cls, kid: str, bits: int = 2048) -> SigningKey:
        return cls(kid, rsa.generate_private_key(65537, bits), "RS256")

    @property
    def public_pem(self) -> bytes:
        kinds = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = self.private.public_key().public_bytes(*kinds)
        return pem

    def published(self) -> dict[str, Any]:
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        return {**kind.to_jwk(self.private.public_key(), as_dict=True), "kid": self.kid, "use": "sig"}


@dataclass
class FakeIssuer:
    """keys: published, the first signs. answer: sent instead of the keys. asked: the paths that were fetched."""

    keys: list[SigningKey] = field(default_factory=lambda: [SigningKey.ec("one")])
    answer: Callable[[], Answer] | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""
    name: str = ""
    """The `iss`, when it is not the address."""
    describes: str = ""
    """Whom its description is of, when it is another."""

    @property
    def settings(self) -> dict[str, Any]:
        if self.name:
            return {"issuer": self.name, "audience": AUDIENCE, "jwks_url": f"{self.url}/keys"}
        return {"issuer": self.url, "audience": AUDIENCE}

    def token(self, subject: str = "anna", *, key: SigningKey | None = None, **claims: Any) -> str:
        """claims: instead of the usual ones; None leaves one out."""
        key, now = key or self.keys[0], int(time.time())
        named = {"kid": key.kid} if key.kid else {}
        usual = {"iss": self.name or self.url, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 600}
        said = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        return jwt.encode(said, key.private, key.algorithm, named)

    def respond(self, path: str) -> Answer:
        self.asked.append(path)
        if path.endswith("/.well-known/openid-configuration"):
            return 200, json.dumps({"issuer": self.describes or self.url, "jwks_uri": f"{self.url}/keys"}).encode()
        if self.answer is not None:
            return self.answer()
        return 200, json.dumps({"keys": [key.published() for key in self.keys]}).encode()

    def times_asked_for_keys(self) -> int:
        return self.asked.count("/keys")


@contextmanager
def running_issuer() -> Iterator[FakeIssuer]:
    issuer = FakeIssuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = issuer.respond(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # whoever asked may have had enough
                self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
