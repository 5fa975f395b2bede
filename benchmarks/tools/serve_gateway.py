"""The gateway with the trivial engine beside the real ones; prints its port.

Arguments: groups of settings as JSON where they are wanted, and the data folder."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import uvloop
from tests.fakes.engines import TrivialEngine, entry

from backline.engines.catalog import CATALOG
from backline.gateway.app import create_app
from backline.gateway.server import Server
from backline.observability.logging import configure_logging
from backline.settings import Settings

if __name__ == "__main__":
    configure_logging("INFO")
    groups = json.loads(sys.argv[1]) if len(sys.argv) > 2 else {}
    given = {"port": 0, "data_dir": Path(sys.argv[-1]), **groups.pop("server", {})}
    settings = Settings(_env_file=None, server=given, **groups)
    app = create_app(settings, (*CATALOG, entry(TrivialEngine)))
    uvloop.install()
    server = Server(app, settings.server, lambda address: print(address.rpartition(":")[2], flush=True))
    asyncio.run(server.serve())
