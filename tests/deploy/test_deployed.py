"""The deployed app at work: its engines speak, and its gateway lets in nobody without a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import numpy as np
import pytest
from modal import Cls, Function

from backline.compute.on_modal.stream_items import chunks_of, split
from backline.compute.speech_wire import SpeechOrder, blocks_of, order_as_data
from backline.deploy.speech_plane import SpeechPlane
from backline.engines.speech.base import SpeechParams, SpeechState
from backline.media.audio import Samples
from tests.deploy.cloud import APP, WORKER_KEY, Cloud

PATIENT_SECONDS = 60
ORDER = SpeechOrder("tone", "Good morning.", SpeechState("tone-low"), SpeechParams("en"))


async def heard(items: AsyncIterator[bytes]) -> tuple[str, Samples]:
    """The id of the call, and the sound."""
    run, call_id = split(await anext(items))
    chunks = chunks_of(run, items)
    blocks = [block async for some in blocks_of(chunks, SpeechState(ORDER.state.voice)) for block in some]
    return call_id.decode(), np.concatenate([block.samples for block in blocks])


async def test_a_sentence_streamed_from_its_container_is_what_is_made_here(cloud: Cloud) -> None:
    speech = Cls.from_name(APP, "Speech", client=cloud.standin.client)()
    call_id, there = await heard(speech.stream.remote_gen.aio(order_as_data(ORDER)))
    plane = SpeechPlane(["tone"], cloud.settings())
    await plane.load()
    try:
        async with aclosing(plane.stream(order_as_data(ORDER), "here")) as items:
            _, here = await heard(items)
    finally:
        await plane.close()
    assert len(there)
    np.testing.assert_array_equal(there, here)
    assert cloud.standin.call(call_id).function.tag == "Speech.*"


@pytest.mark.slow
def test_the_gateway_is_open_to_nobody_although_its_callers_are_on_loopback(cloud: Cloud) -> None:
    url = Function.from_name(APP, "gateway", client=cloud.standin.client).get_web_url()
    assert url is not None
    with httpx.Client(base_url=url, timeout=PATIENT_SECONDS) as client:
        assert client.get("/health").json() == {"status": "ok"}
        for path in ("/v1/models", "/api/jobs", "/jam/status", "/metrics"):
            assert client.get(path).status_code == 401, path


@pytest.mark.slow
def test_the_machines_of_speech_are_a_worker_for_who_has_its_key(cloud: Cloud) -> None:
    speech = Cls.from_name(APP, "Speech", client=cloud.standin.client)()
    with httpx.Client(base_url=speech.web.get_web_url(), timeout=PATIENT_SECONDS) as client:
        assert client.get("/engines").status_code == 401
        told = client.get("/engines", headers={"X-API-Key": WORKER_KEY}).json()
    assert {one["name"] for one in told["engines"] if one["capabilities"]} == {"tone", "espeak"}
