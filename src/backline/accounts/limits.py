"""What a caller may ask for: requests of a minute, by address and by caller, and streams at once.

Whoever uses this machine without an account is not limited, nor is its own address while the server listens there
alone: there is nobody to protect from them.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection

from backline.accounts.loopback import is_loopback_name
from backline.accounts.principal import LOCAL, Principal
from backline.settings import LimitsSettings
from backline.web.addresses import address_window, is_forwarded
from backline.web.rate_limit import RateLimiter
from backline.web.stream_limits import StreamLimits, StreamPlace


class CallerLimits:
    """bound_to_loopback: whether only this machine, or a proxy on it, can ask."""

    def __init__(
        self, settings: LimitsSettings, rates: RateLimiter, streams: StreamLimits, *, bound_to_loopback: bool
    ) -> None:
        self._settings = settings
        self._rates = rates
        self._streams = streams
        self._bound_to_loopback = bound_to_loopback

    async def admit_address(self, connection: HTTPConnection) -> None:
        """Before anybody is known. Raises Busy (`rate_limited`)."""
        address = connection.client.host if connection.client else ""
        scope = connection.scope
        if self._bound_to_loopback and is_loopback_name(address) and not is_forwarded(scope):
            return
        await self._rates.admit(scope, "address", address_window(address), self._settings.address_requests_per_minute)

    async def admit(self, connection: HTTPConnection, principal: Principal) -> None:
        """Once the caller is known. Raises Busy (`rate_limited`)."""
        if principal != LOCAL:
            limit = principal.requests_per_minute or self._settings.key_requests_per_minute
            await self._rates.admit(connection.scope, "caller", _name(principal), limit)

    def stream(self, principal: Principal) -> StreamPlace:
        """Room for one stream, to be taken when it begins."""
        limit = None if principal == LOCAL else principal.max_streams or self._settings.key_streams
        return self._streams.place(_name(principal), limit)


def _name(principal: Principal) -> str:
    return principal.key_id or principal.id
