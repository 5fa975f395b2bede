"""Bodies of the routes of accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from backline.accounts.keys import MAX_LIMIT

Scope = Literal["speech", "jam", "music", "exports", "admin"]


def _plain(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters")
    return text


def _https(url: str) -> str:
    if not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("an https address")
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise ValueError("an https address")
    return url


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:  # the last hours of the year 9999, or the first of the year 1, in another zone
        raise ValueError("a time in the years 1 to 9999 (UTC)") from None


Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_plain)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MockLogin(Body):
    test_user_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")


class AppleLogin(Body):
    identity_token: str = Field(min_length=1, max_length=8192)


class LoginReply(BaseModel):
    token: str
    user_id: str
    expires_in: int
    """Seconds."""


class TicketReply(BaseModel):
    ticket: str
    expires_in: int
    """Seconds."""


class ProfileChange(Body):
    """What is left out stays; null clears."""

    handle: str | None = Field(None, pattern=r"^[A-Za-z0-9_]{3,30}$")
    display_name: Line | None = None
    avatar_url: Annotated[str, StringConstraints(max_length=2000), AfterValidator(_https)] | None = None


class UserOut(BaseModel):
    id: str
    email: str | None
    created_at: datetime


class ProfileOut(BaseModel):
    handle: str | None
    display_name: str | None
    avatar_url: str | None


class Me(BaseModel):
    signed_in: bool
    user: UserOut | None
    profile: ProfileOut | None


class KeyWish(Body):
    """scopes: all that the caller has, `admin` aside, when left out."""

    name: Line
    scopes: list[Scope] | None = Field(None, min_length=1, max_length=5)
    requests_per_minute: int | None = Field(None, ge=1, le=MAX_LIMIT)
    max_streams: int | None = Field(None, ge=1, le=MAX_LIMIT)
    expires_at: Annotated[AwareDatetime, AfterValidator(_utc)] | None = None


class KeyOut(BaseModel):
    id: str
    name: str
    start: str
    """The 8 characters after `bl_live_`."""
    last4: str
    scopes: list[str]
    requests_per_minute: int | None
    max_streams: int | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    rotated_from: str | None


class NewKeyOut(KeyOut):
    key: str
    """The key itself: told now and never again."""


class Rotation(Body):
    grace_seconds: float = Field(0, ge=0, le=86_400, allow_inf_nan=False)


class KeyList(BaseModel):
    keys: list[KeyOut]
