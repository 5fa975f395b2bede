"""From a definition to the SDK's decorator for it: its image, secrets and volumes by name."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import modal

from backline.deploy.definitions import Definition, Kind
from backline.deploy.requirements import requirements

TABLE = "BACKLINE_MODAL"
"""The variable that every container has: the table, as `table_of` has it."""

T = TypeVar("T")

_DECORATORS: dict[Kind, Callable[[modal.App], Callable[..., Any]]] = {
    Kind.FUNCTION: lambda app: app.function,
    Kind.CLASS: lambda app: app.cls,
    Kind.SERVER: lambda app: app.server,
}


def register(app: modal.App, definition: Definition, table: str, **more: Any) -> Callable[[T], T]:
    """The decorator that makes something the app's function of this definition. more: of the decorator."""
    decorator: Callable[[T], T] = _DECORATORS[definition.kind](app)(
        **definition.arguments,
        image=_image(definition, table),
        secrets=[modal.Secret.from_name(one.name, required_keys=list(one.keys)) for one in definition.secrets],
        volumes={
            path: modal.Volume.from_name(name, create_if_missing=True) for path, name in definition.volumes.items()
        },
        **more,
    )
    return decorator


def _image(definition: Definition, table: str) -> modal.Image:
    """Packages first, since they take longest and change least; the code comes last, and is not part of the image."""
    python = ".".join(platform.python_version_tuple()[:2])
    packages = modal.Image.debian_slim(python_version=python).uv_pip_install(*requirements(definition.extras))
    return packages.env({**definition.variables, TABLE: table}).add_local_python_source("backline", ignore=_is_left_out)


def _is_left_out(path: Path) -> bool:
    """By itself the SDK leaves out all but Python: the studio's pages and the fonts of films too."""
    return "__pycache__" in path.parts or path.suffix == ".pyc"
