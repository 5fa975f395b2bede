"""A server in a process of its own: `python -m tests.processes.serve '{"server": {...}}'` prints its address."""

from __future__ import annotations

import json
import sys

from backline.engines.catalog import Isolation, find
from backline.gateway.app import create_app
from backline.gateway.server import Server
from backline.observability.logging import configure_logging
from backline.settings import Settings
from tests.fakes.engines import entry
from tests.processes.paced import PacedEngine


def announce(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def main() -> None:
    settings = Settings(_env_file=None, **json.loads(sys.argv[1]))
    configure_logging("INFO")
    catalog = (entry(PacedEngine, Isolation.PROCESS, default=True), find("tone"))
    Server(create_app(settings, catalog), settings.server, announce).run()


if __name__ == "__main__":
    main()
