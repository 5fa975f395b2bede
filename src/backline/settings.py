"""Settings: typed groups, read from the environment (`BACKLINE_<GROUP>__<NAME>`) and from `.env`.

Classes only. The command line makes one `Settings` and hands the groups on; nothing else looks at the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from backline.modal_table import GatewayRow, JamRow, JobRow, SpeechRow

_PREFIX = "BACKLINE_"
_ENV_FILE = ".env"


_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f]*(:[0-9A-Fa-f.]*){2,}")
_ORIGIN = re.compile(r"https?://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")


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
    cors_origins: list[str] = []
    """Origins whose pages may call this server from a browser, such as `https://app.example.com`."""
    trusted_proxies: list[str] = []
    """Addresses or networks (`10.0.0.0/8`) whose X-Forwarded-For and X-Forwarded-Proto are believed."""
    allowed_hosts: list[str] = []
    """Names under which a public server may be asked; empty takes any."""
    public_url: str | None = Field(None, pattern=_ORIGIN.pattern + "$")
    """Where clients reach this server, such as `https://api.example.com`: addresses of files begin with it, and its
    pages are our own."""

    @field_validator("cors_origins")
    @classmethod
    def _are_origins(cls, origins: list[str]) -> list[str]:
        if "*" in origins:
            raise ValueError("* would open the server to every page; name each origin.")
        if not all(_ORIGIN.fullmatch(origin) for origin in origins):
            raise ValueError("an origin is scheme, host and port alone, in lower case: https://app.example.com")
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: list[str]) -> list[str]:
        try:
            for proxy in proxies:
                ip_network(proxy, strict=False)
        except ValueError:
            raise ValueError("a proxy is an address or a network: 10.0.0.0/8") from None
        return proxies

    @field_validator("allowed_hosts")
    @classmethod
    def _are_hosts(cls, hosts: list[str]) -> list[str]:
        if not all(_HOST.fullmatch(host) for host in hosts):
            raise ValueError("a host is a name without scheme and port: api.example.com")
        return hosts

    @property
    def bound_to_loopback(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class DatabaseSettings(Group):
    """Where rows are kept."""

    url: SecretStr | None = None
    """`postgresql://user:password@host/name`; None keeps them in the file `backline.db` of the data folder."""
    pool_size: int = Field(10, ge=1, le=100)
    """Connections to Postgres."""
    sqlite_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
    """FULL keeps the last commits when the power fails, and is slower."""


class Issuer(Group):
    """Somebody whose tokens are believed: an OIDC issuer."""

    issuer: str
    """The `iss` of its tokens, such as `https://appleid.apple.com`."""
    audience: str
    """The `aud` that its tokens must have."""
    jwks_url: str | None = None
    """Where its keys are; None asks `<issuer>/.well-known/openid-configuration`."""
    algorithms: list[Literal["RS256", "RS384", "RS512", "ES256", "ES384", "PS256", "EdDSA"]] = ["RS256", "ES256"]


class AccountsSettings(Group):
    """Who is known, and how they prove it."""

    key_pepper: SecretStr | None = None
    """Secret with which API keys are hashed and own tokens signed, at least 32 characters; None makes one and keeps it
    in the data folder, which is for one machine only."""
    issuers: list[Issuer] = []
    apple_audience: str | None = None
    """The app's bundle id; turns `POST /auth/apple` on."""
    leeway_seconds: float = Field(30.0, ge=0, le=300)
    """How far the clocks of issuers may differ from ours."""
    token_minutes: int = Field(1440, ge=1)
    """How long a token made by `/auth` lasts."""


class LimitsSettings(Group):
    """How much one caller may ask for. Sliding windows of one minute."""

    key_requests_per_minute: int = Field(600, ge=1)
    """For each API key or signed-in user; a key may have its own."""
    address_requests_per_minute: int = Field(1200, ge=1)
    """For each address (IPv6: each /64), before anybody is known."""
    key_streams: int = Field(16, ge=1)
    """Streams at once for each API key or signed-in user; a key may have its own."""
    redis_url: SecretStr | None = None
    """`redis://host:6379/0` holds the limits across several servers; None counts in this process."""
    redis_patience_seconds: float = Field(0.1, gt=0, le=10)
    """How long one command to Redis may take; after that each server counts alone until Redis is back."""


