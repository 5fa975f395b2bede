"""Exceptions of the SDK as our own errors, by type. Its messages are not passed on: they may hold what was sent."""

from __future__ import annotations

import h2.exceptions
import modal.exception as theirs
from grpclib.exceptions import GRPCError, StreamTerminatedError

from backline.errors import BacklineError, Busy, Unavailable

DEPLOY = "modal deploy -m backline.deploy.modal_app"

PLATFORM_ERRORS: tuple[type[BaseException], ...] = (
    theirs.Error,
    StreamTerminatedError,
    h2.exceptions.ProtocolError,
    GRPCError,
)
"""What a use of the SDK raises by itself, and no body on another machine."""

MODAL_ERRORS: tuple[type[BaseException], ...] = (*PLATFORM_ERRORS, OSError)
"""The same, and the network's own; the builtin TimeoutError is one of these."""

_AWAY: tuple[type[BaseException], ...] = (
    theirs.ServiceError,
    theirs.ConnectionError,
    theirs.InternalError,
    theirs.InternalFailure,
    theirs.TimeoutError,
    theirs.ClientClosed,
    StreamTerminatedError,
    h2.exceptions.ProtocolError,
    OSError,
)


def failure(error: BaseException, app: str) -> BacklineError:
    """error: one of `MODAL_ERRORS`. app: the deployed app that was asked."""
    if isinstance(error, theirs.NotFoundError):
        return Unavailable(
            f"The app '{app}' is not deployed to Modal, or lacks this part. Deploy it: {DEPLOY}",
            code="modal_not_deployed",
        )
    if isinstance(error, theirs.AuthError | theirs.PermissionDeniedError):
        return Unavailable(
            "Modal refuses the token. Make one with `modal setup`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET.",
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
    if isinstance(error, _AWAY) or type(error) is GRPCError:  # many of theirs are one too
        return Unavailable("Modal cannot be reached.", code="modal_unreachable", retry_after_seconds=5)
    return Unavailable(f"Modal refuses ({type(error).__name__}).", code="modal_refuses", retryable=False)
