"""An app that does whatever a test says: deployed instead of the real one, which never misbehaves."""

import asyncio
import importlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import modal
import modal.experimental

NAME = "odd"

image = modal.Image.debian_slim().add_local_python_source("odd_engines")
app = modal.App(NAME)


async def job(operation: str, job_id: str, attempt: int, data: dict[str, Any]) -> Any:
    from backline.compute.on_modal import names
    from backline.compute.on_modal.entry import key_of

    board = modal.Dict.from_name(names.board(NAME), create_if_missing=True)
    for entry in data.get("entries", ()):
        await board.put.aio(key_of(job_id, attempt), entry)
    await asyncio.sleep(data.get("seconds", 0.0))
    if data.get("raises"):
        raise OSError("of the body")
    return data.get("answer", {"result": {"operation": operation, "job": [job_id, attempt]}})


render = app.function(name="render", serialized=False, timeout=600, scaledown_window=60)(
    modal.concurrent(max_inputs=1000)(job)
)
hasty = app.function(name="hasty", timeout=1)(job)


@app.cls(image=image, max_containers=1, timeout=600, scaledown_window=60)
@modal.concurrent(max_inputs=4)
class Speech:
    """As the real app has it; the engines are `odd_engines`."""

    @modal.enter()
    async def load(self) -> None:
        from backline.compute.on_modal import names
        from backline.deploy.speech_plane import SpeechPlane
        from backline.settings import Settings

        catalog = importlib.import_module("odd_engines").CATALOG
        self.plane = SpeechPlane([entry.name for entry in catalog], Settings(_env_file=None), catalog)
        told = modal.Dict.from_name(names.capabilities(NAME), create_if_missing=True)
        await self.plane.load(modal.experimental.stop_fetching_inputs, told.put.aio)

    @modal.exit()
    async def close(self) -> None:
        await self.plane.close()

    @modal.method()
    async def describe(self, engine: str) -> dict[str, Any]:
        return await self.plane.describe(engine)

    @modal.method()
    async def stream(self, order: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        async with aclosing(self.plane.stream(order, modal.current_function_call_id() or "")) as items:
            async for item in items:
                yield item