class CreditsSettings(Group):
    """What things cost. One credit is one second; amounts are decimal strings, exact to a millionth."""

    welcome_seconds: Decimal = Field(Decimal(600), ge=0, le=1_000_000_000, decimal_places=6)
    """Granted once to each new user."""
    speech_per_second: Decimal = Field(Decimal(1), ge=0, le=1_000_000, decimal_places=6)
    """For a second of delivered speech."""
    jam_per_second: Decimal = Field(Decimal(1), ge=0, le=1_000_000, decimal_places=6)
    """For a second of a warm session."""
    export_per_second: Decimal = Field(Decimal(1), ge=0, le=1_000_000, decimal_places=6)
    """For a second of finished video."""
    tick_seconds: float = Field(5.0, gt=0, le=60)
    """How often running work writes down what it has used: what may be lost when the process is killed."""
    hold_seconds: float = Field(60.0, ge=5, le=86_400)
    """How long a hold lives without a tick; then it is settled at its last total."""
    top_up_url: str | None = None
    """Where a user buys more; told in the 402."""

    @model_validator(mode="after")
    def _ticks_keep_holds_alive(self) -> Self:
        if self.hold_seconds < 2 * self.tick_seconds:
            raise ValueError("hold_seconds must be at least twice tick_seconds, or running work is taken for dead")
        return self


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
    worker_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$")
    """Base address of a worker (`backline worker`) whose engines speak; None: this server speaks itself."""
    worker_key: SecretStr | None = Field(None, min_length=16)
    """What that worker asks for in X-API-Key."""
    plane_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$")
    """Base address of another server of ours, one with GPUs, that answers the routes of speech in place of this one;
    they pass through here. Both have the same database and the same pepper."""
    socket_idle_seconds: float = Field(60.0, gt=0)
    """How long a WebSocket may send nothing while nothing is being spoken."""
    retention_days: float = Field(30.0, ge=0, le=36_500)
    """How long records of requests and their texts are kept; 0 keeps no texts, and records for a day."""
    supabase_url: str | None = None
    """A Supabase project that is sent a copy of every text, at `/rest/v1/tts_sentences`."""
    supabase_service_key: SecretStr | None = None


class StorageSettings(Group):
    """Where files are kept: in the data folder, or in a bucket of S3 or Cloudflare R2 when one is named."""

    bucket: str | None = None
    """The bucket's name; None keeps files in the data folder."""
    endpoint: str | None = None
    """Of a store that speaks S3; None is Amazon's own."""
    region: str = "auto"
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None
    quota_bytes: int = Field(10_000_000_000, ge=0)
    """For each user, uploads and results together."""
    max_file_bytes: int = Field(5_000_000_000, ge=0)
    """Of one upload."""
    link_seconds: int = Field(3600, ge=1, le=604_800)
    """How long a signed address of a file is good."""
    results_kept_days: float = Field(30.0, gt=0, le=36_500)
    """How long files that jobs made are kept."""


class ExportsSettings(Group):
    """How films are rendered."""

    max_seconds: float = Field(14_400.0, gt=0, le=86_400)
    """Of one finished film."""
    segment_seconds: float = Field(60.0, ge=2, le=600)
    """How much film is rendered between two checkpoints; a film that is not twice as long has none."""
    stall_seconds: float = Field(120.0, ge=5, le=3600)
    """How long a render may make no progress before it is ended and tried again."""


