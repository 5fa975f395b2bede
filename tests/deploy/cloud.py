"""The real app, deployed to the stand-in with small engines, and what a gateway outside needs to use it.

    def test_it(cloud: Cloud) -> None:                      # one for all tests of a process: starts no container itself
        cloud.enter(monkeypatch)                            # what a gateway's process has in its environment
        settings = cloud.settings(modal={"version": 1})     # or its settings as an object
        cloud.standin.containers("render")                  # whatever `StandIn` can do: kill, drain, expire, ...

Tests that deploy again, or that want the platform to themselves, open their own: `with open_cloud(tmp_path) as cloud`,
`cloud.deploy(BACKLINE_MODAL__PLANES="one")`. Speech is tone and espeak, jams are the metronome; a container starts with
the first request for it, and is let go when it has had nothing to do for a while. Files are in a bucket of a real S3
server (moto), rows in a SQLite file.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from backline.ids import new_id
from backline.settings import Settings
from tests.databases import fresh_sqlite
from tests.modal_standin.hub import Options
from tests.modal_standin.records import App
from tests.modal_standin.standin import StandIn
from tests.storage import stores

APP = "backline"
MODULE = "backline.deploy.modal_app"
WORKER_KEY = "a-key-for-workers-of-tests"
PEPPER = "a pepper for the tests, of 32 characters or more"
PUBLIC_URL = "https://backline.example"

TABLE = {
    "BACKLINE_MODAL__SPEECH__ENGINES": '["tone", "espeak"]',
    "BACKLINE_MODAL__JAM__ENGINE": "metronome",
}


@dataclass
class Cloud:
    """standin: Modal. variables: of a gateway outside that works with it. endpoint, bucket: where files are."""

    standin: StandIn
    folder: Path
    endpoint: str
    bucket: str
    database_url: str
    table: Mapping[str, str] = field(default_factory=lambda: TABLE)

    @property
    def secrets(self) -> dict[str, dict[str, str]]:
        """By the names that the table has for them."""
        return {
            "backline": {
                "DATABASE_URL": self.database_url,
                "BACKLINE_ACCOUNTS__KEY_PEPPER": PEPPER,
                "BACKLINE_SERVER__PUBLIC_URL": PUBLIC_URL,
                "R2_BUCKET_NAME": self.bucket,
                "R2_ENDPOINT_URL": self.endpoint,
                "R2_ACCESS_KEY_ID": stores.CREDENTIALS.access_key_id,
                "R2_SECRET_ACCESS_KEY": stores.CREDENTIALS.secret_access_key,
            },
            "backline-worker": {"DARIUS_API_KEY": WORKER_KEY},
        }

    @property
    def variables(self) -> dict[str, str]:
        secrets = self.secrets
        return {
            **self.standin.environment,
            **secrets["backline"],
            **secrets["backline-worker"],
            "MODAL_ENABLED": "true",
            **self.table,
        }

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give this process the environment of such a gateway, until the test ends."""
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)

    def settings(self, **groups: Mapping[str, Any]) -> Settings:
        """Of such a gateway; groups: what is to be different, as `group={...}`. The SDK is told of the stand-in by
        `standin.client`, or by `enter`."""
        modal = {"enabled": True, "speech": {"engines": ["tone", "espeak"]}, "jam": {"engine": "metronome"}}
        given: dict[str, Any] = {
            "server": {"data_dir": self.folder / "data", "public_url": PUBLIC_URL},
            "database": {"url": self.database_url},
            "accounts": {"key_pepper": PEPPER},
            "storage": {
                "bucket": self.bucket,
                "endpoint": self.endpoint,
                "access_key_id": stores.CREDENTIALS.access_key_id,
                "secret_access_key": stores.CREDENTIALS.secret_access_key,
            },
            "jam": {"worker_key": WORKER_KEY},
            "modal": modal,
        }
        merged: dict[str, Any] = {one: {**given.get(one, {}), **groups.get(one, {})} for one in given | groups}
        return Settings(_env_file=None, **merged)

    def deploy(self, **variables: str) -> App:
        """`modal deploy` of the real module, with further settings; the app as it then is."""
        done = self.try_deploy(**variables)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return self.standin.hub.require_app(variables.get("BACKLINE_MODAL__APP", APP))

    def try_deploy(self, **variables: str) -> subprocess.CompletedProcess[str]:
        settings, done = {**self.table, **variables}, None
        while done is None or "modified during build" in done.stderr:  # somebody saves a file of the package meanwhile
            done = self.standin.command("deploy", "-m", MODULE, cwd=self.folder, **settings)
        return done

    def make_secrets(self) -> None:
        for name, values in self.secrets.items():
            pairs = [f"{key}={value}" for key, value in values.items()]
            done = self.standin.command("secret", "create", name, *pairs)
            assert done.returncode == 0, done.stderr


@contextmanager
def open_cloud(folder: Path, *, deployed: bool = True, database_url: str = "", **variables: str) -> Iterator[Cloud]:
    """variables: settings of the deploy beside TABLE. deployed: without, only its secrets are there."""
    with stores.s3_server() as endpoint, StandIn(Options(prewarm=False, scaledown_seconds=60)) as standin:
        bucket = new_id("b").replace("_", "-")
        stores.make_bucket(endpoint, bucket)
        cloud = Cloud(standin, folder, endpoint, bucket, database_url or fresh_sqlite(folder), {**TABLE, **variables})
        cloud.make_secrets()
        if deployed:
            cloud.deploy()
        yield cloud
