"""Opening a source film from a file or a web address, and what its failures mean."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import av
from av.container import InputContainer
from av.stream import Discard, Disposition

from backline.errors import BacklineError, Invalid, NotFound, Unavailable

PATIENCE_SECONDS = 20.0
"""How long an address may stay silent."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a system says that takes no more bytes."""

_CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg"
"""FFmpeg's names. Playlists are left out on purpose: they would open files and addresses that a film names."""

_MAGIC = ((4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (0, b"\x1aE\xdf\xa3"), (8, b"AVI "))
"""What a film begins with, and after how many bytes; by it, a damaged one is told from something else."""

BROKEN = (av.InvalidDataError, av.PermissionError, av.BlockingIOError)
"""What demuxers raise in a file that they cannot follow."""


def open_source(link: str, name: str, patience_seconds: float = PATIENCE_SECONDS) -> InputContainer:
    """link: `file://`, http or https. name: what an error calls it.

    Raises Invalid `not_a_video` and `video_damaged`, NotFound `source_not_found`, Unavailable `source_unreachable`.
    """
    address, options = _address(link, name, patience_seconds)
    timeout = None if address.startswith("file:") else (patience_seconds * 2, patience_seconds * 2)
    with reading(name):
        try:
            return av.open(
                address,
                "r",
                container_options={**options, "format_whitelist": _CONTAINERS},
                metadata_errors="replace",
                timeout=timeout,
            )
        except (av.InvalidDataError, av.ArgumentError, av.EOFError) as error:
            with av.open(address, "r", format="data", container_options=options, timeout=timeout) as container:
                start = _start(container)
            raise _unreadable(start, name) from error


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns FFmpeg's errors into ours: the clip's name is in each, an address or a path in none."""
    try:
        yield
    except BacklineError:
        raise
    except (av.FileNotFoundError, av.HTTPNotFoundError) as error:
        raise NotFound(f"The video of {name} is not there any more.", code="source_not_found") from error
    except BROKEN as error:
        raise damaged(name) from error
    except (av.ExitError, av.HTTPError, av.HTTPClientError, OSError) as error:
        if error.errno in NO_ROOM:
            raise  # nothing is wrong with the source: what was made of it has no room
        raise unreachable(name) from error
    except av.FFmpegError as error:
        raise damaged(name) from error


def unreachable(name: str) -> Unavailable:
    return Unavailable(f"The video of {name} cannot be fetched now; try again.", code="source_unreachable")


def not_a_video(name: str, what: str = "is not a video in a format that can be read") -> Invalid:
    return Invalid(f"The file of {name} {what}.", code="not_a_video")


def damaged(name: str, seconds: float | None = None) -> Invalid:
    """seconds: up to where it can be read."""
    where = "" if seconds is None else f" from second {seconds:.1f} on"
    return Invalid(f"The video of {name} is damaged{where}: it breaks off or cannot be decoded.", code="video_damaged")


def pictures(container: InputContainer, name: str) -> av.VideoStream:
    """Its video stream; the others are not even read. Raises Invalid `not_a_video` without one."""
    for stream in container.streams.video:
        if stream.codec_context and not stream.disposition & (Disposition.attached_pic | Disposition.still_image):
            only(container, stream)
            return stream
    what = "holds sound but no pictures" if container.streams.audio else "holds no pictures that can be read"
    raise not_a_video(name, what)


def stored_size(stream: av.VideoStream, frame: av.VideoFrame) -> tuple[int, int]:
    """Width and height before rotation, in square pixels."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    return max(round(frame.width * aspect), 1), frame.height


def sound(container: InputContainer) -> av.AudioStream | None:
    """Its first audio stream that can be decoded."""
    return next((stream for stream in container.streams.audio if stream.codec_context), None)


def only(container: InputContainer, *wanted: av.stream.Stream) -> None:
    """Lets the other streams be passed over, which over a network also saves fetching them."""
    for stream in container.streams:
        stream.discard = Discard.default if stream in wanted else Discard.all


def _address(link: str, name: str, patience_seconds: float) -> tuple[str, dict[str, str]]:
    """As FFmpeg takes it, with its options. A link may use its own protocol only, wherever it leads."""
    parts = urlsplit(link)
    if parts.scheme in ("http", "https"):
        return link, _web_options(patience_seconds)
    if parts.scheme != "file":
        raise Invalid(f"The address of {name} is neither a file nor on the web.", code="invalid_link")
    path = Path(unquote(parts.path))
    if not path.is_file():  # nothing that could block, such as a pipe
        raise NotFound(f"The video of {name} is not there any more.", code="source_not_found")
    return f"file:{path}", {"protocol_whitelist": "file"}


def _web_options(patience_seconds: float) -> dict[str, str]:
    """A broken connection is taken up again where it broke."""
    return {
        "protocol_whitelist": "http,https,tcp,tls",
        "rw_timeout": str(int(patience_seconds * 1_000_000)),
        "reconnect": "1",
        "reconnect_on_network_error": "1",
        "reconnect_on_http_error": "5xx,429",
        "reconnect_delay_max": str(int(patience_seconds)),
        "reconnect_delay_total_max": str(int(patience_seconds)),
        "reconnect_max_retries": "4",
    }


def _start(container: InputContainer) -> bytes:
    """The first bytes; none of an empty file."""
    return next((bytes(packet)[:16] for packet in container.demux()), b"")


def _unreadable(start: bytes, name: str) -> Invalid:
    if not start:
        return not_a_video(name, "is empty")
    film = any(start[after : after + len(magic)] == magic for after, magic in _MAGIC)
    return damaged(name) if film else not_a_video(name)
