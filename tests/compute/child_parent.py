"""A process that runs one child, to be killed: `python -m tests.compute.child_parent FUNCTION PIDS_FILE`."""

from __future__ import annotations

import asyncio
import sys

from backline.compute.in_child import run_in_child

if __name__ == "__main__":
    asyncio.run(run_in_child(f"tests.compute.children:{sys.argv[1]}", {"pids": sys.argv[2]}, lambda _told: None))
