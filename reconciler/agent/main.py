"""The agent process: connects, follows its FleetSync, reports, and ends in order on SIGTERM."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from reconciler.agent.assembly import assembled
from reconciler.agent.ending import end
from reconciler.agent.fleetsync import FleetSync
from reconciler.agent.identity import PARENT_KIND, identity_of
from reconciler.agent.logs import log_to
from reconciler.agent.metrics import AgentMetrics
from reconciler.agent.options import AgentOptions
from reconciler.agent.parent import Parent
from reconciler.agent.reporting import stalled_report
from reconciler.agent.server import serving
from reconciler.agent.webhook import receiving
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import discover
from reconciler.cluster.watch import Selection
from reconciler.errors import ClusterError, InputError, UnavailableError
from reconciler.fleet.model import API_GROUP

logger = logging.getLogger(__name__)

_RESTART_AFTER = 5.0


def run(options: AgentOptions) -> int:
    """Run an agent until SIGTERM or SIGINT. Gives its exit code: 0 after a signal, 2 where it could not go on."""
    log_to(sys.stderr)
    return asyncio.run(_run(options))


async def _run(options: AgentOptions) -> int:
    loop, agent = asyncio.get_running_loop(), Agent(options=options)
    main = asyncio.create_task(agent.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, main.cancel)
    try:
        await main
    except asyncio.CancelledError:
        return 0
    return 2


@dataclass(kw_only=True, slots=True)
class Agent:
    """One process: serves its probes and follows one FleetSync, starting over where its spec changes who it is."""

    options: AgentOptions
    metrics: AgentMetrics = field(default_factory=AgentMetrics)
    ready: bool = False
    wakes: set[asyncio.Event] = field(default_factory=set)

    async def run(self) -> None:
        """Go on until cancelled. Raises SpinfleetError only where the API server can't be used at all."""
        async with AsyncExitStack() as stack:
            if self.options.listen is not None:
                await stack.enter_async_context(
                    serving(
                        self.options.listen,
                        registry=self.metrics.registry,
                        alive=lambda: True,
                        ready=lambda: self.ready,
                    )
                )
            if self.options.webhook is not None:
                await stack.enter_async_context(receiving(*self.options.webhook, self._wake))
            connection = await stack.enter_async_context(
                await Connection.open(self.options.kubeconfig, self.options.context)
            )
            self.metrics.count_requests(connection.requests)
            while True:
                try:
                    await self._follow(connection)
                except (ClusterError, UnavailableError, InputError) as error:
                    logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - an expected failure needs no traceback
                    await asyncio.sleep(_RESTART_AFTER)

    def _wake(self) -> None:
        """Have every FleetSync look at its repository now."""
        for wake in self.wakes:
            wake.set()

    async def _follow(self, connection: Connection) -> None:
        """Follow the FleetSync until its identity changes or it is gone."""
        discovery = await discover(connection)
        resource = discovery.find(API_GROUP, PARENT_KIND)
        if resource is None:
            raise UnavailableError("the FleetSync definition is not installed", hint="run spinfleet install")
        parent = Parent(
            connection=connection, resource=resource, namespace=self.options.namespace, name=self.options.name
        )
        sync = await parent.read()
        metrics = self.metrics.of(f"{sync.namespace}/{sync.name}")
        try:
            if sync.deleting:
                identity = identity_of(sync, self.options.default_service_account)
                await end(
                    connection, parent, sync, identity=identity, metrics=metrics, discovery=discovery, concurrency=self.options.concurrency
                )  # fmt: skip
                return
            _check_supported(sync)
            async with assembled(
                connection, parent, sync, options=self.options, metrics=metrics, discovery=discovery
            ) as follower:
                self.ready = True
                self.wakes.add(follower.wakes.sync)
                try:
                    await follower.follow(Selection(resource=resource, namespace=parent.namespace, name=parent.name))
                finally:
                    self.wakes.discard(follower.wakes.sync)
        except InputError as error:
            # Only a person can help: the FleetSync itself says what must change.
            await parent.report(stalled_report(sync, f"{error.message}; {error.hint}"))
            raise


def _check_supported(sync: FleetSync) -> None:
    if sync.unsupported:
        raise InputError(
            f"spec.{sync.unsupported[0]} is not supported by this version",
            hint="take it away; nothing is synced while it stands",
        )
