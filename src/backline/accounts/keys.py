"""API keys: made, listed, rotated, revoked; and recognised when somebody comes in with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from backline.accounts import key_repository
from backline.accounts.key_format import KeyFormat, start_of
from backline.accounts.key_repository import ApiKey
from backline.accounts.principal import LOCAL, SCOPES, Principal
from backline.accounts.repository import lock_user
from backline.accounts.service import LOCAL_ISSUER, MOCK_ISSUER
from backline.accounts.verified import BELIEVED_SECONDS, Verdict, VerifiedCallers
from backline.clock import Clock, utc_now
from backline.db.database import Database, Tx
from backline.errors import Conflict, Denied, Invalid, NotFound
from backline.ids import new_id

MAX_LIVE_KEYS = 50
"""Of one user, at once."""

MAX_LIMIT = 1_000_000
"""Of requests a minute, and of streams at once, that a key may have."""


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a user may give a key of theirs at most; the command line may give more."""

    requests_per_minute: int
    max_streams: int


@dataclass(frozen=True, slots=True)
class NewKey:
    """What a key is wished to be. None: the server's own limits, no end."""

    name: str
    scopes: Sequence[str] = ()
    requests_per_minute: int | None = None
    max_streams: int | None = None
    expires_at: datetime | None = None


class Keys:
    """loopback: whether users that this machine made up (mock, local) may come in: never on a server for others."""

    def __init__(
        self,
        database: Database,
        key_format: KeyFormat,
        callers: VerifiedCallers,
        limits: KeyLimits,
        *,
        loopback: bool,
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._format = key_format
        self._callers = callers
        self._limits = limits
        self._loopback = loopback
        self._clock = clock

    async def principal_of(self, key: str) -> Principal | None:
        """Whose key it is; None for one that is unknown, revoked or expired. A key seen in the last 30 s costs no
        query, and one that this installation cannot have made never does."""
        if not self._format.is_ours(key):
            return None
        digest = self._format.digest(key)
        return await self._callers.caller(digest, lambda: self._check(digest))

    async def create(self, owner: Principal, wanted: NewKey) -> tuple[ApiKey, str]:
        """A key of the caller's, and the key itself, which is not kept. Raises Denied when it would be good for more
        than the caller is; `admin` comes from the command line, or from this machine."""
        if "admin" in wanted.scopes and owner != LOCAL:
            raise Denied("Keys with the scope admin are made on the command line.", code="wider_key")
        return await self._create(owner.id, wanted, owner)

    async def create_for(self, user_id: str, wanted: NewKey) -> tuple[ApiKey, str]:
        """The same by an operator: any scope, any limit."""
        return await self._create(user_id, wanted, None)

    async def list(self, user_id: str | None, *, revoked: bool = False, limit: int = 1000) -> list[ApiKey]:
        """user_id: None for everybody's."""
        async with self._database.read() as tx:
            return await key_repository.list_keys(tx, user_id, revoked=revoked, limit=limit)

    async def get(self, user_id: str | None, key_id: str) -> ApiKey:
        async with self._database.read() as tx:
            return await _existing(tx, key_id, user_id)

    async def revoke(self, user_id: str | None, key_id: str) -> ApiKey:
        """It stops working: here at once, on other servers within 30 s. A second time changes nothing."""
        async with self._database.write() as tx:
            await _existing(tx, key_id, user_id)
            await key_repository.revoke_key(tx, key_id, self._clock())
            revoked = await _existing(tx, key_id, user_id)
        self._callers.forget(lambda principal: principal.key_id == key_id)
        return revoked

    async def rotate(self, owner: Principal | None, key_id: str, grace_seconds: float) -> tuple[ApiKey, str]:
        """A new key with the same name, scopes, limits and end; the old one dies after `grace_seconds`, 0 to 86,400.

        owner: None for an operator. Raises Conflict for a key that is dead already, and when there would be
        too many good ones meanwhile.
        """
        now = self._clock()
        async with self._database.write() as tx:
            old = await _existing(tx, key_id, None if owner is None else owner.id)
            await lock_user(tx, old.user_id)
            old = await _existing(tx, key_id, old.user_id)  # as it is now that nobody else changes it
            if not old.is_live(now):
                raise Conflict("This key is revoked or expired; create a new one.", code="key_not_live")
            wanted = NewKey(old.name, old.scopes, old.requests_per_minute, old.max_streams, old.expires_at)
            if owner is not None and owner.key_id != old.id:
                ceiling = KeyLimits(old.requests_per_minute or MAX_LIMIT, old.max_streams or MAX_LIMIT)
                wanted = await self._refuse_wider(tx, owner, wanted, ceiling)
            if grace_seconds > 0:  # for a while there is one more
                await _refuse_too_many(tx, old.user_id, now)
            new, text = await self._insert(tx, old.user_id, wanted, now, rotated_from=old.id)
            if grace_seconds > 0:
                await key_repository.end_key_at(tx, old.id, now + timedelta(seconds=grace_seconds))
            else:
                await key_repository.revoke_key(tx, old.id, now)
        self._callers.forget(lambda principal: principal.key_id == key_id)
        return new, text

    async def _check(self, digest: bytes) -> Verdict:
        async with self._database.read() as tx:
            found = await key_repository.key_by_digest(tx, digest.hex())
        if found is None:
            return Verdict(None)
        row, issuer = found
        now = self._clock()
        if not row.is_live(now) or (issuer in (LOCAL_ISSUER, MOCK_ISSUER) and not self._loopback):
            return Verdict(None)
        principal = Principal(
            id=row.user_id,
            scopes=frozenset(row.scopes) & frozenset(SCOPES),
            key_id=row.id,
            billed=issuer != LOCAL_ISSUER,
            requests_per_minute=row.requests_per_minute,
            max_streams=row.max_streams,
        )
        seconds = BELIEVED_SECONDS if row.expires_at is None else (row.expires_at - now).total_seconds()
        return Verdict(principal, seconds)

    async def _create(self, user_id: str, wanted: NewKey, owner: Principal | None) -> tuple[ApiKey, str]:
        now = self._clock()
        if wanted.expires_at is not None and wanted.expires_at <= now:
            raise Invalid("The key would be expired already.", code="bad_expiry")
        async with self._database.write() as tx:
            if not await lock_user(tx, user_id):
                raise NotFound("There is no such user.", code="user_not_found")
            if owner is not None:
                wanted = await self._refuse_wider(tx, owner, wanted, self._limits)
            await _refuse_too_many(tx, user_id, now)
            return await self._insert(tx, user_id, wanted, now)

    async def _insert(
        self, tx: Tx, user_id: str, wanted: NewKey, now: datetime, rotated_from: str | None = None
    ) -> tuple[ApiKey, str]:
        text = self._format.new()
        key = ApiKey(
            id=new_id("key"),
            user_id=user_id,
            name=wanted.name,
            start=start_of(text),
            last4=text[-4:],
            scopes=[scope for scope in SCOPES if scope in wanted.scopes],
            requests_per_minute=wanted.requests_per_minute,
            max_streams=wanted.max_streams,
            created_at=now,
            expires_at=wanted.expires_at,
            revoked_at=None,
            rotated_from=rotated_from,
        )
        await key_repository.insert_key(tx, key, self._format.digest(text).hex())
        return key, text

    async def _refuse_wider(self, tx: Tx, owner: Principal, wanted: NewKey, ceiling: KeyLimits) -> NewKey:
        """The wish, with the maker's own limits where it names none. Raises Denied for scopes, limits or an end beyond
        those of the maker. ceiling: the limits of a maker who has none."""
        if missing := set(wanted.scopes) - owner.scopes:
            raise Denied(f"You lack the scope {min(missing)} yourself.", code="wider_key")
        if owner == LOCAL:
            return wanted
        made_with = None if owner.key_id is None else await key_repository.key_by_id(tx, owner.key_id, owner.id)
        ends = None if made_with is None else made_with.expires_at
        wanted = replace(
            wanted,
            requests_per_minute=_within(
                wanted.requests_per_minute, owner.requests_per_minute, ceiling.requests_per_minute
            ),
            max_streams=_within(wanted.max_streams, owner.max_streams, ceiling.max_streams),
            expires_at=wanted.expires_at or ends,
        )
        if ends is not None and wanted.expires_at is not None and wanted.expires_at > ends:
            raise Denied("A key cannot make one that outlives it.", code="wider_key")
        return wanted


def _within(wanted: int | None, own: int | None, ceiling: int) -> int | None:
    """own: the limit of the maker, where it has one."""
    if wanted is None:
        return own
    if wanted > (ceiling if own is None else own):
        raise Denied("A key's limits cannot be wider than those of who makes it.", code="wider_key")
    return wanted


async def _refuse_too_many(tx: Tx, user_id: str, now: datetime) -> None:
    """Before one is added to those that are good. The user's row is locked by the caller."""
    if await key_repository.count_live(tx, user_id, now) >= MAX_LIVE_KEYS:
        raise Conflict(f"A user has at most {MAX_LIVE_KEYS} keys; revoke one.", code="too_many_keys")


async def _existing(tx: Tx, key_id: str, user_id: str | None) -> ApiKey:
    key = await key_repository.key_by_id(tx, key_id, user_id)
    if key is None:
        raise NotFound("There is no such key.", code="key_not_found")
    return key
