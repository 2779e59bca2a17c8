"""`spinfleet verify`: an artifact, step by step."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.folder import folder_option
from reconciler.cli.output import output_option, write
from reconciler.cli.registries import RegistryOptions, registry_options

if TYPE_CHECKING:
    from reconciler.artifact.access import RegistryAccess
    from reconciler.artifact.model import Expected, Verdict
    from reconciler.fleet.signature_rules import SignatureRule


_DASH = "\N{EN DASH}"
_SPIN = re.compile(r"v?\d{1,6}\.\d{1,6}(\.\d{1,6})?", re.ASCII)


@click.command()
@click.argument("target", metavar="REF|APP")
@folder_option("The fleet's folder, where APP is named.")
@click.option("--cluster", metavar="NAME", help="Take the app as this cluster has it.")
@click.option("--spin", metavar="VERSION", help="A reference must run on this version of Spin, such as 3.6.")
@click.option("--no-cache", is_flag=True, help="Look at everything anew, and remember nothing.")
@registry_options
@click.option(
    "--key", "keys", multiple=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="A reference must be signed by this PEM public key, or another --key.",
)  # fmt: skip
@click.option("--identity", metavar="SUBJECT", help="A reference must be signed, keyless, by this subject of --issuer.")
@click.option("--issuer", metavar="URL", help="OIDC issuer that vouches for --identity.")
@click.option(
    "--trust-root", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE",
    help="Trust root of --identity; without it, that of Sigstore's public instance.",
)  # fmt: skip
@output_option
def verify(
    target: str,
    path: Path,
    cluster: str | None,
    spin: str | None,
    no_cache: bool,
    registries: RegistryOptions,
    keys: tuple[Path, ...],
    identity: str | None,
    issuer: str | None,
    trust_root: Path | None,
    form: str,
) -> int:
    """Verify an artifact, given by reference or as an app of the fleet, with the agent's own steps.

    A tag is resolved, and the digest to pin is printed. An app's signatures are held against the Fleet's rules; what its FleetSync asks
    besides, only the agent knows. Exits with 0 where it is verified, 1 where it is refused, 2 where it could not be completed.
    """
    import asyncio

    rule = _rule(keys, identity, issuer, trust_root)
    subject = _subject(target, path, cluster, spin, rule)
    from reconciler.artifact.model import Verdict, VerdictStatus

    if isinstance(subject, Verdict):
        verdict = subject
    else:
        verdict = asyncio.run(
            _verified(subject, registries.entries(subject.reference, named=_is_reference(target)), no_cache=no_cache)
        )
    if form == "text":
        _show(verdict)
    else:
        write({**verdict.to_json(), "pinned": _pinned(verdict)}, form)
    return {VerdictStatus.VERIFIED: 0, VerdictStatus.REFUSED: 1}.get(verdict.status, 2)


async def _verified(subject: _Subject, entries: tuple[RegistryAccess, ...], *, no_cache: bool) -> Verdict:
    import tempfile

    from reconciler.artifact.verify import Verifier
    from reconciler.local.binary import cache_folder

    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder) if no_cache else cache_folder() / "verdicts"
        async with Verifier(registries=entries, cache=cache) as verifier:
            return await verifier.verify(subject.reference, subject.expected)


def _show(verdict: Verdict) -> None:
    """Print every step with what it found; on a terminal also how long it took."""
    from reconciler.artifact.model import Outcome

    marks = {
        Outcome.PASSED: click.style("✓", fg="green"),
        Outcome.REFUSED: click.style("✗", fg="red"),
        Outcome.INCOMPLETE: click.style("?", fg="yellow"),
        Outcome.NOT_ASKED: _DASH,
        Outcome.NOT_REACHED: _DASH,
    }
    timed = sys.stdout.isatty()
    for step in verdict.steps:
        took = "known" if step.known else f"{step.seconds:.2f} s" if step.seconds >= 0.005 else ""
        detail = " ".join(filter(None, (step.detail, f"({took})" if timed and took else "")))
        click.echo(f"{marks[step.outcome]} {step.step:<9} {detail}".rstrip())
        if step.code and step.hint:
            click.echo(f"            hint: {step.hint}")
    for warning in verdict.warnings:
        click.echo(f"{click.style('warning', fg='yellow')}: {warning}")
    color = {"Verified": "green", "Refused": "red"}.get(str(verdict.status), "yellow")
    code = f" [{verdict.code}]" if verdict.code else ""
    click.echo(f"{click.style(str(verdict.status), fg=color)}: {verdict.reference}{code}")
    if (pinned := _pinned(verdict)) and pinned != verdict.reference:
        click.echo(f"  to pin what was looked at, write  artifact: {pinned}")


def _pinned(verdict: Verdict) -> str:
    """Give the reference with the digest of what was looked at; empty where that was not learnt."""
    return f"{verdict.reference.partition('@')[0]}@{verdict.digest}" if verdict.digest else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Subject:
    """What is to be verified, and against what."""

    reference: str
    expected: Expected


def _rule(
    keys: tuple[Path, ...], identity: str | None, issuer: str | None, trust_root: Path | None
) -> SignatureRule | None:
    """Give the rule that the options make; None where they ask for no signature."""
    from reconciler.errors import InputError
    from reconciler.fleet.signature_rules import SignatureRule, SignerIdentity, SigningKey
    from reconciler.public_keys import load_public_key

    if (identity is None) != (issuer is None):
        raise InputError(
            "--identity and --issuer belong together", hint="give both: anyone can be an identity of some issuer"
        )
    if not keys and identity is None:
        return None
    for key in keys:
        try:
            load_public_key(key.read_bytes())
        except InputError as error:
            raise InputError(f"{key}: {error.message}", hint=error.hint) from error
    identities = (SignerIdentity(issuer=issuer or "", subject=identity),) if identity is not None else ()
    return SignatureRule(
        match="**",
        keys=tuple(SigningKey(name=str(key), pem=key.read_text(encoding="utf-8")) for key in keys),
        identities=identities,
        trust_root=trust_root.read_text(encoding="utf-8") if trust_root is not None else "",
    )


def _is_reference(target: str) -> bool:
    """Tell a reference from the name of an app, which has none of these characters."""
    return any(each in target for each in "/:@")


def _subject(
    target: str, path: Path, cluster: str | None, spin: str | None, rule: SignatureRule | None
) -> _Subject | Verdict:
    """Tell what is to be verified, and against what; a verdict where the Fleet's policy has decided already."""
    from reconciler.artifact.model import Expected
    from reconciler.errors import ArtifactError, InputError

    if spin is not None and not _SPIN.fullmatch(spin):
        raise InputError(f"--spin {spin!r} is not a version of Spin", hint="as in --spin 3.6")
    rules = (rule,) if rule is not None else ()
    if _is_reference(target):
        return _Subject(reference=target, expected=Expected(require_digest=False, signatures=rules, spin=spin))
    if spin is not None:
        raise InputError("--spin is for references", hint="an app's Spin version is that of its --cluster")
    from reconciler.artifact.checklist import refusal
    from reconciler.artifact.sources import CommitFiles
    from reconciler.cli.expectations import expected_of_app
    from reconciler.cli.fleets import open_tree, sound_fleet
    from reconciler.fleet import assign
    from reconciler.fleet.model import AppAssignment, AppDefinition

    fleet = sound_fleet(path)
    definition = fleet.apps.get(target)
    if definition is None:
        raise InputError(
            f"there is no app {target!r} in {path}",
            hint=f"one of: {', '.join(sorted(fleet.apps)) or 'none'}; a reference has a / in it",
        )
    app: AppDefinition | AppAssignment = definition
    if cluster is not None:
        unit = assign(fleet, cluster).units.get(target)
        if not isinstance(unit, AppAssignment):
            raise InputError(
                f"app {target!r} does not run on {cluster}, or is not valid", hint="see spinfleet validate"
            )
        app = unit
    reference = str(app.spec.get("artifact", ""))
    try:
        expected = expected_of_app(fleet, CommitFiles(open_tree(path)), app, reference, cluster or "")
    except ArtifactError as error:
        return refusal(reference, error)
    return _Subject(reference=reference, expected=replace(expected, signatures=(*expected.signatures, *rules)))
