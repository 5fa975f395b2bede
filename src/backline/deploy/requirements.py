"""What an image must have installed: what this package asks for, in the versions that are installed here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(?P<extras>\[[^\]]*\])?(?P<range>[^;]*)(;(?P<marker>.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"](?P<name>[^'\"]+)['\"]")


def requirements(extras: Iterable[str], package: str = "backline") -> tuple[str, ...]:
    """The direct requirements of the package with these extras, for Linux. One that is not installed here, since no
    engine runs here that needs it, keeps the range that the package states; in a container, which has the code alone,
    there are none, and none are asked for."""
    wanted = set(extras)
    try:
        stated = requires(package) or []
    except PackageNotFoundError:
        return ()
    return tuple(
        sorted(_pinned(match) for match in map(_REQUIREMENT.fullmatch, stated) if match and _in(match, wanted))
    )


def _in(stated: re.Match[str], extras: set[str]) -> bool:
    """Of the markers only the extra is looked at: the others leave out Windows."""
    extra = _EXTRA.search(stated["marker"] or "")
    return extra is None or extra["name"] in extras


def _pinned(stated: re.Match[str]) -> str:
    name = stated["name"] + (stated["extras"] or "")
    try:
        return f"{name}=={version(stated['name'])}"
    except PackageNotFoundError:
        return name + stated["range"].strip()
