"""What the commands that talk to a cluster share: options, and the FleetSync."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from reconciler.cluster.connection import Connection
    from reconciler.cluster.discovery import Resource


def cluster_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --fleetsync, --kubeconfig and --context."""
    options = (
        click.option(
            "--fleetsync",
            default="spinfleet-system/fleet",
            show_default=True,
            metavar="NAMESPACE/NAME",
            help="The FleetSync.",
        ),
        click.option(
            "--kubeconfig",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Credentials (default: KUBECONFIG).",
        ),
        click.option("--context", help="Context of the kubeconfig."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def place_of(fleetsync: str) -> tuple[str, str]:
    """Split NAMESPACE/NAME."""
    namespace, slash, name = fleetsync.partition("/")
    if not slash or not namespace or not name:
        raise click.BadParameter("write NAMESPACE/NAME", param_hint="--fleetsync")
    return namespace, name


@contextmanager
def existing(namespace: str, name: str) -> Iterator[None]:
    """Say of a FleetSync that the server does not find how to see which there are. Raises InputError."""
    from reconciler.cluster.answers import NOT_FOUND
    from reconciler.errors import ClusterError, InputError

    try:
        yield
    except ClusterError as error:
        if error.status != NOT_FOUND:
            raise
        hint = "spinfleet status -A lists those of the cluster; name one with --fleetsync NAMESPACE/NAME"
        raise InputError(f"there is no FleetSync {namespace}/{name}", hint=hint) from error


async def fleetsync_resource(connection: Connection) -> Resource:
    """Give the resource of FleetSyncs. Raises UnavailableError where it is not installed."""
    from reconciler.cluster.discovery import discover
    from reconciler.errors import UnavailableError
    from reconciler.fleet.model import API_GROUP

    resource = (await discover(connection)).find(API_GROUP, "FleetSync")
    if resource is None:
        raise UnavailableError("Spinfleet is not installed in this cluster", hint="run spinfleet install")
    return resource
