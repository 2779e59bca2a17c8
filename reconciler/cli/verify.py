"""`spinfleet verify`: an artifact, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.output import output_option, write

if TYPE_CHECKING:
    from reconciler.artifact.model import Expected, Verdict
    from reconciler.fleet.signature_rules import SignatureRule


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
    mirrors: tuple[str, ...],
    plain_http: bool,
    keys: tuple[Path, ...],
    identity: str | None,
    issuer: str | None,
    trust_root: Path | None,
    form: str,
) -> int:
    """Verify an artifact, given by reference or as an app of the fleet, with the agent's own steps.

    An app's signatures are held against the Fleet's rules; what its FleetSync asks besides, only the agent knows. Exits with 0 where it is verified, 1 where it is refused, 2 where verification could not be completed.
    """
    import asyncio

    rule = _rule(keys, identity, issuer, trust_root)
    subject = _subject(target, path, cluster, rule)
    from reconciler.artifact.access import RegistryAccess
    from reconciler.artifact.model import Outcome, Step, Verdict, VerdictStatus
    from reconciler.artifact.verify import Verifier
    from reconciler.local.binary import cache_folder

    entries = [mirror.partition("=") for mirror in mirrors]
    registries = [RegistryAccess(prefix=prefix, mirror=host, plain_http=plain_http) for prefix, _, host in entries]

    async def run() -> Verdict:
        if isinstance(subject, Verdict):
            return subject
        async with Verifier(registries=registries, cache=cache_folder() / "verdicts") as verifier:
            return await verifier.verify(subject.reference, subject.expected)

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
            who = f": {step.detail}" if step.step is Step.SIGNATURE and step.outcome is Outcome.PASSED else ""
            click.echo(f"{marks[step.outcome]} {step.step}{who}")
        for warning in verdict.warnings:
            click.echo(f"{click.style('warning', fg='yellow')}: {warning}")
        click.echo(f"{verdict.status}: {verdict.reference}" + (f"\n  {verdict.message}" if verdict.message else ""))
        if verdict.hint:
            click.echo(f"  hint: {verdict.hint}")
    return {VerdictStatus.VERIFIED: 0, VerdictStatus.REFUSED: 1}.get(verdict.status, 2)


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


def _subject(target: str, path: Path, cluster: str | None, rule: SignatureRule | None) -> _Subject | Verdict:
    """Tell what is to be verified, and against what; a verdict where the Fleet's policy has decided already."""
    from reconciler.artifact.model import Expected

    rules = (rule,) if rule is not None else ()
    if "/" in target:
        return _Subject(reference=target, expected=Expected(require_digest=False, signatures=rules))
    from reconciler.agent.artifact_policy import wanted
    from reconciler.agent.fleetsync import Policy
    from reconciler.artifact.model import Verdict, VerdictStatus
    from reconciler.artifact.reference import parse_reference
    from reconciler.cli.fleets import sound_fleet
    from reconciler.errors import ArtifactError, InputError
    from reconciler.fleet import assign
    from reconciler.fleet.model import AppAssignment

    fleet = sound_fleet(path)
    definition = fleet.apps.get(target)
    if definition is None:
        raise InputError(
            f"there is no app {target!r} in {path}",
            hint=f"one of: {', '.join(sorted(fleet.apps)) or 'none'}; a reference has a / in it",
        )
    reference, application, spin = str(definition.spec.get("artifact", "")), definition.application, None
    if cluster is not None:
        unit = assign(fleet, cluster).units.get(target)
        if not isinstance(unit, AppAssignment):
            raise InputError(
                f"app {target!r} does not run on {cluster}, or is not valid", hint="see spinfleet validate"
            )
        reference, application, spin = unit.spec["artifact"], unit.application, fleet.clusters[cluster].spec.get("spin")
    artifacts = fleet.spec.get("artifacts") or {}
    try:
        asked = wanted(parse_reference(reference), artifacts, fleet.signatures, Policy(require_digest=False))
    except ArtifactError as error:
        return Verdict(
            status=VerdictStatus.REFUSED, reference=reference, code=error.code, message=error.message, hint=error.hint
        )
    expected = Expected(
        require_digest=False, application=application, spin=spin, signatures=(*asked.signatures, *rules)
    )
    return _Subject(reference=reference, expected=expected)
