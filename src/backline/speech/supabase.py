"""Copies of the texts in a Supabase project, by its REST interface (PostgREST): rows in, rows of an owner out.

POST   /rest/v1/tts_sentences?on_conflict=id              Prefer: resolution=merge-duplicates,return=minimal
DELETE /rest/v1/tts_sentences?owner_id=eq.X&created_at=lte.T
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import httpx

from backline.errors import Invalid, Unavailable
from backline.speech.repository import StoredText

_PATH = "/rest/v1/tts_sentences"

_CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 15.0
"""How long one call may take, all together."""

_PASSING = {401, 403, 404, 408, 409, 425, 429}
"""Refusals that an operator, or time, puts right: a wrong key, a table that is not there yet, too much at once."""

_KEPT = (
    "id request_id owner_id voice voice_name engine format stream characters audio_seconds outcome".split()
)  # fmt: skip


class Supabase:
    """url: of the project. Neither the key nor a text is ever part of an error."""

    def __init__(self, url: str, service_key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"apikey": service_key, "Authorization": f"Bearer {service_key}"},
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=_CONNECT_SECONDS),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def add(self, texts: Sequence[StoredText]) -> None:
        """Rows that are there already are replaced. Raises Unavailable; Invalid for rows that it will never take."""
        prefer = {"Prefer": "resolution=merge-duplicates,return=minimal"}
        await self._call("POST", params={"on_conflict": "id"}, headers=prefer, json=[as_row(one) for one in texts])

    async def forget(self, owner_id: str, until: datetime) -> None:
        """Delete the rows of an owner whose requests began until then. Raises Unavailable."""
        moment = until.astimezone(UTC).isoformat().replace("+00:00", "Z")
        params = {"owner_id": f"eq.{owner_id}", "created_at": f"lte.{moment}"}
        await self._call("DELETE", params=params, headers={"Prefer": "return=minimal"})

    async def _call(self, method: str, **options: Any) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._client.request(method, _PATH, **options)
        except (httpx.HTTPError, TimeoutError):
            raise Unavailable("Supabase does not answer.", code="supabase_unavailable") from None
        if answer.is_success:
            return
        if answer.status_code in _PASSING or not answer.is_client_error:
            raise Unavailable(f"Supabase answers {answer.status_code}.", code="supabase_unavailable")
        raise Invalid(f"Supabase refuses the rows with {answer.status_code}.", code="supabase_refused")


def as_row(one: StoredText) -> Mapping[str, Any]:
    record = one.record
    return {
        **{name: getattr(record, name) for name in _KEPT},
        "text": one.text,
        "languages": record.languages,
        "created_at": record.created_at.astimezone(UTC).isoformat(),
    }
