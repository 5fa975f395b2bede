"""Users: found, or made at their first visit; their profile; their end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from backline.accounts import repository
from backline.accounts.principal import LOCAL
from backline.accounts.repository import User
from backline.accounts.verified import VerifiedCallers
from backline.clock import Clock, utc_now
from backline.db.database import Database, Tx
from backline.errors import Conflict, NotFound
from backline.ids import id_of

MOCK_ISSUER = "mock"
"""Of users that mock login makes up."""

LOCAL_ISSUER = "local"
"""Of the one user who owns what the open loopback caller makes."""

OPERATOR_ISSUER = "operator"
"""Of users that the command line makes."""

UserHook = Callable[[Tx, str], Awaitable[None]]
"""Called with the transaction in which a user is made or deleted, and the user's id."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What an issuer tells about somebody new."""

    email: str | None = None
    display_name: str | None = None
    avatar_url: str | None = None


class Accounts:
    """on_user_created, on_user_deleted: called in the same transaction, so that what they do happens with it or not at
    all. A deletion calls them while the user is still there, and once more for what came in late."""

    def __init__(
        self,
        database: Database,
        callers: VerifiedCallers,
        on_user_created: Sequence[UserHook] = (),
        on_user_deleted: Sequence[UserHook] = (),
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._callers = callers
        self._on_user_created = on_user_created
        self._on_user_deleted = on_user_deleted
        self._clock = clock

    async def find_or_create(
        self, issuer: str, subject: str, *, user_id: str | None = None, profile: Profile | None = None
    ) -> User:
        """The user whom an issuer calls `subject`; of two first visits at once, one makes the user.

        user_id: for a user whose id is fixed; else it follows from issuer and subject, so that who comes back after a
        deletion is for the ledger who they were: with the credit they had, and without another welcome.
        profile: what a new user begins with.
        """
        async with self._database.read() as tx:
            user = await repository.user_by_identity(tx, issuer, subject)
        if user is not None:
            return user
        now, given = self._clock(), profile or Profile()
        user = User(
            id=user_id or id_of("user", issuer, subject),
            issuer=issuer,
            subject=subject,
            email=given.email,
            handle=None,
            display_name=given.display_name,
            avatar_url=given.avatar_url,
            created_at=now,
            updated_at=now,
        )
        async with self._database.write() as tx:
            if await repository.insert_unless_taken(tx, user):
                for hook in self._on_user_created:
                    await hook(tx, user.id)
                return user
            other = await repository.user_by_identity(tx, issuer, subject)
        assert other is not None
        return other

    async def local_user(self) -> User:
        """Who owns what is made on an open loopback server; made on first use."""
        return await self.find_or_create(LOCAL_ISSUER, "local", user_id="local")

    async def find(self, user_id: str) -> User | None:
        async with self._database.read() as tx:
            return await repository.user_by_id(tx, user_id)

    async def get(self, user_id: str) -> User:
        """Raises NotFound."""
        user = await self.find(user_id)
        if user is None:
            raise _no_such_user()
        return user

    async def list(self, limit: int = 1000) -> list[User]:
        async with self._database.read() as tx:
            return await repository.list_users(tx, limit)

    async def change_profile(self, user_id: str, changes: Mapping[str, str | None]) -> User:
        """changes: any of `handle`, `display_name`, `avatar_url`; None clears. Raises Conflict for a handle that is
        taken, in whatever case it is written."""
        values = {**changes, "updated_at": self._clock()}
        if "handle" in changes:
            handle = changes["handle"]
            values["handle_key"] = None if handle is None else handle.lower()
        async with self._database.write() as tx:
            if not await repository.update_profile(tx, user_id, values):
                raise Conflict("This handle is taken.", code="handle_taken")
            user = await repository.user_by_id(tx, user_id)
        if user is None:
            raise _no_such_user()
        return user

    async def delete(self, user_id: str) -> None:
        """Their keys and tokens stop working: here at once, on other servers within 30 s. The ledger keeps entries."""
        async with self._database.write() as tx:
            if not await repository.lock_user(tx, user_id):
                raise _no_such_user()
            for hook in self._on_user_deleted:
                await hook(tx, user_id)
            await repository.delete_user(tx, user_id)
        self._callers.forget(lambda principal: principal.id == user_id)

    async def delete_leftovers(self, user_id: str) -> None:
        """What servers that had not noticed a deletion yet have taken in since; nothing of a user who is back."""
        async with self._database.write() as tx:
            if user_id == LOCAL.id or await repository.lock_user(tx, user_id):
                return
            for hook in self._on_user_deleted:
                await hook(tx, user_id)


def _no_such_user() -> NotFound:
    return NotFound("There is no such user.", code="user_not_found")
