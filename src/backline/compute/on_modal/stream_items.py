"""What the class of speech yields: chunks of `speech_wire`, each behind a mark of the run that made it.

Modal runs a generator anew, from its beginning, when its container is lost, and lets its reader go on behind the items
that it has: the second half of another sound. By the mark the reader sees it. The first item names the call, since the
SDK does not, so that it can be cancelled.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, AsyncIterator

from backline.compute.speech_wire import lost, rubbish

_RUN_BYTES = 8


def new_run() -> bytes:
    return secrets.token_bytes(_RUN_BYTES)


def first_item(run: bytes, call_id: str) -> bytes:
    return run + call_id.encode()


def next_item(run: bytes, chunk: bytes) -> bytes:
    return run + chunk


def split(item: object) -> tuple[bytes, bytes]:
    """The mark, and the call's id or a chunk. Raises Unavailable `worker_rubbish`."""
    if not isinstance(item, bytes) or len(item) < _RUN_BYTES:
        raise rubbish()
    return item[:_RUN_BYTES], item[_RUN_BYTES:]


async def chunks_of(run: bytes, items: AsyncIterator[object]) -> AsyncGenerator[bytes, None]:
    """The chunks of one run. Raises Unavailable `worker_lost` where another one goes on."""
    async for item in items:
        mark, chunk = split(item)
        if mark != run:
            raise lost()
        yield chunk
