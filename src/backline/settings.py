"""Settings: typed groups, read from the environment (`BACKLINE_<GROUP>__<NAME>`) and from `.env`.

Classes only. The command line makes one `Settings` and hands the groups on; nothing else looks at the environment.
"""

from __future__ import annotations

import os
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

_PREFIX = "BACKLINE_"
_ENV_FILE = ".env"


class Group(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ServerSettings(Group):
    """Where the server listens and how it ends."""

    host: str = "127.0.0.1"
    port: int = Field(8000, ge=0, le=65535)
    data_dir: Path = Path("data")
    """Folder for everything that is kept on this machine; made when missing."""
    drain_seconds: float = Field(30.0, ge=0, le=3600)
    """How long running streams may go on after SIGTERM."""
    max_body_bytes: int = Field(1_000_000, ge=1_000)
    """Largest request body; 50 000 characters, each escaped as JSON's `\\uXXXX`, are 300 kB."""

    @property
    def bound_to_loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class SpeechSettings(Group):
    """How speech is made."""

    engine: str | None = None
    """Engine for requests that name no voice; None takes the first default engine that is installed."""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Engine instances of one kind, and encoder threads."""
    max_streams: int = Field(512, ge=1)
    """Streams at once; one more is answered 429."""
    overlap_seconds: float = Field(0.050, ge=0, le=0.5)
    """Length of the fade between two sentences."""
    stall_seconds: float = Field(30.0, gt=0)
    """How long an engine may be silent, or a client may not read, before the stream is ended."""
    socket_idle_seconds: float = Field(60.0, gt=0)
    """How long a WebSocket may send nothing while nothing is being spoken."""
    records_kept: int = Field(1000, ge=1)
    """Finished requests that `/v1/tts/requests/{id}` remembers."""


class ObservabilitySettings(Group):
    """What the server tells about itself."""

    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    metrics_token: SecretStr | None = None
    """Bearer token for the metrics routes when they are asked from elsewhere than this machine."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_nested_delimiter="__", env_file=_ENV_FILE, extra="ignore", frozen=True
    )

    server: ServerSettings = Field(default_factory=ServerSettings)
    speech: SpeechSettings = Field(default_factory=SpeechSettings)
    observability: ObservabilitySettings = Field(default_factory=ObservabilitySettings)

    @classmethod
    def read(cls, **given: Any) -> Self:
        """What is given first, then the environment, then `.env`.

        Raises ValueError: one sentence that names the variable and never repeats its value, which may be a secret.
        """
        _refuse_unknown([*os.environ, *dotenv_values(_ENV_FILE)])
        try:
            return cls(**given)
        except ValidationError as error:
            problems = [f"{_variable(*problem['loc'])}: {problem['msg']}" for problem in error.errors()]
            raise ValueError("; ".join(problems)) from None
        except SettingsError as error:
            raise ValueError(f"{error}.") from None


def _variable(*path: int | str) -> str:
    return _PREFIX + "__".join(str(part) for part in path).upper()


def _refuse_unknown(names: list[str]) -> None:
    """A misspelt setting would otherwise leave the default in place without a word."""
    groups = {name: field.annotation for name, field in Settings.model_fields.items()}
    fields = [
        _variable(name, field)
        for name, group in groups.items()
        if isinstance(group, type) and issubclass(group, Group)
        for field in group.model_fields
    ]
    known = {*fields, *map(_variable, groups)}
    for name in names:
        rest = name.upper().removeprefix(_PREFIX)
        looks_like_ours = "__" in rest or rest.partition("_")[0].lower() in groups
        if name.upper().startswith(_PREFIX) and name.upper() not in known and looks_like_ours:
            near = get_close_matches(name.upper(), fields, 1)
            raise ValueError(f"There is no setting {name}." + (f" Did you mean {near[0]}?" if near else ""))
