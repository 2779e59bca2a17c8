"""`spinfleet uninstall`: Spinfleet out of a cluster, workloads left as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.agent.uninstalling import Step

_MARKS = {"delete": ("-", "red"), "release": ("=", "yellow"), "keep": ("!", "yellow")}


@click.command()
@click.option(
    "--delete-workloads", is_flag=True, help="Delete the objects of every FleetSync as well; without it they stay."
)
@click.option("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", default="5m", show_default=True, help="How long to wait for FleetSyncs to go.")
@click.option(
    "--force", is_flag=True, help="Give up on FleetSyncs that do not go: their objects keep Spinfleet's labels."
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Credentials (default: KUBECONFIG).",
)
@click.option("--context", help="Context of the kubeconfig.")
@output_option
def uninstall(
    delete_workloads: bool, dry_run: bool, yes: bool, timeout: str, force: bool, kubeconfig: Path | None, context: str | None, form: str
) -> int:  # fmt: skip
    """Take Spinfleet out of the current cluster: every FleetSync, then what `install` made; says what stays.

    Workloads stay, and belong to nobody from then on, unless --delete-workloads is given. Namespaces, definitions and volumes of the fleet
    stay in any case.
    """
    import asyncio
    import sys

    from reconciler.agent.fleetsync import duration_seconds

    steps: list[Step] = []

    def told(step: Step) -> None:
        steps.append(step)
        if form == "text":
            mark, colour = _MARKS[step.action]
            click.echo(click.style(f"{mark} {step.object}", fg=colour) + f"  ({step.reason})")

    patience = duration_seconds(timeout)
    if not dry_run and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("say --yes, or look first with --dry-run")
        workloads = "and its workloads" if delete_workloads else "and leave its workloads as they are"
        click.confirm(f"Take Spinfleet out of this cluster {workloads}?", abort=True)
    asyncio.run(
        _run(
            told,
            kubeconfig,
            context,
            delete_workloads=delete_workloads,
            dry_run=dry_run,
            force=force,
            patience=patience,
        )
    )
    if form != "text":
        write([step.to_json() for step in steps], form)
    elif not steps:
        click.echo("Spinfleet is not installed in this cluster")
    return 0


async def _run(
    told: Callable[[Step], None], kubeconfig: Path | None, context: str | None, *, delete_workloads: bool, dry_run: bool, force: bool, patience: float
) -> None:  # fmt: skip
    from reconciler.agent.uninstalling import Uninstaller
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.discovery import discover

    async with await Connection.open(kubeconfig, context) as connection:
        uninstaller = Uninstaller(
            connection=connection, discovery=await discover(connection), told=told, delete_workloads=delete_workloads,
            dry_run=dry_run, force=force, patience=patience,
        )  # fmt: skip
        await uninstaller.run()
