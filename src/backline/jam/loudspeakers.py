"""Sound that is heard at once: a player of this machine, fed by a pipe."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from backline.errors import Failed, Invalid

PLAYERS = (
    ("aplay", "-q", "-"),
    ("ffplay", "-loglevel", "error", "-nodisp", "-autoexit", "-f", "wav", "-i", "-"),
    ("mpv", "--no-video", "--really-quiet", "-"),
    ("play", "-q", "-t", "wav", "-"),
)
"""Each reads a WAV of unknown length from its standard input, and takes it no faster than it is heard."""

Feed = Callable[[bytes], object]


@contextmanager
def loudspeakers() -> Iterator[Feed]:
    """What is fed is played. When it ends by an error or a signal, nothing plays any longer.

    Raises Invalid where there is no player, and Failed when that ends too early.
    """
    command = _player()
    with subprocess.Popen(  # noqa: S603 - one of the table above, and nothing that somebody wrote
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as player:
        assert player.stdin is not None
        try:
            yield player.stdin.write
            player.stdin.close()
            player.wait()
        except BrokenPipeError:
            raise _failed(command[0], player) from None
        finally:
            player.kill()
            with suppress(BrokenPipeError):
                player.stdin.close()


def _failed(name: str, player: subprocess.Popen[bytes]) -> Failed:
    assert player.stderr is not None
    complaints = player.stderr.read().decode(errors="replace").strip().splitlines()
    return Failed(f"{name} ended: {complaints[-1] if complaints else 'it did not say why'}")


def _player() -> tuple[str, ...]:
    for command in PLAYERS:
        if shutil.which(command[0]):
            return command
    names = ", ".join(name for name, *_ in PLAYERS)
    raise Invalid(f"None of {names} is installed, which could play it. Install one, or name a file with -o.")
