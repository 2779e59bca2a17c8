"""`spinfleet verify`: an artifact, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.artifact.model import Verdict
    from reconciler.manifest.model import Application


_DASH = "\N{EN DASH}"


@click.command()
@click.argument("target", metavar="REF|APP")
@click.option(
    "--path",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    show_default=True,
    help="The fleet's folder, where APP is named.",
)
@click.option("--cluster", metavar="NAME", help="Take the app as this cluster has it.")
@click.option(
    "--registry-mirror", "mirrors", multiple=True, metavar="PREFIX=HOST", help="Ask HOST for artifacts of PREFIX."
)
@click.option("--plain-http", is_flag=True, help="Reach the mirrors over plain HTTP.")
@output_option
def verify(target: str, path: Path, cluster: str | None, mirrors: tuple[str, ...], plain_http: bool, form: str) -> int:
    """Verify an artifact, given by reference or as an app of the fleet, with the agent's own steps.

    Exits with 0 where it is verified, 1 where it is refused, 2 where verification could not be completed.
    """
    import asyncio

    reference, application, spin = _subject(target, path, cluster)
    from reconciler.artifact.access import RegistryAccess
    from reconciler.artifact.model import Expected
    from reconciler.artifact.verify import Verifier
    from reconciler.local.binary import cache_folder

    entries = [mirror.partition("=") for mirror in mirrors]
    registries = [RegistryAccess(prefix=prefix, mirror=host, plain_http=plain_http) for prefix, _, host in entries]

    async def run() -> Verdict:
        expected = Expected(require_digest=False, application=application, spin=spin)
        async with Verifier(registries=registries, cache=cache_folder() / "verdicts") as verifier:
            return await verifier.verify(reference, expected)

    from reconciler.artifact.model import Outcome, VerdictStatus

    marks = {
        Outcome.PASSED: click.style("✓", fg="green"),
        Outcome.NOT_ASKED: _DASH,
        Outcome.NOT_REACHED: _DASH,
        Outcome.REFUSED: click.style("✗", fg="red"),
        Outcome.INCOMPLETE: click.style("?", fg="yellow"),
    }
    verdict = asyncio.run(run())
    if form != "text":
        write(verdict.to_json(), form)
    else:
        for step in verdict.steps:
            click.echo(f"{marks[step.outcome]} {step.step}")
        for warning in verdict.warnings:
            click.echo(f"{click.style('warning', fg='yellow')}: {warning}")
        click.echo(f"{verdict.status}: {verdict.reference}" + (f"\n  {verdict.message}" if verdict.message else ""))
        if verdict.hint:
            click.echo(f"  hint: {verdict.hint}")
    return {VerdictStatus.VERIFIED: 0, VerdictStatus.REFUSED: 1}.get(verdict.status, 2)


def _subject(target: str, path: Path, cluster: str | None) -> tuple[str, Application | None, str | None]:
    """Tell what is to be verified, and against what."""
    if "/" in target:
        return target, None, None
    from reconciler.cli.fleets import sound_fleet
    from reconciler.errors import InputError
    from reconciler.fleet import assign
    from reconciler.fleet.model import AppAssignment

    fleet = sound_fleet(path)
    definition = fleet.apps.get(target)
    if definition is None:
        raise InputError(
            f"there is no app {target!r} in {path}",
            hint=f"one of: {', '.join(sorted(fleet.apps)) or 'none'}; a reference has a / in it",
        )
    if cluster is None:
        return str(definition.spec.get("artifact", "")), definition.application, None
    unit = assign(fleet, cluster).units.get(target)
    if not isinstance(unit, AppAssignment):
        raise InputError(f"app {target!r} does not run on {cluster}, or is not valid", hint="see spinfleet validate")
    return unit.spec["artifact"], unit.application, fleet.clusters[cluster].spec.get("spin")
