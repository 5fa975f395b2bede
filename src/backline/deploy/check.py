"""What is deployed, held against what would be: by the tags that each deploy leaves on the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import modal
from modal.exception import NotFoundError

from backline.compute.on_modal.connection import ModalApp, has_credentials
from backline.compute.on_modal.sdk_loop import deployments
from backline.deploy.tags import CODE, RELEASE, TABLE, function_digests
from backline.errors import Invalid
from backline.settings import ModalSettings


class State(StrEnum):
    SAME = "same"
    DIFFERS = "differs"
    MISSING = "missing"
    NOT_OURS = "not ours"


@dataclass(frozen=True, slots=True)
class Version:
    """rollback_of: the older version that it is again."""

    number: int
    deployed_at: datetime
    label: str = ""
    rollback_of: int | None = None


@dataclass(frozen=True, slots=True)
class Deployed:
    """What Modal says. versions: the newest first."""

    tags: Mapping[str, str]
    functions: frozenset[str]
    versions: tuple[Version, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """notes: sentences; each of them, and each state but `same`, is a difference."""

    deployed: bool
    release: State = State.MISSING
    code: State = State.MISSING
    table: State = State.MISSING
    functions: Mapping[str, State] = field(default_factory=dict)
    versions: tuple[Version, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        states = {self.release, self.code, self.table, *self.functions.values()}
        return self.deployed and not self.notes and states == {State.SAME}

    def as_data(self) -> dict[str, Any]:
        return {
            "same": self.same,
            "deployed": self.deployed,
            "release": self.release,
            "code": self.code,
            "table": self.table,
            "functions": self.functions,
            "versions": [
                {
                    "version": one.number,
                    "deployed_at": one.deployed_at.isoformat(),
                    "label": one.label,
                    "rollback_of": one.rollback_of,
                }
                for one in self.versions
            ],
            "notes": self.notes,
        }


async def look(settings: ModalSettings) -> Deployed | None:
    """None when no app of this name is deployed. Raises Invalid without credentials, and what `ModalApp.ask` does."""
    if not has_credentials():
        raise Invalid("There are no credentials. Run `modal setup`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET.")
    async with ModalApp(settings) as app:
        return await app.ask(lambda: _look(app))


async def _look(app: ModalApp) -> Deployed | None:
    client = app.client or await modal.Client.from_env.aio()
    try:
        found = await modal.App.lookup.aio(app.name, client=client, environment_name=app.settings.environment)
    except NotFoundError:
        return None
    info = await found.info.aio()
    names = frozenset(name.removesuffix(".*") for name in (*info.functions, *info.servers))
    tags, history = await found.get_tags.aio(client=client), await deployments.aio(client, info.app_id)
    newest_first = sorted(map(_version, history), key=lambda one: -one.number)
    return Deployed(tags, names, tuple(newest_first))


def _version(told: Any) -> Version:
    deployed_at = datetime.fromtimestamp(told.deployed_at, UTC)
    return Version(told.version, deployed_at, told.tag, told.rollback_version or None)


def compare(planned: Mapping[str, str], deployed: Deployed | None, pinned: int | None = None) -> Report:
    """planned: the tags that a deploy would leave now. pinned: the version that the gateway is told to use."""
    if deployed is None:
        return Report(deployed=False)
    here, there = function_digests(planned), function_digests(deployed.tags)
    functions = {name: _state(here.get(name), there.get(name), name in deployed.functions) for name in here}
    functions |= dict.fromkeys(sorted(deployed.functions - here.keys()), State.NOT_OURS)
    return Report(
        deployed=True,
        release=_state(planned[RELEASE], deployed.tags.get(RELEASE)),
        code=_state(planned[CODE], deployed.tags.get(CODE)),
        table=_state(planned[TABLE], deployed.tags.get(TABLE)),
        functions=functions,
        versions=deployed.versions,
        notes=tuple(_notes(deployed, pinned)),
    )


def _state(here: str | None, there: str | None, exists: bool = True) -> State:
    if not exists:
        return State.MISSING
    if there is None:
        return State.NOT_OURS
    return State.SAME if here == there else State.DIFFERS


def _notes(deployed: Deployed, pinned: int | None) -> list[str]:
    notes = []
    newest = deployed.versions[0] if deployed.versions else None
    if RELEASE not in deployed.tags:
        notes.append("What is deployed under this name says nothing of itself: it is not from this file.")
    if newest is not None and newest.rollback_of is not None:
        notes.append(
            f"Version {newest.number} is version {newest.rollback_of} again, after a rollback; release, code, table "
            "and functions here are those of what was deployed last."
        )
    if pinned is not None and newest is not None and pinned != newest.number:
        notes.append(f"The gateway is told to use version {pinned}, and the newest is {newest.number}.")
    return notes
