"""`spinfleet agent`: the process that runs in each cluster."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.connected import place_of


@click.command()
@click.option(
    "--fleetsync", metavar="NAMESPACE/NAME", help="Follow this FleetSync alone (default: every one of the cluster)."
)
@click.option(
    "--watch-namespace",
    "namespaces",
    multiple=True,
    metavar="NAMESPACE",
    help="Follow the FleetSyncs of this namespace; repeat it for more.",
)
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Credentials (default: the pod's own, else KUBECONFIG).",
)
@click.option("--context", help="Context of the kubeconfig.")
@click.option(
    "--cache", type=click.Path(path_type=Path), help="Folder for the repository and verdicts; may be lost at any time."
)
@click.option(
    "--listen",
    default="0.0.0.0:8080",
    show_default=True,
    metavar="HOST:PORT",
    help="Where /healthz, /readyz and /metrics are; `none` for nowhere.",
)
@click.option(
    "--webhook-listen",
    default="none",
    show_default=True,
    metavar="HOST:PORT",
    help="Where Git hosts may POST to /hook.",
)
@click.option(
    "--webhook-secret",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Shared secrets of webhooks, one a line, read at each request.",
)
@click.option(
    "--default-service-account", default="", metavar="NAME", help="Whom to act as where a FleetSync names nobody."
)
@click.option(
    "--namespace",
    "agent_namespace",
    default="spinfleet-system",
    show_default=True,
    help="The agent's own namespace: out of reach of every fleet.",
)
@click.option(
    "--lease",
    default="spinfleet-agent",
    show_default=True,
    metavar="NAME",
    help="Lease in the agent's own namespace: of the agents that share it one works, the others stand by. `none` for an agent that is alone.",
)
@click.option("--concurrency", type=click.IntRange(1, 256), default=16, show_default=True, help="Requests in flight.")
def agent(
    fleetsync: str | None,
    namespaces: tuple[str, ...],
    kubeconfig: Path | None,
    context: str | None,
    cache: Path | None,
    listen: str,
    webhook_listen: str,
    webhook_secret: Path | None,
    default_service_account: str,
    agent_namespace: str,
    lease: str,
    concurrency: int,
) -> int:
    """Run the agent until SIGTERM: pull, validate, verify, render, apply, heal, report."""
    from reconciler.agent.main import run
    from reconciler.agent.options import AgentOptions

    if fleetsync and namespaces:
        raise click.UsageError("--fleetsync names one FleetSync: leave --watch-namespace out")
    hook = _address(webhook_listen, "--webhook-listen")
    if hook is not None and webhook_secret is None:
        raise click.UsageError("--webhook-listen needs --webhook-secret FILE: unsigned requests are never taken")
    return run(
        AgentOptions(
            only=place_of(fleetsync) if fleetsync else None,
            namespaces=namespaces,
            cache=cache or _default_cache(),
            kubeconfig=kubeconfig,
            context=context,
            listen=_address(listen, "--listen"),
            webhook=(hook, webhook_secret) if hook is not None and webhook_secret is not None else None,
            default_service_account=default_service_account,
            agent_namespace=agent_namespace,
            lease="" if lease == "none" else lease,
            concurrency=concurrency,
        )
    )


def _default_cache() -> Path:
    from reconciler.local.binary import cache_folder

    return cache_folder() / "agent"


def _address(text: str, option: str) -> tuple[str, int] | None:
    if text == "none":
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter("write HOST:PORT, or none", param_hint=option)
    return host.strip("[]"), int(port)
