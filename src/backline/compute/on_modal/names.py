"""How the parts of the deployed app are called; the file that deploys and the gateway that looks them up agree here."""

from __future__ import annotations

GATEWAY = "gateway"
SPEECH = "Speech"
"""A class. Its methods: `describe(engine)`, and `stream(order)`, a generator of bytes (`stream_items`); its web
endpoint is the worker's API, or in one plane the whole server."""

JAM = "Jam"
"""A server with sticky sessions: the worker's API, one jam session a container."""


def board(app: str) -> str:
    """The Dict in which running jobs tell how far they are, by `job/attempt`."""
    return f"{app}-jobs"


def jam_sessions(app: str) -> str:
    """The Dict of open jam sessions: what it takes to find one again, and to open it anew."""
    return f"{app}-jams"


def capabilities(app: str) -> str:
    """The Dict of what speech engines can do, told by each container when it is up."""
    return f"{app}-speech"
