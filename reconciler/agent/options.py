"""How an agent is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentOptions:
    """Everything that the command line decides; the rest is the FleetSyncs'.

    `only` names the one FleetSync (namespace, name) that is followed; else those of `namespaces` are, or all where none is named.
    `kubeconfig` None means in-cluster credentials where they are mounted, else the user's own kubeconfig. `cache` holds
    Git repositories and verdicts and may be lost at any time. `listen` is where /healthz, /readyz and /metrics are
    served (host, port; port 0: a free one, None: not at all). `webhook` is where hooks are received, and the file with the
    shared secrets. `default_service_account` is who workloads are read and written as where a FleetSync names nobody; without
    either the FleetSync is refused. `agent_namespace` is where the agent itself runs: out of reach of every fleet repository.
    `concurrency` bounds requests in flight. `lease` names the Lease in `agent_namespace` by which one of several agents leads; empty
    for an agent that is alone.
    """

    cache: Path
    only: tuple[str, str] | None = None
    namespaces: tuple[str, ...] = ()
    kubeconfig: Path | None = None
    context: str | None = None
    listen: tuple[str, int] | None = ("0.0.0.0", 8080)  # noqa: S104 - probes and scrapes come from outside the pod
    webhook: tuple[tuple[str, int], Path] | None = None
    default_service_account: str = ""
    agent_namespace: str = "spinfleet-system"
    allow_local_sources: bool = False
    concurrency: int = 16
    lease: str = ""
