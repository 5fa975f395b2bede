"""A GPU that breaks beside a gateway: the request is told so, and whoever runs the machine."""

from __future__ import annotations

from tests.conftest import RunServer
from tests.fakes.engines import FaultyEngine, entry


def test_whoever_runs_the_machine_hears_of_a_broken_gpu(run_server: RunServer) -> None:
    faults: list[str] = []
    server = run_server(catalog=(entry(FaultyEngine, default=True),), on_fault=faults.append)
    with server.client() as client:
        assert client.post("/v1/tts/generate", json={"text": "All is well."}).status_code == 200
        assert not faults
        answer = client.post("/v1/tts/generate", json={"text": "break"})
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (503, "gpu_fault", True)
    assert set(faults) == {"faulty"}
