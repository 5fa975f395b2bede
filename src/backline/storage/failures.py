"""What goes wrong in a store, as the house's kinds of failure, each within a time.

What a store says of itself (addresses, headers, signatures) never goes into a message nor into its chain of causes.
"""

from __future__ import annotations

import asyncio
import errno
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from obstore.exceptions import AlreadyExistsError, BaseError, PermissionDeniedError, UnauthenticatedError

from backline.errors import BacklineError, Conflict, NotFound, Unavailable

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_REFUSED_LISTING = re.compile(r"list request: .{0,400}?status code: 40[134]\b", re.DOTALL)
"""obstore has no kinds of failure for a listing: the status stands in the text alone."""
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class Limits:
    """How long one step of a store may take.

    connect_seconds: to reach it. answer_seconds: for one question, and between two blocks of a download.
    part_seconds: to send one part, all its attempts together; at 8 MiB a part, 120 s is half a Mbit/s.
    """

    connect_seconds: float = 5.0
    answer_seconds: float = 20.0
    part_seconds: float = 120.0


def away(reason: str) -> Unavailable:
    return Unavailable(f"The file store {reason}; try again in a moment.", code="storage_unavailable")


def refused() -> Unavailable:
    detail = "The file store refuses our credentials, or has no such bucket."
    return Unavailable(detail, code="storage_refused", retryable=False)


def object_exists() -> Conflict:
    return Conflict("There is a file under this key already.", code="object_exists")


def not_found() -> NotFound:
    return NotFound("There is no such file.")


def of_system(error: OSError) -> BacklineError:
    """What an error of the file system means; its text names paths and is left out."""
    if error.errno in _FULL:
        return Unavailable("The file store is full; try again later.", code="storage_full")
    if error.errno in _READ_ONLY:
        return Unavailable("The file store cannot be written to.", code="storage_read_only")
    if isinstance(error, NotADirectoryError | IsADirectoryError | FileExistsError):
        return Conflict("One key cannot be both a file and a folder of others.", code="key_taken")
    if isinstance(error, FileNotFoundError):
        return not_found()
    return away("failed")


def of_obstore(error: BaseError) -> BacklineError:
    if isinstance(error, AlreadyExistsError):
        return object_exists()
    if isinstance(error, PermissionDeniedError | UnauthenticatedError) or _REFUSED_LISTING.search(str(error)):
        return refused()
    return away("does not answer")


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """Steps of a store: they end in this time, and fail in the house's words."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except BaseError as error:
        raise of_obstore(error) from None
    except TimeoutError:
        raise away(f"did not answer within {seconds:g} s") from None
    except OSError as error:
        raise of_system(error) from None
