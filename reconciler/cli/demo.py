"""`spinfleet demo`: a fleet on this machine."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--clusters",
    type=click.IntRange(1, 3),
    default=1,
    show_default=True,
    help="How many of the example's clusters to run.",
)
@click.option("--once", is_flag=True, help="End when the fleet is healthy: 0, or 1 with the reason.")
@click.option("--keep", is_flag=True, help="Keep the folder with logs, keys and repositories.")
@click.option("--context", help="Use this cluster of the kubeconfig, not a local one.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Credentials for --context (default: KUBECONFIG).",
)
def demo(clusters: int, once: bool, keep: bool, context: str | None, kubeconfig: Path | None) -> int:
    """Run a fleet on this machine: a real API server, registry and Git server, and an agent that syncs the example fleet.

    The first run builds the control plane with Go (about 10 minutes); later ones start in seconds. Ctrl-C ends everything.
    """
    if kubeconfig is not None and context is None:
        raise click.UsageError("--kubeconfig goes with --context")
    from reconciler.local.demo import DemoOptions, run

    return run(DemoOptions(clusters=clusters, once=once, keep=keep, context=context, kubeconfig=kubeconfig))
