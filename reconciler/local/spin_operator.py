"""A stand-in for SpinKube's operator, which needs a container runtime: it makes of SpinApps what the operator makes.

Deployment, Service, runtime-config Secret, certificate Secret, status, the executors' finalizer: as in spin-operator's
internal/controller, weaknesses included. Its admission webhooks are left out: what they refuse is for `spinfleet validate`.

    python -m reconciler.local.spin_operator --kubeconfig FILE
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from pathlib import Path

import click

from reconciler.cluster.answers import CONFLICT
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Resource, discover
from reconciler.cluster.events import Recorder
from reconciler.errors import ClusterError, SpinfleetError
from reconciler.local.spin_operator_controller import NEEDED, SpinOperator

logger = logging.getLogger(__name__)

#: The RuntimeClass that SpinKube's documentation installs; pods that name one are admitted only where it exists.
RUNTIME_CLASS = "wasmtime-spin-v2"

_ASK_SECONDS = 0.5


async def serve(kubeconfig: Path | None, *, context: str | None = None, runtime_class: str = RUNTIME_CLASS) -> None:
    """Run the stand-in until cancelled: wait for SpinKube's CRDs, install the RuntimeClass (if one is named), reconcile.

    Raises UnavailableError where no cluster can be reached with these credentials, ClusterError where it refuses.
    """
    async with await Connection.open(kubeconfig, context) as connection:
        resources = await _served(connection)
        if runtime_class:
            await _install_runtime_class(connection, runtime_class)
        recorder = Recorder(
            connection=connection, controller="spinkube.dev/spin-operator", instance=socket.gethostname()
        )
        logger.info("watching SpinApps")
        await SpinOperator(connection=connection, resources=resources, recorder=recorder).run()


async def _served(connection: Connection) -> dict[str, Resource]:
    """Wait until every kind is served that the operator works with: SpinKube's CRDs may be installed after it starts."""
    while True:
        discovery = await discover(connection)
        found = {kind: discovery.find(group, kind) for kind, group in NEEDED.items()}
        resources = {kind: resource for kind, resource in found.items() if resource is not None}
        if len(resources) == len(NEEDED):
            return resources
        await asyncio.sleep(_ASK_SECONDS)


async def _install_runtime_class(connection: Connection, name: str) -> None:
    runtime_class = {
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": name},
        "handler": "spin-v2",
    }
    try:
        await connection.request("POST", "/apis/node.k8s.io/v1/runtimeclasses", body=runtime_class)
    except ClusterError as error:
        if error.status != CONFLICT:
            raise
        logger.debug("RuntimeClass %s is there already", name)


async def _until_told(kubeconfig: Path | None, context: str | None, runtime_class: str) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    task = asyncio.create_task(serve(kubeconfig, context=context, runtime_class=runtime_class))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


@click.command()
@click.option("--kubeconfig", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Credentials to use.")
@click.option("--context", help="Context of the kubeconfig.")
@click.option(
    "--runtime-class", default=RUNTIME_CLASS, show_default=True, help="RuntimeClass to install; empty for none."
)
def main(kubeconfig: Path | None, context: str | None, runtime_class: str) -> None:
    """Do for SpinApps what SpinKube's operator does, without running them."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    try:
        asyncio.run(_until_told(kubeconfig, context, runtime_class))
    except* SpinfleetError as group:
        first = group.exceptions[0]
        hint = first.hint if isinstance(first, SpinfleetError) else ""
        raise click.ClickException(f"{first}\n{hint}".strip()) from first


if __name__ == "__main__":
    main()
