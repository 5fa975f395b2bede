"""The way to the deployed app, and what the SDK's exceptions become."""

from __future__ import annotations

import asyncio

import grpclib.exceptions
import modal.exception as theirs
import pytest
from grpclib import Status

from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.failures import failure
from backline.errors import BacklineError, Unavailable
from backline.settings import ModalSettings
from tests.compute.on_modal.odd_app import NAME
from tests.modal_standin.standin import StandIn


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (theirs.NotFoundError("secret text"), "modal_not_deployed", True),
        (theirs.AuthError("secret text"), "modal_refuses_token", False),
        (theirs.PermissionDeniedError("secret text"), "modal_refuses_token", False),
        (theirs.VersionError("secret text"), "modal_sdk_too_old", False),
        (theirs.ResourceExhaustedError("secret text"), "modal_limit", True),
        (theirs.ServiceError("secret text"), "modal_unreachable", True),
        (theirs.InternalError("secret text"), "modal_unreachable", True),
        (theirs.ConnectionError("secret text"), "modal_unreachable", True),
        (ConnectionRefusedError("secret text"), "modal_unreachable", True),
        (TimeoutError(), "modal_unreachable", True),
        (grpclib.exceptions.StreamTerminatedError("secret text"), "modal_unreachable", True),
        (grpclib.GRPCError(Status.UNAVAILABLE, "secret text"), "modal_unreachable", True),
        (theirs.InvalidError("secret text"), "modal_refuses", False),
        (theirs.ConflictError("secret text"), "modal_refuses", False),
        (theirs.UnimplementedError("secret text"), "modal_refuses", False),
    ],
)
def test_what_modal_says_is_told_by_its_kind_and_never_in_its_words(
    error: Exception, code: str, retryable: bool
) -> None:
    told = failure(error, "app")
    assert (told.code, told.retryable) == (code, retryable)
    assert "secret" not in told.detail


async def test_parts_are_looked_up_once_and_anew_when_they_are_gone(odd: StandIn, odd_app: ModalApp) -> None:
    def spawn() -> object:
        return odd_app.function("render").spawn.aio("render", "a", 1, {})

    await odd_app.ask(spawn)  # type: ignore[arg-type]
    before = odd.hub.received["FunctionGet"]
    await odd_app.ask(spawn)  # type: ignore[arg-type]
    assert odd.hub.received["FunctionGet"] == before
    with odd.failing("FunctionMap", Status.NOT_FOUND), pytest.raises(BacklineError) as refused:
        await odd_app.ask(spawn)  # type: ignore[arg-type]
    assert refused.value.code == "modal_not_deployed"
    assert odd.hub.received["FunctionGet"] == before + 1


async def test_an_app_that_is_not_there_is_told_with_what_helps(odd: StandIn) -> None:
    async with ModalApp(ModalSettings(app="nobody"), odd.client) as app:
        with pytest.raises(Unavailable, match="modal deploy") as refused:
            await app.ask(lambda: app.speech().describe.remote.aio("tone"))
        assert refused.value.code == "modal_not_deployed"
        assert await app.deployed_version() == 0


async def test_no_question_takes_longer_than_it_may(odd_app: ModalApp) -> None:
    with pytest.raises(Unavailable) as refused:
        await odd_app.ask(lambda: asyncio.sleep(60), seconds=0.05)
    assert refused.value.code == "modal_unreachable"


async def test_the_version_is_the_newest_or_the_one_that_is_set(odd: StandIn, odd_app: ModalApp) -> None:
    assert await odd_app.deployed_version() == odd.hub.require_app(NAME).version
    async with ModalApp(ModalSettings(app=NAME, version=7), odd.client) as pinned:
        assert await pinned.deployed_version() == 7
    with odd.unreachable():
        assert await ModalApp(ModalSettings(app=NAME), odd.client).deployed_version() == 0
