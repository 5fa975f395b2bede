"""What one deployed function is, as plain data: what the SDK's decorators are told, and no more."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

DIGEST_CHARACTERS = 16


class Kind(StrEnum):
    """function: called, or asked over HTTP. class: a function with methods. server: a port of its own."""

    FUNCTION = "function"
    CLASS = "class"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class SecretNeed:
    """A secret by its name, and the keys that must be in it; a deploy without one of them is refused."""

    name: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Definition:
    """One function.

    arguments: of the decorator, by the SDK's own names; what stays as the SDK has it is not in there.
    inputs: how many at once a container is meant to have until another is started, and how many it takes at most.
    sessions: whether requests of one session stay on one container.
    volumes: names by mount path. extras: of this package, what its image has. variables: of its image.
    """

    name: str
    kind: Kind
    about: str
    arguments: Mapping[str, Any]
    inputs: tuple[int, int] | None = None
    sessions: bool = False
    secrets: tuple[SecretNeed, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    extras: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def gpus(self) -> tuple[str, ...]:
        """Types, the first that is free is taken: `L40S`, `A10G:2`; empty: none."""
        gpu = self.arguments.get("gpu", [])
        return tuple([gpu] if isinstance(gpu, str) else gpu)

    @property
    def digest(self) -> str:
        """Of all that a deploy would send about it, apart from code and packages."""
        told = {name: value for name, value in asdict(self).items() if name != "about"}
        return digest_of(json.dumps(told, sort_keys=True).encode())


def digest_of(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:DIGEST_CHARACTERS]
