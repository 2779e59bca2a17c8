"""`spinfleet render`: what a cluster would get."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("apps", nargs=-1)
@click.option("--cluster", required=True, metavar="NAME", help="The cluster to render for.")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default=True,
    help="The fleet's folder.",
)
@click.option("--revision", metavar="REV", help="Render this commit, not the files.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["yaml", "json", "name"]),
    default="yaml",
    show_default=True,
    help="Form of the result.",
)
def render(apps: tuple[str, ...], cluster: str, path: Path, revision: str | None, form: str) -> int:
    """Show the objects that a cluster would get, in the order in which they are applied.

    APPS are names of apps or bundles (default: all). The YAML can be applied with kubectl as it is. A folder given in their place
    is taken as the fleet's. Exits with 1 where some of it can't be rendered.
    """
    from reconciler.cli.fleets import assignment_for, withheld_problems
    from reconciler.errors import InputError
    from reconciler.plan.model import key_of
    from reconciler.plan.order import rank
    from reconciler.render import render as render_assignment

    if len(apps) == 1 and Path(apps[0]).is_dir() and path == Path():
        path, apps = Path(apps[0]), ()
    assignment = assignment_for(path, cluster, revision)
    unknown = [name for name in apps if name not in assignment.units]
    if unknown:
        raise InputError(
            f"no app or bundle {unknown[0]!r} runs on {cluster}",
            hint=f"one of: {', '.join(assignment.units) or 'none'}",
        )
    rendered = render_assignment(assignment)
    chosen = [rendered[name] for name in rendered if not apps or name in apps]
    objects = sorted((dict(obj) for each in chosen for obj in each.objects), key=lambda obj: (rank(obj), key_of(obj)))
    if form == "name":
        for obj in objects:
            click.echo(str(key_of(obj)))
    elif form == "json":
        import json

        click.echo(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}, indent=2))
    else:
        from reconciler.agent.install import as_yaml

        click.echo(as_yaml(objects), nl=False)
    problems = [*withheld_problems(assignment), *(problem for each in chosen for problem in each.problems)]
    for problem in problems:
        click.echo(str(problem), err=True)
    return 1 if any(problem.severity == "error" for problem in problems) else 0
