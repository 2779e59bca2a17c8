"""What `promote` and `update` share: a changed fleet is looked at, its new artifacts are verified, then it becomes one commit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli.folder import folder_option
from reconciler.cli.registries import RegistryOptions

if TYPE_CHECKING:
    from reconciler.artifact.model import Verdict
    from reconciler.artifact.verify import Verifier
    from reconciler.fleet import LoadCache
    from reconciler.fleet.model import Fleet, Unit
    from reconciler.git.committing import Checkout, Committed
    from reconciler.promote.promotion import Aim, Promotion
    from reconciler.tree import Tree

_OPTIONS = (
    folder_option("The fleet's folder, in a clone of its repository."),
    click.option(
        "--no-verify", is_flag=True, help="Write artifacts without verifying them; the agents verify them all the same."
    ),
    click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing."),
    click.option("--no-commit", is_flag=True, help="Change the files, and commit nothing."),
    click.option("--push", is_flag=True, help="Push the commit to the branch's remote."),
    click.option(
        "--branch", is_flag=False, flag_value="", metavar="NAME", default=None,
        help="Commit on a new branch (without NAME: one named for the change) and push it; what is checked out stays.",
    ),
    click.option("--open-pr", is_flag=True, help="Open a pull request on GitHub for the new branch; needs GITHUB_TOKEN."),
    click.option("--message", metavar="TEXT", help="The commit's message, in place of one that says what changed."),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Publishing:
    """The options' values: what becomes of the change."""

    dry_run: bool
    no_commit: bool
    push: bool
    branch: str | None
    open_pr: bool
    message: str | None

    @property
    def commits(self) -> bool:
        """True where a commit is to be made."""
        return not (self.dry_run or self.no_commit)


def publishing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one argument `publishing`."""
    from functools import wraps

    @wraps(command)
    def gathered(*arguments: Any, **more: Any) -> Any:
        names = ("dry_run", "no_commit", "push", "branch", "open_pr", "message")
        chosen = Publishing(**{name: more.pop(name) for name in names})
        if chosen.no_commit and (chosen.push or chosen.branch is not None or chosen.open_pr):
            raise click.UsageError("--no-commit goes with none of --push, --branch and --open-pr")
        return command(*arguments, publishing=chosen, **more)

    decorated: Callable[..., Any] = gathered
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


@dataclass(kw_only=True, slots=True)
class Draft:
    """A fleet's folder with edits that are not written yet. `tree` and `fleet` are as they would be after them."""

    folder: Path
    tree: Tree
    fleet: Fleet
    promotions: list[Promotion] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    _cache: LoadCache
    _errors: frozenset[tuple[str, str, str]]

    @classmethod
    def of(cls, folder: Path) -> Draft:
        """Open a fleet's folder. Raises InputError where it can't be read."""
        from reconciler.cli.fleets import open_tree
        from reconciler.errors import InputError
        from reconciler.fleet import LoadCache, load

        cache, tree = LoadCache(), open_tree(folder)
        loaded = load(tree, cache=cache)
        if loaded.fleet is None:
            raise InputError(
                f"the fleet in {folder} can't be read", problems=loaded.commit_problems, hint="see spinfleet validate"
            )
        return cls(folder=folder, tree=tree, fleet=loaded.fleet, _cache=cache, _errors=_errors_of(loaded.problems))

    def promote(self, aim: Aim, artifact: str) -> Promotion:
        """Take up one more edit. Raises InputError where it can't be made, or would make the fleet invalid: then nothing is taken up."""
        from reconciler.errors import InputError
        from reconciler.fleet import load
        from reconciler.promote.overlay import Overlay
        from reconciler.promote.promotion import promotion

        made = promotion(self.fleet, self.tree, aim, artifact)
        if made.data == self.tree.read(made.path):
            return made
        tree = Overlay(self.tree, {made.path: made.data})
        loaded = load(tree, cache=self._cache)
        new = _errors_of(loaded.problems) - self._errors
        told = [each for each in loaded.problems if _told(each) in new]
        told += self._withheld(loaded.fleet, made)
        if told or loaded.fleet is None:
            raise InputError(f"{aim.app} would not be valid with {artifact}", problems=told)
        self.tree, self.fleet = tree, loaded.fleet
        self.files[made.path] = made.data
        self.promotions.append(made)
        return made

    def state(self) -> tuple[Tree, Fleet, dict[str, bytes], list[Promotion]]:
        """Give what `restore` takes back."""
        return self.tree, self.fleet, dict(self.files), list(self.promotions)

    def restore(self, state: tuple[Tree, Fleet, dict[str, bytes], list[Promotion]]) -> None:
        """Be again what it was."""
        self.tree, self.fleet, self.files, self.promotions = state

    def _withheld(self, after: Fleet | None, made: Promotion) -> list[Any]:
        """Give the errors that an app would have on a cluster that gets another artifact, and has not now."""
        from reconciler.fleet.model import Withheld

        found: dict[tuple[str, str, str], Any] = {}
        if after is None:
            return []
        clusters = [change.cluster for change in made.changed]
        now, then = units_of(self.fleet, made.app, clusters), units_of(after, made.app, clusters)
        for cluster in clusters:
            before, unit = now[cluster], then[cluster]
            known = _errors_of(before.problems) if isinstance(before, Withheld) else frozenset()
            if isinstance(unit, Withheld):
                found |= {_told(each): each for each in unit.problems if _told(each) not in known}
        return list(found.values())


