"""An app whose jobs do whatever a test says: deployed instead of the real one, which never misbehaves."""

import asyncio
import os
from typing import Any

import modal

NAME = "odd"

app = modal.App(NAME)


async def job(operation: str, job_id: str, attempt: int, data: dict[str, Any]) -> Any:
    from backline.compute.on_modal import names
    from backline.compute.on_modal.entry import key_of

    board = modal.Dict.from_name(names.board(NAME), create_if_missing=True)
    for entry in data.get("entries", ()):
        await board.put.aio(key_of(job_id, attempt), entry)
    await asyncio.sleep(data.get("seconds", 0.0))
    if data.get("dies"):
        os._exit(3)
    if data.get("raises"):
        raise OSError("of the body")
    return data.get("answer", {"result": {"operation": operation, "job": [job_id, attempt]}})


render = app.function(name="render", serialized=False, timeout=600, scaledown_window=60)(
    modal.concurrent(max_inputs=1000)(job)
)
hasty = app.function(name="hasty", timeout=1)(job)
