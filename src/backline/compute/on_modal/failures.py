"""Exceptions of the SDK as our own errors, by type. Its messages are not passed on: they may hold what was sent."""

from __future__ import annotations

import h2.exceptions
import modal.exception as theirs
from grpclib.exceptions import GRPCError, StreamTerminatedError

from backline.errors import BacklineError, Busy, Unavailable

DEPLOY = "modal deploy -m backline.deploy.modal_app"

UNREACHABLE: tuple[type[BaseException], ...] = (
    theirs.ServiceError,
    theirs.ConnectionError,
    theirs.InternalError,
    theirs.InternalFailure,
    theirs.TimeoutError,
    theirs.ClientClosed,
    OSError,  # the builtin TimeoutError is one
    StreamTerminatedError,
    h2.exceptions.ProtocolError,
    GRPCError,
)
"""Modal, or the way to it, is away now."""

MODAL_ERRORS: tuple[type[BaseException], ...] = (theirs.Error, *UNREACHABLE)
"""All that a use of the SDK raises by itself."""


def failure(error: BaseException, app: str) -> BacklineError:
    """error: one of `MODAL_ERRORS`. app: the deployed app that was asked."""
    if isinstance(error, theirs.NotFoundError):
        return Unavailable(
            f"The app '{app}' is not deployed to Modal, or lacks this part. Deploy it: {DEPLOY}",
            code="modal_not_deployed",
        )
    if isinstance(error, theirs.AuthError | theirs.PermissionDeniedError):
        return Unavailable(
            "Modal refuses the token. Make one with `modal token new`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET.",
            code="modal_refuses_token",
            retryable=False,
        )
    if isinstance(error, theirs.VersionError):
        return Unavailable(
            "Modal does not speak with this version of its library any more. Install a newer one.",
            code="modal_sdk_too_old",
            retryable=False,
        )
    if isinstance(error, theirs.ResourceExhaustedError):
        return Busy("Modal takes no more at the moment.", code="modal_limit", retry_after_seconds=5)
    # An InternalError is also a GRPCError, as many of theirs are: what has a meaning of its own stands above.
    if isinstance(error, UNREACHABLE) and not isinstance(error, theirs.InvalidError | theirs.UnimplementedError):
        return Unavailable("Modal cannot be reached.", code="modal_unreachable", retry_after_seconds=5)
    return Unavailable(f"Modal refuses ({type(error).__name__}).", code="modal_refuses", retryable=False)
