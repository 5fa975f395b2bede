"""Work of jobs that can run on another machine: plain functions of portable code, by name.

A function is called with (data, progress) in a child process, as `in_child` has it. data holds links and no secrets;
whatever it makes it puts where a link says, once: of two runs for one job and attempt, the second finds the first's.
"""

from __future__ import annotations

from dataclasses import dataclass

from backline.errors import NotFound


@dataclass(frozen=True, slots=True)
class Operation:
    """function: `package.module:function`. extra: of this package, what it needs beyond the base install. gpu: types
    that it wants, the first that is free is taken; empty: none."""

    name: str
    function: str
    about: str
    extra: str | None = None
    gpu: tuple[str, ...] = ()


OPERATIONS: tuple[Operation, ...] = (
    Operation("render", "backline.engines.video.by_link:render", "Films, from links to a link."),
)


def operation(name: str, operations: tuple[Operation, ...] = OPERATIONS) -> Operation:
    """Raises NotFound."""
    for one in operations:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in operations)
    raise NotFound(f"There is no operation '{name}'. There are: {known}.", code="operation_not_found")
