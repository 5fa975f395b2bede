"""An app on Modal whose only function waits, and now and then tells of itself as deployed jobs do."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import modal

from backline.compute.on_modal.entry import Entry

app = modal.App("waiting")
board = modal.Dict.from_name("waiting-jobs", create_if_missing=True)


@app.function(timeout=3600, max_containers=1)
@modal.concurrent(max_inputs=1000)
async def wait(_operation: str, job_id: str, attempt: int, data: dict[str, Any]) -> None:
    """data: `told_seconds`, how often it tells something new."""
    told = 0
    while True:
        told += 1
        entry = Entry(progress=told / 10_000, told_at=time.time())
        await board.put.aio(f"{job_id}/{attempt}", entry.as_data())
        await asyncio.sleep(data["told_seconds"])
