"""`spinfleet install`: the agent and its FleetSync into a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "--cluster", required=True, metavar="NAME", help="Name of the Cluster document that describes the cluster."
)
@click.option("--url", required=True, help="The fleet's repository.")
@click.option("--branch", default="main", show_default=True, help="Branch to follow.")
@click.option("--path", "folder", default=".", show_default=True, help="The fleet's folder in the repository.")
@click.option("--interval", default="1m", show_default=True, help="How often to ask for news.")
@click.option("--secret", default="", metavar="NAME", help="Secret with the repository's credentials.")
@click.option(
    "--registry-mirror", "mirrors", multiple=True, metavar="PREFIX=HOST", help="Ask HOST for artifacts of PREFIX."
)
@click.option("--plain-http", is_flag=True, help="Reach the mirrors over plain HTTP.")
@click.option(
    "--tenant",
    default="",
    metavar="NAMESPACE",
    help="Add a tenant: a FleetSync of its own in this namespace, beside an agent that is installed.",
)
@click.option(
    "--allow-namespace",
    "namespaces",
    multiple=True,
    metavar="NAMESPACE",
    help="Namespace that the tenant may write to (default: its own); repeat it for more.",
)
@click.option("--name", default="fleet", show_default=True, help="Name of the tenant's FleetSync.")
@click.option(
    "--replicas",
    type=click.IntRange(1, 5),
    default=1,
    show_default=True,
    help="Agents: one works, the others stand by.",
)
@click.option("--export", "only_print", is_flag=True, help="Print what would be applied, as YAML, and apply nothing.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Credentials (default: KUBECONFIG).",
)
@click.option("--context", help="Context of the kubeconfig.")
def install(
    only_print: bool,
    kubeconfig: Path | None,
    context: str | None,
    mirrors: tuple[str, ...],
    plain_http: bool,
    **choices: Any,
) -> int:
    """Install the agent in the current cluster, or a tenant beside it (--tenant), or print what that takes (--export)."""
    from reconciler.agent.install import FLEETSYNC, Installation, export, objects_of

    if not choices["tenant"] and (choices["namespaces"] or choices["name"] != FLEETSYNC):
        raise click.UsageError("--allow-namespace and --name are about a tenant: name its namespace with --tenant")
    registries = tuple(_mirror(text, plain_http) for text in mirrors)
    installation = Installation(
        cluster=choices["cluster"],
        url=choices["url"],
        branch=choices["branch"],
        path=choices["folder"],
        interval=choices["interval"],
        secret=choices["secret"],
        registries=registries,
        replicas=choices["replicas"],
        tenant=choices["tenant"],
        namespaces=choices["namespaces"],
        name=choices["name"],
    )
    if only_print:
        click.echo(export(installation), nl=False)
        return 0
    import asyncio

    from reconciler.agent.applying import apply_objects

    def told(what: str) -> None:
        click.echo(what, err=True)

    asyncio.run(apply_objects(objects_of(installation), kubeconfig=kubeconfig, context=context, told=told))
    place = f" --fleetsync {installation.tenant}/{installation.name}" if installation.tenant else ""
    click.echo(f"installed; cluster {installation.cluster} follows {installation.url}. See: spinfleet status{place}")
    return 0


def _mirror(text: str, plain_http: bool) -> dict[str, Any]:
    prefix, equals, host = text.partition("=")
    if not equals or not prefix or not host:
        raise click.BadParameter("write PREFIX=HOST", param_hint="--registry-mirror")
    return {"prefix": prefix, "mirror": host, **({"plainHTTP": True} if plain_http else {})}
