"""`spinfleet render`: what a cluster would get."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.folder import folder_option

if TYPE_CHECKING:
    from reconciler.plan.model import ObjectKey


@dataclass(frozen=True, slots=True)
class Place:
    """What is said of where an object comes from: whose it is, and file, line and field as text."""

    owner: str
    text: str


@click.command()
@click.argument("apps", nargs=-1)
@click.option("--cluster", required=True, metavar="NAME", help="The cluster to render for.")
@folder_option()
@click.option("--revision", metavar="REV", help="Render this commit, not the files.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["yaml", "json", "tree", "name"]),
    default="yaml",
    show_default=True,
    help="Form of the result.",
)
@click.option("--with-source", is_flag=True, help="Name the file, line and field that asked for each object.")
def render(
    apps: tuple[str, ...], cluster: str, path: Path, revision: str | None, form: str, *, with_source: bool
) -> int:
    """Show the objects that a cluster would get, in the order in which they are applied.

    APPS are names of apps or bundles (default: all). The YAML can be applied with kubectl as it is. A folder given in their place
    is taken as the fleet's. Exits with 1 where some of it can't be rendered.
    """
    from reconciler.cli.fleets import assignment_for, withheld_problems
    from reconciler.errors import InputError
    from reconciler.plan.model import key_of
    from reconciler.plan.order import rank
    from reconciler.render import render as render_assignment
    from reconciler.render.sources import sources

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
    found = sources(assignment, rendered) if with_source or form == "tree" else {}
    at = f" at {assignment.commit[:12]}" if assignment.commit else ""
    places = {key: Place(source.owner, f"{source}{at}") for key, source in found.items()}
    click.echo(_FORMS[form](objects, places), nl=False)
    problems = [*withheld_problems(assignment), *(problem for each in chosen for problem in each.problems)]
    for problem in problems:
        click.echo(str(problem), err=True)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _as_names(objects: Sequence[Mapping[str, Any]], found: Mapping[ObjectKey, Place]) -> str:
    from reconciler.plan.model import key_of

    keys = [key_of(obj) for obj in objects]
    width = max((len(str(key)) for key in keys), default=0)
    return "".join(f"{key!s:<{width}}  {found[key].text}\n" if key in found else f"{key}\n" for key in keys)


def _as_json(objects: Sequence[Mapping[str, Any]], found: Mapping[ObjectKey, Place]) -> str:
    """One list that kubectl applies; sources stand in an annotation, which the cluster never gets of the agent."""
    import json

    from reconciler.plan.model import key_of

    items = [_annotated(obj, found[key_of(obj)].text) if found else obj for obj in objects]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=2) + "\n"


def _as_yaml(objects: Sequence[Mapping[str, Any]], found: Mapping[ObjectKey, Place]) -> str:
    """Documents that kubectl applies; sources stand in a comment before each."""
    from reconciler.agent.install import as_yaml
    from reconciler.plan.model import key_of

    if not found:
        return as_yaml(objects)
    return "---\n".join(f"# {found[key_of(obj)].text}\n{as_yaml([obj])}" for obj in objects)


def _as_tree(objects: Sequence[Mapping[str, Any]], found: Mapping[ObjectKey, Place]) -> str:
    """Objects below the app, bundle or `_shared` that they belong to."""
    from reconciler.plan.model import key_of

    by_owner: dict[str, list[Any]] = {}
    for key in map(key_of, objects):
        by_owner.setdefault(found[key].owner, []).append(key)
    lines = []
    for owner, keys in sorted(by_owner.items()):
        lines.append(owner)
        width = max(len(str(key)) for key in keys)
        for key in keys:
            branch = "└─" if key is keys[-1] else "├─"
            lines.append(f"{branch} {key!s:<{width}}  {found[key].text}")
    return "".join(f"{line}\n" for line in lines)


def _annotated(obj: Mapping[str, Any], source: str) -> dict[str, Any]:
    metadata = obj["metadata"]
    annotations = {**(metadata.get("annotations") or {}), "spinfleet.dev/source": source}
    return {**obj, "metadata": {**metadata, "annotations": annotations}}


_FORMS: dict[str, Callable[[Sequence[Mapping[str, Any]], Mapping[ObjectKey, Place]], str]] = {
    "name": _as_names,
    "json": _as_json,
    "yaml": _as_yaml,
    "tree": _as_tree,
}
