"""Links to jams on the stand-in's machines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from backline.compute.on_modal.connection import ModalApp
from backline.compute.on_modal.jam import JamOnModal
from backline.compute.on_modal.jam_session import SessionRules
from tests.deploy.cloud import Cloud, open_cloud


@asynccontextmanager
async def linked(cloud: Cloud, rules: SessionRules | None = None, **row: Any) -> AsyncIterator[JamOnModal]:
    """Of one gateway. row: what is different in the table's row of jams."""
    settings = cloud.settings(modal={"enabled": True, "jam": {"engine": "metronome", **row}})
    async with ModalApp(settings.modal, cloud.standin.client) as app:
        link = JamOnModal(app, settings.modal.jam, settings.jam, rules)
        try:
            yield link
        finally:
            await link.aclose()


@contextmanager
def impatient_cloud(folder: Path) -> Iterator[Cloud]:
    """Its workers end a session after a second without a sign of life."""
    with open_cloud(folder, deployed=False) as cloud:
        done = cloud.standin.command(
            *("secret", "create", "--force", "backline-worker"),
            f"DARIUS_API_KEY={cloud.secrets['backline-worker']['DARIUS_API_KEY']}",
            "BACKLINE_JAM__IDLE_SECONDS=1",
        )
        assert done.returncode == 0, done.stderr
        cloud.deploy()
        yield cloud
