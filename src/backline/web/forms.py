"""Multipart forms with a file in them, read with a bound."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from backline.errors import Invalid, TooLarge, Unavailable


async def read_form(
    request: Request, *, max_bytes: int, max_fields: int = 20, max_field_bytes: int = 4_000_000
) -> FormData:
    """The fields, and at most one file, which waits on disk when it is large; `close` the form afterwards.

    max_bytes: of the whole body. Raises TooLarge, Invalid for what is no form, and Unavailable when the disk is full.
    """
    counted = Request(request.scope, _Bounded(request, max_bytes))
    try:
        return await counted.form(max_files=1, max_fields=max_fields, max_part_size=max_field_bytes)
    except HTTPException as error:  # Starlette's word for a form that is none
        raise Invalid(f"The form cannot be read: {error.detail}", code="bad_form") from None
    except ClientDisconnect:
        raise Invalid("The body ended too early.", code="body_cut") from None
    except OSError:
        raise Unavailable("There is no room for the file on this machine now.", code="disk_full") from None


class _Bounded:
    """A body, until there is too much of it: it goes to disk before anybody has looked at it."""

    def __init__(self, request: Request, max_bytes: int) -> None:
        self._receive = request.receive
        self._left = max_bytes

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLarge("The file is larger than it may be.", code="file_too_large")
        return message
