"""`backline export`, as the command line meets it: what it needs is imported when somebody asks for it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class _Renders(TyperGroup):
    """The commands of `render_commands`; every other command would be 15 ms slower with them."""

    def list_commands(self, _ctx: Any) -> list[str]:
        return list(_commands())

    def get_command(self, _ctx: Any, cmd_name: str) -> TyperCommand | None:
        return _commands().get(cmd_name)


def export_app() -> typer.Typer:
    return typer.Typer(
        cls=_Renders, no_args_is_help=True, help="Reframe, spotlight, label and join films: files in, an MP4 out."
    )


def _commands() -> dict[str, TyperCommand]:
    from backline.exports.render_commands import render_commands

    return render_commands()
