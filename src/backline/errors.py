"""The nine kinds of failure.

    BacklineError
    ├── Invalid           422  the request makes no sense; change it
    ├── Unauthenticated   401  nobody we know
    ├── Denied            403  known, but not allowed
    ├── NotFound          404  unknown, foreign or deleted: the same for all three
    ├── Conflict          409  true once, not now
    ├── PaymentRequired   402  not enough credit
    ├── Busy              429  too much at once; wait and repeat
    ├── Unavailable       503  a part is missing, down or going away
    └── Failed            500  our fault

The kind decides how an API answers (`web/problems`, `compat`); nothing below those knows a status code. A concrete
error adds a stable `code`. Errors cross processes and machines as data: `as_data` and `from_data`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class BacklineError(Exception):
    """A failure that a caller can act on.

    detail: one sentence for a person; says what to do; never holds a user's text or a secret.
    code: stable, lower_snake_case, for programs.
    retryable: whether the same request can succeed later without being changed.
    retry_after_seconds: how long to wait, when that is known.
    more: further members of the answer, for programs; plain data.
    """

    kind: ClassVar[str] = "failed"
    default_code: ClassVar[str] = "failed"
    default_retryable: ClassVar[bool] = False

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        retryable: bool | None = None,
        retry_after_seconds: float | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after_seconds = retry_after_seconds
        self.more = more

    def as_data(self) -> dict[str, Any]:
        """Plain data that another process can turn back into the same error."""
        return {"kind": self.kind, "code": self.code, "message": self.detail, "retryable": self.retryable}


class Invalid(BacklineError):
    kind = "invalid"
    default_code = "invalid"


class TooLarge(Invalid):
    """More bytes than are accepted; its own status (413) because clients tell it apart."""

    kind = "too_large"
    default_code = "too_large"


class Unauthenticated(BacklineError):
    kind = "unauthenticated"
    default_code = "unauthenticated"


class Denied(BacklineError):
    kind = "denied"
    default_code = "denied"


class NotFound(BacklineError):
    kind = "not_found"
    default_code = "not_found"


class Conflict(BacklineError):
    kind = "conflict"
    default_code = "conflict"


class PaymentRequired(BacklineError):
    kind = "payment_required"
    default_code = "payment_required"


class Busy(BacklineError):
    kind = "busy"
    default_code = "busy"
    default_retryable = True


class Unavailable(BacklineError):
    kind = "unavailable"
    default_code = "unavailable"
    default_retryable = True


class Failed(BacklineError):
    kind = "failed"
    default_code = "internal_error"


_KINDS: Mapping[str, type[BacklineError]] = {
    cls.kind: cls
    for cls in (
        Invalid,
        TooLarge,
        Unauthenticated,
        Denied,
        NotFound,
        Conflict,
        PaymentRequired,
        Busy,
        Unavailable,
        Failed,
    )
}


def from_data(data: Mapping[str, Any]) -> BacklineError:
    """The error that `as_data` described; an unknown kind becomes `Failed`."""
    cls = _KINDS.get(str(data.get("kind")), Failed)
    return cls(
        str(data.get("message", "the other side gave no reason")),
        code=str(data.get("code") or cls.default_code),
        retryable=bool(data.get("retryable", cls.default_retryable)),
    )