class JamSettings(Group):
    """How live sessions are played, and by whom."""

    engine: str | None = None
    """The engine of `backline worker`, and of this server where it plays itself; None takes the default one."""
    worker_url: str | None = Field(None, pattern=r"^https?://[^\s?#]+$")
    """Base address of a worker (`backline worker`, or another that speaks its API); None: this server plays itself."""
    worker_key: SecretStr | None = Field(None, min_length=16)
    """What a worker asks for in X-API-Key, and what this server shows to it."""
    max_sessions: int = Field(40, ge=1, le=10_000)
    """Sessions at once on one worker; one more is answered 429."""
    idle_seconds: float = Field(120.0, ge=1, le=3600)
    """How long a session that nobody keeps alive stays open."""
    grace_seconds: float = Field(30.0, ge=0, le=600)
    """How much of the time since the last keepalive is billed at most."""
    poll_seconds: float = Field(5.0, ge=0.1, le=30)
    """How often active sessions are billed."""
    unreachable_seconds: float = Field(60.0, ge=1, le=3600)
    """How long a worker may be silent before its sessions are ended, at the last total that it told."""


class JobsSettings(Group):
    """How durable work is done."""

    loop: bool = True
    """Whether `backline serve` works on jobs itself; `backline jobs` always does."""
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Jobs at once that work on this machine."""
    max_remote: int = Field(1000, ge=0, le=10_000)
    """Jobs at once that this process waits for while they run elsewhere."""
    owner_limit: int = Field(4, ge=1)
    """Jobs of one user at once, in each queue."""
    queue_limit: int = Field(1000, ge=1)
    """Jobs at once in each queue, over all machines."""
    queue_limits: dict[str, int] = {}
    """Queues with a limit of their own."""
    lease_seconds: float = Field(15.0, ge=1, le=600)
    """How long a job whose process died waits at most until another takes it over."""
    keep_days: float = Field(30.0, gt=0, le=36_500)
    """How long jobs are remembered after their end, and with them their Idempotency-Keys."""


class ModalSettings(Group):
    """What runs on Modal: the table of a deployment, and how a gateway finds it. docs/deploy.md has the way there."""

    enabled: bool = False
    """Whether this server uses what is deployed: exports are rendered there, and speech and jams made there as their
    rows say. Needs credentials (MODAL_TOKEN_ID, MODAL_TOKEN_SECRET), a bucket and `public_url`."""
    app: str = Field("backline", pattern=r"^[A-Za-z0-9._-]{1,60}$")
    environment: str | None = None
    """Modal's; None is the one of its configuration."""
    version: int | None = Field(None, ge=1)
    """Of the deployed app, to be used until it is said otherwise; None is the newest."""
    planes: Literal["two", "one"] = "two"
    """two: a gateway without GPU, and workers. one: the whole server on the machines of speech too, for the fastest
    first sound; the gateway passes the routes of speech on to it."""
    gateway: GatewayRow = Field(default_factory=GatewayRow)
    speech: SpeechRow = Field(default_factory=SpeechRow)
    jam: JamRow = Field(default_factory=JamRow)
    jobs: dict[str, JobRow] = {}
    """Rows of operations that are to be different from the default, by name, such as `render`."""
    prices: dict[str, Annotated[Decimal, Field(ge=0)]] = {}
    """What an hour costs, for the plan: of a GPU by its type, of a core (`cpu`), of a GiB of memory (`memory`)."""
    gateway_secret: str = "backline"  # noqa: S105 - names, not secrets
    """Of the secret with the gateway's settings: database, bucket, pepper, public_url."""
    worker_secret: str = "backline-worker"  # noqa: S105
    """Of the secret with the key that workers ask for (DARIUS_API_KEY)."""
    weights_secret: str | None = None
    """Of the secret with which weights are fetched (HF_TOKEN)."""
    weights_volume: str = "backline-weights"
    """Where weights are, mounted at /weights."""


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
    database: DatabaseSettings = Field(default_factory=DatabaseSettings)
    accounts: AccountsSettings = Field(default_factory=AccountsSettings)
    limits: LimitsSettings = Field(default_factory=LimitsSettings)
    credits: CreditsSettings = Field(default_factory=CreditsSettings)
    speech: SpeechSettings = Field(default_factory=SpeechSettings)
    storage: StorageSettings = Field(default_factory=StorageSettings)
    jobs: JobsSettings = Field(default_factory=JobsSettings)
    exports: ExportsSettings = Field(default_factory=ExportsSettings)
    jam: JamSettings = Field(default_factory=JamSettings)
    modal: ModalSettings = Field(default_factory=ModalSettings)
    observability: ObservabilitySettings = Field(default_factory=ObservabilitySettings)

    @property
    def database_address(self) -> str:
        """The URL of the database, with its password."""
        if self.database.url is not None:
            return self.database.url.get_secret_value()
        return f"sqlite:///{self.server.data_dir / 'backline.db'}"

    @classmethod
    def read(cls, **given: Any) -> Self:
        """What is given first, then the environment, then `.env`.

        Raises ValueError: one sentence that names the variable and never repeats its value, which may be a secret.
        """
        environment = {**dotenv_values(_ENV_FILE), **os.environ}
        _refuse_unknown([*environment])
        for alias, (group, field) in _ALIASES.items():
            if environment.get(alias) and _variable(group, field) not in map(str.upper, environment):
                given[group] = {field: environment[alias], **given.get(group, {})}
        try:
            return cls(**given)
        except ValidationError as error:
            problems = [f"{_variable(*problem['loc'])}: {problem['msg']}" for problem in error.errors()]
            raise ValueError("; ".join(problems)) from None
        except SettingsError as error:
            group = str(error).partition('"')[2].partition('"')[0]  # pydantic-settings tells no more
            raise ValueError(f"{_variable(group)}, or a variable below it, holds no JSON where it has to.") from None


