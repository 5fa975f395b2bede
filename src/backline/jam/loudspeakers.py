"""Sound that is heard at once: a player of this machine, fed by a pipe."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from backline.errors import Failed, Invalid

PLAYERS = (
    ("aplay", "-q", "-"),
    ("ffplay", "-loglevel", "error", "-nodisp", "-autoexit", "-f", "wav", "-i", "-"),
    ("mpv", "--no-video", "--really-quiet", "-"),
    ("play", "-q", "-t", "wav", "-"),
)
"""Each reads a WAV of unknown length from its standard input, and takes it no faster than it is heard."""

Feed = Callable[[bytes], Awaitable[None]]


@asynccontextmanager
async def loudspeakers() -> AsyncIterator[Feed]:
    """What is fed is played; at the end, also of what went wrong, nothing plays any longer.

    Raises Invalid where there is no player, and Failed when it ends too early.
    """
    command = _player()
    player = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert player.stdin is not None
    try:
        yield _feeding(player.stdin)
        player.stdin.close()
        await player.wait()
    except (BrokenPipeError, ConnectionResetError):
        _, complaints = await player.communicate()
        last = (complaints.decode(errors="replace").strip().splitlines() or ["it ended"])[-1]
        raise Failed(f"{command[0]} does not play: {last}", code="player_failed") from None
    finally:
        with suppress(ProcessLookupError):
            player.kill()
        await player.wait()


def _feeding(pipe: asyncio.StreamWriter) -> Feed:
    async def feed(data: bytes) -> None:
        pipe.write(data)
        await pipe.drain()

    return feed


def _player() -> tuple[str, ...]:
    for command in PLAYERS:
        if shutil.which(command[0]):
            return command
    names = ", ".join(name for name, *_ in PLAYERS)
    raise Invalid(f"None of {names} is installed, which could play it. Install one, or name a file with -o.")
