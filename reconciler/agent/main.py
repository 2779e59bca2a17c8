"""The agent process: connects, follows its FleetSyncs, serves its probes, and ends in order on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from reconciler.agent.identity import PARENT_KIND
from reconciler.agent.leadership import Alone, Leadership
from reconciler.agent.logs import log_to
from reconciler.agent.metrics import AgentMetrics
from reconciler.agent.options import AgentOptions
from reconciler.agent.server import serving
from reconciler.agent.tenant import Shared
from reconciler.agent.tenants import Tenants
from reconciler.agent.webhook import receiving
from reconciler.cluster.connection import Connection
from reconciler.cluster.discovery import Served
from reconciler.cluster.flow import Limiter
from reconciler.cluster.lease import Lease
from reconciler.errors import SpinfleetError, UnavailableError
from reconciler.fleet.model import API_GROUP

logger = logging.getLogger(__name__)

_RESTART_AFTER = 5.0
#: Python's own thresholds look for cycles every 700 new objects; of a fleet of thousands of documents hardly any becomes garbage in a cycle.
_LOOK_FOR_CYCLES = (50_000, 20, 100)


def run(options: AgentOptions) -> int:
    """Run an agent until SIGTERM or SIGINT. Gives its exit code: 0 after a signal, 2 where it could not go on."""
    log_to(sys.stderr)
    gc.set_threshold(*_LOOK_FOR_CYCLES)
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
    """One process: its probes, its webhook, its connection, and the FleetSyncs that it follows."""

    options: AgentOptions
    metrics: AgentMetrics = field(default_factory=AgentMetrics)
    _tenants: Tenants | None = None

    async def run(self) -> None:
        """Go on until cancelled. Raises SpinfleetError only where there are no credentials for an API server."""
        async with AsyncExitStack() as stack:
            if self.options.listen is not None:
                await stack.enter_async_context(
                    serving(
                        self.options.listen,
                        registry=self.metrics.registry,
                        alive=lambda: True,
                        ready=lambda: self._tenants is not None and self._tenants.known,
                    )
                )
            if self.options.webhook is not None:
                await stack.enter_async_context(receiving(*self.options.webhook, self._wake))
            connection = await stack.enter_async_context(
                await Connection.open(self.options.kubeconfig, self.options.context)
            )
            self.metrics.count_requests(connection.requests)
            leadership = self._leadership(connection)
            self._tenants = tenants = await self._tenants_of(connection, leadership)
            async with asyncio.TaskGroup() as group:
                group.create_task(tenants.watch())
                group.create_task(_lead(leadership, tenants))

    def _leadership(self, connection: Connection) -> Leadership:
        if not self.options.lease:
            self.metrics.leader.set(1)
            return Alone()
        # Whoever starts again in the same pod is the same, and need not wait itself out.
        identity = f"{socket.gethostname()}_{os.getpid()}"
        lease = Lease(
            connection=connection, namespace=self.options.agent_namespace, name=self.options.lease, identity=identity
        )
        self.metrics.leader.set_function(lambda: float(lease.held))
        return lease

    def _wake(self) -> None:
        if self._tenants is not None:
            self._tenants.wake()

    async def _tenants_of(self, connection: Connection, leadership: Leadership) -> Tenants:
        """Find out what is served, which FleetSyncs have to be part of; until then there is nothing to do but to ask again."""
        while True:
            try:
                served = await Served.ask(connection)
                resource = served.discovery.find(API_GROUP, PARENT_KIND)
                if resource is None:
                    raise UnavailableError("the FleetSync definition is not installed", hint="run spinfleet install")
            except SpinfleetError as error:
                logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - an expected failure needs no traceback
                await asyncio.sleep(_RESTART_AFTER)
            else:
                shared = Shared(
                    connection=connection, served=served, resource=resource, options=self.options, metrics=self.metrics,
                    limiter=Limiter(highest=self.options.concurrency), leadership=leadership,
                )  # fmt: skip
                return Tenants(shared=shared)


async def _lead(leadership: Leadership, tenants: Tenants) -> None:
    """Stand by, and work for as long as we lead, again and again until cancelled."""
    while True:
        try:
            await leadership.lead(tenants.follow)
        except SpinfleetError as error:
            logger.error("%s %s", error.message, error.hint)  # noqa: TRY400 - an expected failure needs no traceback
        await asyncio.sleep(_RESTART_AFTER)