_ALIASES = {
    "DATABASE_URL": ("database", "url"),
    "REDIS_URL": ("limits", "redis_url"),
    "R2_BUCKET_NAME": ("storage", "bucket"),
    "R2_ENDPOINT_URL": ("storage", "endpoint"),
    "R2_ACCESS_KEY_ID": ("storage", "access_key_id"),
    "R2_SECRET_ACCESS_KEY": ("storage", "secret_access_key"),
    "MODAL_ENABLED": ("modal", "enabled"),
    "MODAL_API_URL": ("jam", "worker_url"),
    "DARIUS_API_KEY": ("jam", "worker_key"),
    "SUPABASE_URL": ("speech", "supabase_url"),
    "SUPABASE_SERVICE_KEY": ("speech", "supabase_service_key"),
}
"""Names that are customary elsewhere; ours goes before them."""


_TABLES = ("BACKLINE_JOBS__QUEUE_LIMITS", "BACKLINE_MODAL__JOBS", "BACKLINE_MODAL__PRICES")
"""Settings with names of the operator's own below them."""


def _variable(*path: int | str) -> str:
    return _PREFIX + "__".join(str(part) for part in path).upper()


def _refuse_unknown(names: list[str]) -> None:
    """A misspelt setting would otherwise leave the default in place without a word."""
    groups = {name: field.annotation for name, field in Settings.model_fields.items()}
    fields = [one for name, group in groups.items() for one in _variables(group, name)]
    known = {*fields, *map(_variable, groups)}
    tables = tuple(f"{one}__" for one in fields if one in _TABLES)
    for name in names:
        rest = name.upper().removeprefix(_PREFIX)
        looks_like_ours = "__" in rest or rest.partition("_")[0].lower() in groups
        fits = name.upper() in known or name.upper().startswith(tables)
        if name.upper().startswith(_PREFIX) and not fits and looks_like_ours:
            near = get_close_matches(name.upper(), fields, 1)
            raise ValueError(f"There is no setting {name}." + (f" Did you mean {near[0]}?" if near else ""))


def _variables(group: Any, *path: str) -> Iterator[str]:
    """Of a group, and of the rows in it."""
    if isinstance(group, type) and issubclass(group, BaseModel):
        for name, field in group.model_fields.items():
            yield _variable(*path, name)
            yield from _variables(field.annotation, *path, name)
