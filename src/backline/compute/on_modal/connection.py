"""The way to Modal: credentials, and the deployed app's parts looked up by name and version."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import modal
from modal.config import config
from modal.exception import NotFoundError

from backline.clock import Monotonic, monotonic
from backline.compute.on_modal import names
from backline.compute.on_modal.failures import MODAL_ERRORS, failure
from backline.compute.on_modal.sdk_loop import newest_version
from backline.settings import ModalSettings

ASK_SECONDS = 20.0
VERSION_SECONDS = 30.0
"""How long the version that was found is believed."""

T = TypeVar("T")
P = TypeVar("P")


def has_credentials() -> bool:
    """Of the environment or of the SDK's own file; a container of Modal needs none."""
    return not modal.is_local() or bool(config.get("token_id") and config.get("token_secret"))


class ModalApp:
    """The deployed app. Its parts are handles that are looked up when first used; use them within `ask`:

        async with ModalApp(settings.modal) as app:
            call = await app.ask(lambda: app.function("render").spawn.aio(...))

    client: the SDK's; None takes that of the environment, which is shared by all and stays open.
    """

    def __init__(
        self, settings: ModalSettings, client: modal.Client | None = None, clock: Monotonic = monotonic
    ) -> None:
        self.settings = settings
        self.name = settings.app
        self.client = client
        self._clock = clock
        self._parts: dict[tuple[str, str], Any] = {}
        self._version = (settings.version or 0, float("inf") if settings.version else 0.0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._parts.clear()

    async def ask(self, asking: Callable[[], Awaitable[T]], seconds: float = ASK_SECONDS) -> T:
        """What `asking` returns, within so many seconds; its parts are looked up anew when one is not found, once.

        Raises Unavailable or Busy by what Modal says (`failures`); other exceptions, such as those of a remote body,
        pass.
        """
        try:
            async with asyncio.timeout(seconds):
                try:
                    return await asking()
                except NotFoundError:
                    self.forget()
                    return await asking()
        except MODAL_ERRORS as error:
            raise failure(error, self.name) from error

    def forget(self) -> None:
        """Look the parts up anew: those that were found are not there any more."""
        self._parts.clear()

    def function(self, name: str) -> modal.Function[Any, Any, Any]:
        return self._part("function", name, lambda: modal.Function.from_name(self.name, name, **self._versioned()))

    def speech(self) -> Any:
        """The class of speech, bound: its methods are attributes."""
        return self._part("class", names.SPEECH, lambda: self._speech_class()())

    def _speech_class(self) -> modal.Cls:
        return modal.Cls.from_name(self.name, names.SPEECH, **self._versioned())

    def server(self, name: str) -> modal.Server:
        """Of the newest version always: Modal pins none."""
        return self._part("server", name, lambda: modal.Server.from_name(self.name, name, **self._place()))

    def dict_(self, name: str) -> modal.Dict:
        """Made when it is not there."""
        return self._part("dict", name, lambda: modal.Dict.from_name(name, create_if_missing=True, **self._place()))

    def call(self, call_id: str) -> modal.FunctionCall[Any]:
        return modal.FunctionCall.from_id(call_id, client=self.client)

    async def deployed_version(self) -> int:
        """The version that calls go to now; 0 when Modal does not say."""
        version, until = self._version
        if self._clock() < until:
            return version
        try:
            version = await self.ask(self._newest_version)
        except Exception:  # noqa: BLE001 - the SDK has no public way, so any surprise is "not known"
            version = 0
        self._version = (version, self._clock() + VERSION_SECONDS)
        return version

    async def _newest_version(self) -> int:
        client = self.client or await modal.Client.from_env.aio()
        version: int = await newest_version.aio(client, self.name, self.settings.environment or "")
        return version

    def _part(self, kind: str, name: str, look_up: Callable[[], P]) -> P:
        part = self._parts.get((kind, name))
        if part is None:
            part = self._parts[kind, name] = look_up()
        return cast(P, part)

    def _place(self) -> dict[str, Any]:
        return {"environment_name": self.settings.environment, "client": self.client}

    def _versioned(self) -> dict[str, Any]:
        return {**self._place(), "version": self.settings.version}
