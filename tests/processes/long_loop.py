"""`backline jobs` in a process of its own, with an engine that takes its time:
`python -m tests.processes.long_loop '{"server": {...}}'`."""

from __future__ import annotations

import asyncio
import json
import sys

from backline.gateway.services import open_job_loop
from backline.jobs.commands import run_loop
from backline.observability.logging import configure_logging
from backline.settings import Settings
from tests.speech.long_jobs import SlowToneEngine, tone_entry


def main() -> None:
    settings = Settings(_env_file=None, **json.loads(sys.argv[1]))
    configure_logging("INFO")
    asyncio.run(run_loop(lambda: open_job_loop(settings, (tone_entry(SlowToneEngine),))))


if __name__ == "__main__":
    main()