async def verified(verifier: Verifier, draft: Draft, made: Promotion) -> list[Verdict]:
    """Verify what a promotion brings to each cluster as its agent would; one verdict for each reference and policy refusal."""
    from reconciler.artifact.checklist import refusal
    from reconciler.artifact.model import VerdictStatus
    from reconciler.artifact.sources import CommitFiles
    from reconciler.cli.expectations import expected_of_app
    from reconciler.errors import ArtifactError
    from reconciler.fleet.model import AppAssignment

    order = (VerdictStatus.VERIFIED, VerdictStatus.INCOMPLETE, VerdictStatus.REFUSED)
    files, units = CommitFiles(draft.tree), units_of(draft.fleet, made.app, [each.cluster for each in made.changed])
    worst: dict[str, Verdict] = {}
    for change in made.changed:
        unit = units[change.cluster]
        if not isinstance(unit, AppAssignment):
            continue  # it is withheld there already, and stays so
        try:
            expected = expected_of_app(draft.fleet, files, unit, change.new, change.cluster)
            verdict = await verifier.verify(change.new, expected)
        except ArtifactError as error:
            verdict = refusal(change.new, error)
        known = worst.get(change.new)
        if known is None or order.index(verdict.status) > order.index(known.status):
            worst[change.new] = verdict
    return list(worst.values())


def units_of(fleet: Fleet, app: str, clusters: Sequence[str]) -> dict[str, Unit | None]:
    """Give an app as each of these clusters gets it; what the fleet brings to clusters is found out once."""
    from reconciler.fleet.assign import assign_here, here
    from reconciler.fleet.brought import Bearing

    bearing = Bearing(fleet)
    return {name: assign_here(fleet, here(fleet, name, bearing), app) for name in clusters}


def registry_entries(registries: RegistryOptions, references: Sequence[str], *, named: bool) -> tuple[Any, ...]:
    """Give how registries are reached for several references."""
    found = [entry for each in references for entry in registries.entries(each, named=named)]
    return tuple({entry.prefix: entry for entry in found}.values())


def published(
    draft: Draft, publishing: Publishing, *, branch: str, title: str, body: str
) -> tuple[Committed | None, str]:
    """Write the files and commit them as the options say; gives the commit and the URL of the pull request.

    Raises InputError and UnavailableError; what git refuses leaves the files as they were.
    """
    from reconciler.git.committing import Checkout

    if publishing.dry_run or not draft.files:
        return None, ""
    files = {draft.folder / path: data for path, data in draft.files.items()}
    if publishing.no_commit:
        for path, data in files.items():
            path.write_bytes(data)
        return None, ""
    checkout = Checkout(draft.folder)
    checkout.check_clean(list(files))
    message = publishing.message or f"{title}\n\n{body}"
    if publishing.branch is None and not publishing.open_pr:
        return checkout.commit(files, message, push=publishing.push), ""
    return _on_branch(checkout, files, message, publishing, publishing.branch or branch)


def _on_branch(
    checkout: Checkout, files: Mapping[Path, bytes], message: str, publishing: Publishing, name: str
) -> tuple[Committed, str]:
    from reconciler.errors import InputError, UnavailableError
    from reconciler.github.pull_requests import open_pull_request, repository_of

    remote = checkout.remote
    # Before anything is pushed: a branch without its pull request would have to be cleaned up by hand.
    repository = repository_of(checkout.url(remote)) if publishing.open_pr else None
    target = checkout.target(remote) if repository is not None else ""
    if checkout.has_branch(name, remote):
        raise InputError(
            f"there is a branch {name} already: was this proposed before?",
            hint="merge or delete it, or give another name with --branch NAME",
        )
    made = checkout.commit_on(name, files, message, push=True)
    if repository is None:
        return made, ""
    title, _, body = message.partition("\n\n")
    try:
        return made, open_pull_request(repository, head=name, base=target, title=title, body=body)
    except UnavailableError as error:
        raise UnavailableError(
            f"the branch {name} is pushed, and no pull request was opened: {error.message}"
        ) from error


def _errors_of(problems: Sequence[Any]) -> frozenset[tuple[str, str, str]]:
    from reconciler.problems import Severity

    return frozenset(_told(each) for each in problems if each.severity is Severity.ERROR)


def _told(problem: Any) -> tuple[str, str, str]:
    """What makes two problems the same where lines have moved."""
    return problem.path, problem.code, problem.message
