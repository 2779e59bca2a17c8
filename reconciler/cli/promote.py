"""`spinfleet promote`: move an app to another artifact, in its document."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.output import output_option, write
from reconciler.cli.proposing import Publishing, publishing_options
from reconciler.cli.registries import RegistryOptions, registry_options

if TYPE_CHECKING:
    from reconciler.artifact.model import Verdict
    from reconciler.cli.proposing import Draft
    from reconciler.git.committing import Committed
    from reconciler.promote.promotion import Aim, Promotion


@click.command()
@click.argument("app")
@click.option(
    "--to", metavar="DIGEST|TAG|REF", help="The artifact: another digest or tag of the same name, or a whole reference."
)
@click.option("--from-cluster", metavar="NAME", help="The artifact that this cluster has in Git.")
@click.option(
    "--where",
    metavar="KEY=VALUE[,…]",
    help="Only for clusters with these labels: edits or adds the override for exactly them.",
)
@click.option("--cluster", "clusters", multiple=True, metavar="NAME", help="Only for this cluster (again for more).")
@click.option(
    "--keep-overrides", is_flag=True, help="Leave clusters as they are whose override names an artifact of its own."
)
@publishing_options
@registry_options
@output_option
def promote(
    app: str,
    to: str | None,
    from_cluster: str | None,
    where: str | None,
    clusters: tuple[str, ...],
    keep_overrides: bool,
    no_verify: bool,
    path: Path,
    publishing: Publishing,
    registries: RegistryOptions,
    form: str,
) -> int:
    """Have APP run another artifact: its document is edited in place, and the change is one commit.

    A tag is resolved to its digest. The artifact is verified as the agents of all clusters that get it would, and nothing is written
    unless it passes. Exits with 0 where the change was made or is not needed, 1 where the artifact is refused or the fleet would
    not be valid, 2 where it could not be done.
    """
    import asyncio

    from reconciler.artifact.model import VerdictStatus
    from reconciler.cli.proposing import Draft
    from reconciler.promote.promotion import Aim

    if (to is None) == (from_cluster is None):
        raise click.UsageError("say what to promote: either --to or --from-cluster")
    aim = Aim(app=app, selector=selector_of(where, clusters), keep_overrides=keep_overrides)
    draft = Draft.of(path)
    made, verdicts = asyncio.run(_drafted(draft, aim, to, from_cluster, registries, no_verify=no_verify))
    good = all(each.status is VerdictStatus.VERIFIED for each in verdicts)
    commit, url = None, ""
    if good:
        commit, url = published(draft, made, publishing)
    result = {
        **_as_json(made),
        "verified": [each.to_json() for each in verdicts],
        "written": good and bool(draft.files) and not publishing.dry_run,
        "commit": commit.commit if commit is not None else None,
        "branch": commit.branch if commit is not None else None,
        "pushedTo": (commit.remote or None) if commit is not None else None,
        "pullRequest": url or None,
    }
    if form == "text":
        _show(made, verdicts, commit, url, publishing, written=good, unverified=no_verify)
    else:
        write(result, form)
    return 0 if good else 1 if any(each.status is VerdictStatus.REFUSED for each in verdicts) else 2


def selector_of(where: str | None, clusters: tuple[str, ...]) -> dict[str, Any] | None:
    """Give the selector of the override that the options mean; None for the document itself. Raises click.UsageError."""
    if where is not None and clusters:
        raise click.UsageError("--where and --cluster exclude one another")
    if clusters:
        return {"names": list(dict.fromkeys(clusters))}
    if where is None:
        return None
    labels = {}
    for part in where.split(","):
        key, equals, value = part.strip().partition("=")
        if not key or not equals:
            raise click.UsageError(f"--where {where!r} is not KEY=VALUE[,KEY=VALUE…], as in env=prod")
        labels[key] = value
    return {"matchLabels": labels}


def published(draft: Draft, made: Promotion, publishing: Publishing) -> tuple[Committed | None, str]:
    """Write and commit a promotion."""
    from reconciler.cli import proposing

    title = f"Promote {made.app} to {shortened(made.new)}"
    body = "\n".join(f"{each.cluster}: {shortened(each.old)} → {shortened(each.new)}" for each in made.changed[:100])
    branch = f"spinfleet/promote-{made.app}-{shortened(made.new).rpartition(':')[2].rpartition('@')[2]}"
    return proposing.published(draft, publishing, branch=branch, title=title, body=body)


def shortened(reference: str) -> str:
    """Give a reference as people tell artifacts of one name apart: by tag, else by the beginning of the digest."""
    name, _, digest = reference.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return tag or (digest[: len("sha256:") + 12] if digest else reference)


async def _drafted(
    draft: Draft, aim: Aim, to: str | None, from_cluster: str | None, registries: RegistryOptions, *, no_verify: bool
) -> tuple[Promotion, list[Verdict]]:
    from reconciler.artifact.verify import Verifier
    from reconciler.cli.proposing import registry_entries, verified
    from reconciler.local.binary import cache_folder
    from reconciler.promote.promotion import artifacts_at

    asked = _asked(draft, aim, to, from_cluster)
    named = to is not None and "/" in to
    places = [asked] if named else [*artifacts_at(draft.fleet, aim), asked]
    async with Verifier(
        registries=registry_entries(registries, places, named=named), cache=cache_folder() / "verdicts"
    ) as verifier:
        made = draft.promote(aim, await _pinned(verifier, draft, aim, asked))
        return made, [] if no_verify else await verified(verifier, draft, made)


def _asked(draft: Draft, aim: Aim, to: str | None, from_cluster: str | None) -> str:
    """Give the reference that is asked for, as it would be written; it may have a tag alone. Raises InputError."""
    from reconciler.errors import InputError
    from reconciler.fleet.artifact_reference import Fault, digest_fault, read
    from reconciler.promote.promotion import app_of, artifact_on, retargeted, written_at
    from reconciler.schema_check import closest

    if from_cluster is not None:
        cluster = draft.fleet.clusters.get(from_cluster)
        if cluster is None:
            hint = closest(from_cluster, sorted(draft.fleet.clusters)) or "see spinfleet validate"
            raise InputError(f"the fleet has no cluster {from_cluster!r}", hint=hint)
        return artifact_on(draft.fleet, app_of(draft.fleet, aim.app), cluster)
    to = to or ""
    current = written_at(draft.fleet, aim)
    if "/" in to:
        asked = to
    elif ":" in to:
        if fault := digest_fault(to):
            raise InputError(f"--to {to!r} is no digest: {fault}", hint="write sha256:…, a tag, or a whole reference")
        asked = retargeted(current, digest=to)
    else:
        asked = retargeted(current, tag=to)
    found = read(asked) if "${" not in asked else None
    if isinstance(found, Fault):
        raise InputError(f"--to {to!r}: {found.message}", hint=found.hint)
    if found is not None and not found.tag and not found.digest:
        raise InputError(f"--to {to!r} has neither tag nor digest", hint="add one of them")
    return asked


async def _pinned(verifier: Any, draft: Draft, aim: Aim, asked: str) -> str:
    """Give a reference with its digest: a tag is looked up, where variables stand in it for one of the clusters that are meant."""
    from reconciler.promote.promotion import filled_for

    if "@" in asked:
        return asked
    digest, _ = await verifier.resolve(filled_for(draft.fleet, aim, asked))
    return f"{asked}@{digest}"


def _as_json(made: Promotion) -> dict[str, Any]:
    return {
        "app": made.app, "file": made.path, "line": made.line, "via": made.via, "old": made.old, "new": made.new,
        "clusters": [{"cluster": each.cluster, "old": each.old, "new": each.new} for each in made.changes],
    }  # fmt: skip


def _show(
    made: Promotion,
    verdicts: list[Verdict],
    commit: Committed | None,
    url: str,
    publishing: Publishing,
    *,
    written: bool,
    unverified: bool,
) -> None:
    show_verdicts(verdicts)
    if unverified and made.changed:
        click.echo(f"{click.style('warning', fg='yellow')}: {made.new} was not verified", err=True)
    click.echo(f"{made.path}:{made.line} ({made.via})")
    show_changes(made)
    show_outcome(
        commit,
        url,
        publishing,
        written=written,
        changed=bool(made.changed),
    )


def show_verdicts(verdicts: list[Verdict]) -> None:
    """Print of each artifact whether it is verified; of one that is not, each step that failed."""
    for verdict in verdicts:
        status = str(verdict.status)
        color = {"Verified": "green", "Refused": "red"}.get(status, "yellow")
        click.echo(f"{click.style(status, fg=color)}: {verdict.reference}")
        for step in verdict.steps:
            if step.code:
                click.echo(f"  {step.step}: {step.detail} [{step.code}]")
                if step.hint:
                    click.echo(f"    hint: {step.hint}")
        for warning in verdict.warnings:
            click.echo(f"  {click.style('warning', fg='yellow')}: {warning}")


def show_changes(made: Promotion) -> None:
    """Print the artifact of each cluster before and after."""
    width = max((len(each.cluster) for each in made.changes), default=0)
    same = [each for each in made.changes if each.old == each.new]
    for each in made.changed:
        click.echo(f"  {each.cluster:<{width}}  {shortened(each.old)} → {shortened(each.new)}")
    if same:
        names = ", ".join(each.cluster for each in same[:10]) + (
            f" and {len(same) - 10} more" if len(same) > 10 else ""
        )
        click.echo(f"  no change: {names}")


def show_outcome(commit: Committed | None, url: str, publishing: Publishing, *, written: bool, changed: bool) -> None:
    """Print what became of the change."""
    if not written:
        click.echo("nothing was written", err=True)
    elif commit is not None:
        pushed = f", pushed to {commit.remote}" if commit.remote else ""
        click.echo(f"committed {commit.commit[:12]} on {commit.branch}{pushed}")
    elif not changed:
        click.echo("nothing to do")
    else:
        click.echo("dry run: nothing was written" if publishing.dry_run else "written, not committed")
    if url:
        click.echo(f"pull request: {url}")
