"""How an agent is started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class AgentOptions:
    """Everything that the command line decides; the rest is the FleetSync's.

    `kubeconfig` None means in-cluster credentials where they are mounted, else the user's own kubeconfig. `cache` holds
    the Git repository and the verdicts and may be lost at any time. `listen` is where /healthz, /readyz and /metrics are
    served (host, port; port 0: a free one, None: not at all). `webhook` is where hooks are received, and the file with the shared secrets. `default_service_account` is who workloads are read and
    written as where the FleetSync names nobody; without either the FleetSync is refused. `agent_namespace` is where the agent itself runs: out of reach of every fleet repository. `concurrency` bounds
    requests in flight.
    """

    namespace: str
    name: str
    cache: Path
    kubeconfig: Path | None = None
    context: str | None = None
    listen: tuple[str, int] | None = ("0.0.0.0", 8080)  # noqa: S104 - probes and scrapes come from outside the pod
    webhook: tuple[tuple[str, int], Path] | None = None
    default_service_account: str = ""
    agent_namespace: str = "spinfleet-system"
    allow_local_sources: bool = False
    concurrency: int = 16
