"""The one place where it is decided who a caller is."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from backline.accounts.credentials import Credential, shown
from backline.accounts.keys import Keys
from backline.accounts.loopback import LoopbackGate
from backline.accounts.principal import LOCAL, Principal
from backline.accounts.site import SiteRule
from backline.accounts.tickets import Tickets
from backline.accounts.tokens import Tokens
from backline.errors import Unauthenticated


class Entrance:
    """A credential decides: a bad one is refused, and never makes a local caller. Without one the loopback rule
    decides."""

    def __init__(self, gate: LoopbackGate, site: SiteRule, keys: Keys, tokens: Tokens, tickets: Tickets) -> None:
        self._gate = gate
        self._site = site
        self._keys = keys
        self._tokens = tokens
        self._tickets = tickets

    async def admit(self, connection: HTTPConnection) -> Principal:
        """Raises Unauthenticated, Denied, or Unavailable when it cannot be told."""
        credential = shown(connection.scope)
        if credential is None:
            return self.admit_this_machine(connection)
        self._site.check(connection.scope["headers"])
        principal = await self._principal_of(credential)
        if principal is None:
            raise Unauthenticated(_REFUSALS[credential.kind], code=f"bad_{credential.kind}")
        return self.admit_this_machine(connection) if principal == LOCAL else principal

    def admit_this_machine(self, connection: HTTPConnection) -> Principal:
        """LOCAL, by the loopback rule alone. Raises Unauthenticated or Denied."""
        return self._gate.admit(connection.headers.items())

    def admit_anybody(self, connection: HTTPConnection) -> None:
        """For what is there for the unknown, to sign in: only the page they come from, and the name they ask for,
        matter. Raises Denied."""
        self._site.check(connection.scope["headers"])

    async def _principal_of(self, credential: Credential) -> Principal | None:
        match credential.kind:
            case "key":
                return await self._keys.principal_of(credential.secret)
            case "token":
                return await self._tokens.principal_of(credential.secret)
            case "ticket":
                return await self._tickets.redeem(credential.secret)


_REFUSALS = {
    "key": "This API key is unknown, revoked or expired.",
    "token": "The token is not valid.",
    "ticket": "This ticket is unknown, used or expired; POST /auth/ticket makes another.",
}
