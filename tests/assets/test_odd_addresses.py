"""What Postgres cannot even be asked for is refused before, and is no fault of ours."""

from __future__ import annotations

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.conftest import RunServer


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_nul_in_an_address_is_refused_alike_by_both_databases(run_server: RunServer, database_url: str) -> None:
    server = run_server((), database={"url": database_url})
    with server.client() as client:
        for method, address in (
            ("GET", "/api/jobs?cursor=%00"),
            ("GET", "/api/jobs?kind=a%00"),
            ("GET", "/api/jobs/%00"),
            ("POST", "/api/jobs/a%00/cancel"),
            ("GET", "/api/jobs/%00/events"),
            ("GET", "/api/files?cursor=%00"),
            ("GET", "/api/files/%00"),
            ("DELETE", "/api/files/%00"),
            ("DELETE", "/api/uploads/%00"),
            ("GET", "/v1/tts/jobs/%00"),
            ("GET", "/v1/tts/texts?search=%00"),
            ("GET", "/files/%00"),
        ):
            refused = client.request(method, address)
            assert (refused.status_code, refused.json()["code"]) == (422, "nul_in_address"), address
        for path in ("/api/jobs/\U0001f600", "/api/jobs/%ff", "/api/jobs/" + "x" * 3000, "/api/files/%ff%fe"):
            assert client.get(path).status_code == 404, path
        assert client.get("/api/jobs?cursor=%ff&kind=%ff").status_code == 200
    with pytest.raises(InvalidStatus) as refused_socket:
        connect(server.address.replace("http", "ws") + "/ws/jobs/%00")
    assert refused_socket.value.response.status_code == 403
