"""`spinfleet update`: newer artifacts, by each app's own policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.output import output_option, write
from reconciler.cli.proposing import Publishing, publishing_options
from reconciler.cli.registries import RegistryOptions, registry_options

if TYPE_CHECKING:
    from reconciler.artifact.model import Verdict
    from reconciler.artifact.verify import Verifier
    from reconciler.cli.proposing import Draft
    from reconciler.promote.following import Followed
    from reconciler.promote.promotion import Promotion


@click.command()
@click.argument("apps", nargs=-1, metavar="[APP…]")
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="List what is newer, and change nothing; exits with 1 where something is.",
)
@publishing_options
@registry_options
@output_option
def update(
    apps: tuple[str, ...],
    only_check: bool,
    no_verify: bool,
    path: Path,
    publishing: Publishing,
    registries: RegistryOptions,
    form: str,
) -> int:
    """Move apps (without APP, all that have an artifactPolicy) to the newest version that their policy allows.

    Registries are asked for tags; a newer artifact is verified before anything is written, and one that is refused is left out. All that
    change make one commit. Exits with 0, or with --check 1 where something is newer; 1 where one is refused, 2 where a registry could not be asked.
    """
    import asyncio

    from reconciler.cli.proposing import Draft

    draft = Draft.of(path)
    rows = asyncio.run(_rows(draft, apps, registries, apply=not only_check, no_verify=no_verify))
    commit, url = None, ""
    if not only_check and draft.files:
        commit, url = _published(draft, publishing)
    if form == "text":
        _show(rows, only_check=only_check)
        if not only_check:
            from reconciler.cli.promote import show_outcome

            show_outcome(commit, url, publishing, written=True, changed=bool(draft.files))
    else:
        write(
            {
                "artifacts": [row.to_json() for row in rows],
                "commit": commit.commit if commit is not None else None,
                "branch": commit.branch if commit is not None else None,
                "pullRequest": url or None,
            },
            form,
        )
    if any(row.state == "unavailable" for row in rows):
        return 2
    return 1 if any(row.state == "refused" or (only_check and row.state == "newer") for row in rows) else 0


@dataclass(kw_only=True, slots=True)
class Row:
    """What was found of one artifact: `state` is current, newer, updated, ahead, no-tag, refused or unavailable."""

    followed: Followed
    state: str
    tag: str = ""
    new: str = ""
    message: str = ""
    promotion: Promotion | None = None

    def to_json(self) -> dict[str, Any]:
        """Give the fields of the public JSON format."""
        selector = self.followed.aim.selector
        return {
            "app": self.followed.aim.app, "clusters": dict(selector) if selector is not None else None,
            "artifact": self.followed.artifact, "semver": self.followed.allowed, "state": self.state,
            "newest": self.tag or None, "new": self.new or None, "message": self.message or None,
        }  # fmt: skip


async def _rows(
    draft: Draft, apps: tuple[str, ...], registries: RegistryOptions, *, apply: bool, no_verify: bool
) -> list[Row]:
    from reconciler.artifact.verify import Verifier
    from reconciler.cli.proposing import registry_entries
    from reconciler.errors import InputError
    from reconciler.local.binary import cache_folder
    from reconciler.promote.following import followed
    from reconciler.promote.promotion import artifacts_at

    found = [each for name in apps or sorted(draft.fleet.apps) for each in followed(draft.fleet, name)]
    without = sorted(set(apps) - {each.aim.app for each in found})
    if without:
        raise InputError(
            f"no artifactPolicy: {', '.join(without)}", hint='add  artifactPolicy: {semver: "^1.4"}  to the app\'s spec'
        )
    places = [place for each in found for place in artifacts_at(draft.fleet, each.aim)]
    entries = registry_entries(registries, places, named=False)
    rows = []
    async with Verifier(registries=entries, cache=cache_folder() / "verdicts") as verifier:
        tags: dict[str, tuple[str, ...]] = {}
        for each in found:
            row = await _looked_up(verifier, draft, each, tags)
            if apply and row.state == "newer":
                await _apply(verifier, draft, row, no_verify=no_verify)
            rows.append(row)
    return rows


async def _looked_up(verifier: Verifier, draft: Draft, each: Followed, tags: dict[str, tuple[str, ...]]) -> Row:
    """Ask the registry what is newest. What could not be asked for fails its own row, and no other."""
    from reconciler.errors import ArtifactError, UnavailableError
    from reconciler.fleet.artifact_reference import Reference, read
    from reconciler.promote.following import Standing, standing
    from reconciler.promote.promotion import filled_for, retargeted

    reference = read(filled_for(draft.fleet, each.aim, each.artifact))
    if not isinstance(reference, Reference):
        return Row(followed=each, state="refused", message=reference.message)
    try:
        if reference.name not in tags:
            tags[reference.name] = await verifier.tags(reference.name)
        version = "" if reference.tag else (await verifier.resolve(str(reference)))[1]
        found = standing(str(reference), each.allowed, tags[reference.name], version=version)
        row = Row(followed=each, state=str(found.standing), tag=found.tag)
        if found.standing is Standing.NEWER:
            digest, _ = await verifier.resolve(f"{reference.name}:{found.tag}")
            if digest == reference.digest:
                row.state = str(Standing.CURRENT)
            row.new = retargeted(each.artifact, tag=found.tag, digest=digest)
    except (ArtifactError, UnavailableError) as error:
        state = "unavailable" if isinstance(error, UnavailableError) else "refused"
        return Row(followed=each, state=state, message=error.message)
    return row


async def _apply(verifier: Verifier, draft: Draft, row: Row, *, no_verify: bool) -> None:
    """Verify a newer artifact and take its edit up; one that is refused leaves the draft as it was."""
    from reconciler.artifact.model import VerdictStatus
    from reconciler.cli.proposing import verified
    from reconciler.errors import InputError

    before = draft.state()
    try:
        row.promotion = draft.promote(row.followed.aim, row.new)
    except InputError as error:
        row.state, row.message = "refused", "; ".join([error.message, *(str(each) for each in error.problems)])
        return
    verdicts: list[Verdict] = [] if no_verify else await verified(verifier, draft, row.promotion)
    bad = [each for each in verdicts if each.status is not VerdictStatus.VERIFIED]
    if not bad:
        row.state = "updated"
        return
    draft.restore(before)
    row.promotion = None
    row.state = "refused" if any(each.status is VerdictStatus.REFUSED for each in bad) else "unavailable"
    row.message = "; ".join(f"{step.step}: {step.detail}" for each in bad for step in each.steps if step.code)


def _published(draft: Draft, publishing: Publishing) -> tuple[Any, str]:
    from reconciler.cli import proposing
    from reconciler.cli.promote import shortened

    lines = [f"{each.app}: {shortened(each.old)} → {shortened(each.new)}" for each in draft.promotions]
    apps = sorted({each.app for each in draft.promotions})
    only = draft.promotions[0]
    title = (
        f"Update {only.app} to {shortened(only.new)}" if len(draft.promotions) == 1 else f"Update {', '.join(apps[:3])}"
    )
    title += f" and {len(apps) - 3} more" if len(apps) > 3 else ""
    import hashlib

    # The same change has the same name: one that is proposed already is not proposed again.
    told = hashlib.sha256("\n".join(each.new for each in draft.promotions).encode()).hexdigest()[:10]
    return proposing.published(draft, publishing, branch=f"spinfleet/update-{told}", title=title, body="\n".join(lines))


def _show(rows: list[Row], *, only_check: bool) -> None:
    from reconciler.cli.promote import shortened

    if not rows:
        click.echo("no app has an artifactPolicy", err=True)
        return
    words = {
        "current": "up to date", "newer": "newer" if only_check else "newer, not taken", "updated": "updated",
        "ahead": "ahead of its policy", "no-tag": "no tag of its policy", "refused": "refused", "unavailable": "not to be had",
    }  # fmt: skip
    table = [("APP", "WHERE", "HAS", "POLICY", "NEWEST", "")]
    for row in rows:
        each = row.followed
        table.append(
            (each.aim.app, _where(each), shortened(each.artifact), each.allowed, row.tag or "-", words[row.state])
        )
    widths = [max(len(line[column]) for line in table) for column in range(5)]
    for line, found in zip(table, [None, *rows], strict=True):
        click.echo(
            "  ".join([*(f"{text:<{width}}" for text, width in zip(line[:5], widths, strict=True)), line[5]]).rstrip()
        )
        if found is not None and found.message:
            click.echo(f"  {found.message}")


def _where(each: Followed) -> str:
    selector = each.aim.selector
    if selector is None:
        return "everywhere"
    labels = selector.get("matchLabels") or {}
    return (
        ", ".join([*(f"{key}={value}" for key, value in labels.items()), *(selector.get("names") or ())]) or "override"
    )
