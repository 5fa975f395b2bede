"""`backline modal`: what a deployment to Modal would be, and whether it is what is there."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from backline.errors import Invalid
from backline.settings import Settings

if TYPE_CHECKING:
    from backline.deploy.check import Report
    from backline.deploy.definitions import Definition
    from backline.deploy.plan import Cost, Plan

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for another program.")]


def modal_commands(read_settings: Callable[[], Settings]) -> typer.Typer:
    """What they need is imported when they run: nobody else has the SDK, nor waits for it."""
    app = typer.Typer(no_args_is_help=True, help="Modal: what would be deployed, and what is.")
    out = Console(highlight=False, soft_wrap=True)

    @app.command("plan")
    def plan(as_json: AsJson = False) -> None:
        """Show what a deploy would make: functions, machines, secrets, and what an hour costs. Asks nobody."""
        from backline.deploy.plan import plan_of

        planned = plan_of(read_settings())
        if as_json:
            typer.echo(json.dumps(planned.as_data(), indent=2))
        else:
            _show_plan(planned, out)

    @app.command("check")
    def check(as_json: AsJson = False) -> None:
        """Compare what is deployed with what a deploy would make. Exit status 1 when they differ."""
        if importlib.util.find_spec("modal") is None:
            raise Invalid("Modal's library is not installed. Install it with: pip install 'backline[modal]'")
        from backline.deploy.check import compare, look
        from backline.deploy.plan import plan_of

        settings = read_settings()
        planned = plan_of(settings)
        report = compare(planned.tags, asyncio.run(look(settings.modal)), settings.modal.version)
        if as_json:
            typer.echo(json.dumps(report.as_data(), indent=2))
        else:
            _show_report(report, settings.modal.app, out)
        if not report.same:
            raise typer.Exit(1)

    return app


def _show_plan(plan: Plan, out: Console) -> None:
    place = f"environment {plan.environment}" if plan.environment else "the default environment"
    out.print(f"[bold]{plan.app}[/bold] in {place}, {plan.planes} plane{'s' if plan.planes == 'two' else ''}\n")
    table = Table("function", "machine", "an hour", "at rest", box=None)
    for one in plan.functions:
        machine = f"{one.definition.arguments['cpu']:g} cores, {one.definition.arguments['memory']} MB"
        gpus = " or ".join(one.definition.gpus)
        table.add_row(
            one.definition.name, ", ".join(filter(None, [gpus, machine])), _cost(one.running), _cost(one.at_rest)
        )
    out.print(table)
    for one in plan.functions:
        out.print(f"\n[bold]{one.definition.name}[/bold]: {escape(one.definition.about)}")
        for name, value in _knobs(one.definition).items():
            if value:
                out.print(f"  {name}: {value}", markup=False)
    out.print()
    for name, keys in plan.secrets.items():
        out.print(f"secret {name}: {', '.join(keys) or 'any keys'}", markup=False)
    for volume in plan.volumes:
        out.print(f"volume {volume}", markup=False)
    out.print(f"at rest, an hour: {_cost(plan.at_rest)}")
    if plan.missing_prices:
        example = plan.missing_prices[0]
        out.print(
            f"no price for {', '.join(plan.missing_prices)}: set BACKLINE_MODAL__PRICES__{example.upper()}",
            markup=False,
        )
    for note in plan.notes:
        out.print(f"note: {note}", markup=False)


def _knobs(definition: Definition) -> dict[str, str]:
    arguments = definition.arguments
    least, most, free = (arguments.get(f"{name}_containers", 0) for name in ("min", "max", "buffer"))
    snapshot = "with the GPU's memory" if "experimental_options" in arguments else "yes"
    run = f", of a run {arguments['timeout']} s" if "timeout" in arguments else ""
    inputs = "{} meant, {} at most".format(*definition.inputs) if definition.inputs else "1"
    return {
        "containers": f"{least} to {most or 'any number'}, {free} free beyond those that work, "
        f"idle for {arguments['scaledown_window']} s at most",
        "at once in one": "1 session" if definition.sessions else inputs,
        "time-outs": f"of a start {arguments['startup_timeout']} s{run}",
        "retries": str(arguments.get("retries", "")),
        "region": str(arguments.get("region") or arguments.get("compute_region") or ""),
        "snapshot": snapshot if arguments.get("enable_memory_snapshot") else "",
        "secrets": ", ".join(need.name for need in definition.secrets),
        "volumes": ", ".join(f"{name} at {path}" for path, name in definition.volumes.items()),
        "extras": ", ".join(definition.extras),
    }


def _cost(cost: Cost) -> str:
    if cost.missing:
        return "not known"
    low, high = (f"{value:.3f}" for value in (cost.low, cost.high))
    return low if low == high else f"{low} to {high}"


def _show_report(report: Report, app: str, out: Console) -> None:
    if not report.deployed:
        out.print(f"Nothing is deployed as {app}. Deploy it: modal deploy -m backline.deploy.modal_app", markup=False)
        return
    table = Table("part", "state", box=None)
    table.add_row("release", report.release)
    table.add_row("code", report.code)
    table.add_row("table", report.table)
    for name, state in report.functions.items():
        table.add_row(name, state)
    out.print(table)
    for one in report.versions:
        again = f", version {one.rollback_of} again" if one.rollback_of else ""
        label = f", {one.label}" if one.label else ""
        out.print(f"version {one.number}: {one.deployed_at:%Y-%m-%d %H:%M:%S} UTC{label}{again}", markup=False)
    for note in report.notes:
        out.print(f"note: {note}", markup=False)
