"""`spinfleet explain`: each value of an app, and where it comes from."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.folder import folder_option
from reconciler.cli.output import output_option, write


@click.command()
@click.argument("app")
@click.option("--cluster", required=True, metavar="NAME", help="The cluster.")
@folder_option()
@output_option
def explain(app: str, cluster: str, path: Path, form: str) -> int:
    """Show each value of an APP as a cluster gets it: file, line, and the default or override that set it."""
    from reconciler.cli.fleets import assignment_for
    from reconciler.errors import InputError
    from reconciler.fleet.model import AppAssignment, Origin
    from reconciler.fleet.overrides import leaves

    assignment = assignment_for(path, cluster)
    unit = assignment.units.get(app)
    if not isinstance(unit, AppAssignment):
        raise InputError(
            f"no valid app {app!r} runs on {cluster}",
            hint=f"one of: {', '.join(assignment.units) or 'none'}; see spinfleet validate",
        )
    rows = []
    for pointer, value in leaves(unit.spec):
        origin = unit.origins.get(pointer, Origin(via="default"))
        place = ":".join(str(part) for part in (origin.path, origin.line) if part)
        rows.append({"field": pointer, "value": value, "via": origin.via, "place": place})
    if form != "text":
        write(rows, form)
        return 0
    width = max((len(row["field"]) for row in rows), default=0)
    for row in rows:
        click.echo(
            f"{row['field']:<{width}}  {row['value']!s:<40}  {row['via']}{' (' + row['place'] + ')' if row['place'] else ''}"
        )
    return 0
