"""What an app says of itself: which release and which code it is made of, and what each of its functions is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from backline.deploy.definitions import Definition, digest_of
from backline.deploy.requirements import requirements
from backline.release import VERSION

RELEASE = "backline.release"
CODE = "backline.code"
TABLE = "backline.table"
_FUNCTION = "function."
_PACKAGE = Path(__file__).parent.parent


def tags_of(definitions: Iterable[Definition], table: str, package: Path = _PACKAGE) -> dict[str, str]:
    """table: as containers are given it; more is in it than the definitions say."""
    functions = {_FUNCTION + one.name: digest_of(one.digest.encode(), *_packages(one)) for one in definitions}
    return {RELEASE: VERSION, CODE: code_digest(package), TABLE: digest_of(table.encode()), **functions}


def function_digests(tags: Mapping[str, str]) -> dict[str, str]:
    """By the functions' names."""
    return {name.removeprefix(_FUNCTION): tag for name, tag in tags.items() if name.startswith(_FUNCTION)}


def code_digest(package: Path = _PACKAGE) -> str:
    """Of all files of the package that a container gets."""
    files = sorted(path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return digest_of(*(part for path in files for part in (str(path.relative_to(package)).encode(), path.read_bytes())))


def _packages(definition: Definition) -> list[bytes]:
    return [one.encode() for one in requirements(definition.extras)]
