"""`python -m tests.modal_standin`: a stand-in until it is interrupted, for trying commands and for benchmarks.

Prints the variables with which the SDK and the command line reach it, ready for the shell's `eval`.
"""

from __future__ import annotations

import signal
import sys

from tests.modal_standin.standin import StandIn


def stop(*_: object) -> None:
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, stop)
try:
    with StandIn() as standin:
        for name, value in standin.environment.items():
            sys.stdout.write(f"export {name}={value}\n")
        sys.stdout.flush()
        signal.pause()
except KeyboardInterrupt:
    pass
