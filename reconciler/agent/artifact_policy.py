"""What artifacts must be, by the Fleet and by the FleetSync: each is asked by itself, and the stricter wins. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reconciler.agent.fleetsync import Policy
from reconciler.artifact.access import reaches
from reconciler.artifact.compile_policy import compile_policy
from reconciler.artifact.model import Expected
from reconciler.artifact.reference import Reference, prefix_matches
from reconciler.artifact.sources import Sources
from reconciler.errors import ArtifactError
from reconciler.fleet.clusters import spin_version
from reconciler.fleet.signature_rules import SignatureRule, first_match
from reconciler.manifest.model import Application

_STRICTEST_FIRST = ("Deny", "Warn", "Allow")
#: Codes (and beginnings of codes) of refusals by policy. What an artifact turns out to hold is none.
_DENIALS = (
    "artifact.registry", "artifact.no-digest", "artifact.unsigned", "artifact.undeclared-capability", "artifact.signature-",
    "artifact.attestation-",
)  # fmt: skip


def denied(code: str) -> bool:
    """Tell whether a refusal is one by policy: only such a one ends a release that already runs (design, invariant 1)."""
    return code.startswith(_DENIALS)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is left to verify of an artifact that policy lets pass: rules that its signatures must keep, each by itself."""

    signatures: tuple[SignatureRule, ...] = ()
    warnings: tuple[str, ...] = ()


def wanted(
    reference: Reference, artifacts: Mapping[str, Any], signatures: Sequence[SignatureRule], policy: Policy
) -> Wanted:
    """Hold a reference against `Fleet.spec.artifacts` (`signatures`: its rules, read in) and the FleetSync's policy. Raises ArtifactError."""
    registries = artifacts.get("registries")
    if registries is not None and not any(prefix_matches(prefix, reference) for prefix in registries):
        raise ArtifactError(
            "artifact.registry",
            f"{reference.registry}/{reference.repository} is not under the Fleet's artifacts.registries",
            hint="push it there, or list its prefix",
        )
    if policy.registries is not None and not any(reaches(entry.prefix, reference) for entry in policy.registries):
        raise ArtifactError(
            "artifact.registry",
            f"{reference.registry}/{reference.repository} is not under the FleetSync's policy.registries",
            hint="push it there, or have whoever installs the agent add its prefix to the FleetSync",
        )
    if not reference.digest and (artifacts.get("requireDigest", True) or policy.require_digest):
        raise ArtifactError(
            "artifact.no-digest",
            f"{reference}: a tag can be moved; a digest is required",
            hint="write registry/name@sha256:…",
        )
    if len(policy.floor) != len(policy.signatures):
        raise ArtifactError("artifact.signature-policy", "the FleetSync's signature rules have not been read")
    place = reference.registry, reference.repository
    own, floor = first_match(signatures, *place), first_match(policy.floor, *place)
    rules = tuple(dict.fromkeys(rule for rule in (own, floor) if rule is not None))
    level = unsigned(artifacts, policy, own=own is not None, floor=floor is not None)
    if level == "Deny":
        raise _unsigned(reference, policy, own=own is not None)
    return Wanted(
        signatures=rules, warnings=("no rule asks for a signature, and none was verified",) if level == "Warn" else ()
    )


def expected_of(
    asked: Wanted, artifacts: Mapping[str, Any], application: Application | None, app: Mapping[str, Any],
    cluster: Mapping[str, Any], sources: Sources | None,
) -> Expected:  # fmt: skip
    """Give what is asked of an app's artifact on a cluster: by policy, by its spin.toml and its files, by the cluster's Spin."""
    return Expected(
        require_digest=False,  # `wanted` has looked, with both policies at hand
        application=application,
        components=tuple(app.get("components") or ()),
        spin=spin_version(cluster),
        signatures=asked.signatures,
        compile=compile_policy(artifacts.get("compile")),
        undeclared=artifacts.get("undeclaredCapabilities", "Allow"),
        sources=sources,
    )


def unsigned(artifacts: Mapping[str, Any], policy: Policy, *, own: bool = False, floor: bool = False) -> str:
    """Give what becomes of an artifact in so far as no rule is for it: Deny beats Warn beats Allow.

    `own` and `floor` tell whether a rule of the Fleet and of the FleetSync is for it; a rule that is must be kept anyway. The Fleet
    is content with either's rule. A FleetSync with rules is content with its own alone, and denies what they leave out unless
    its `unsigned` says otherwise; one without leaves signatures to the repository.
    """
    said = {"Allow"}
    if not own and not floor:
        said.add(artifacts.get("unsigned", "Deny"))
    if not floor and (policy.signatures or not own):
        said.add(policy.unsigned or ("Deny" if policy.signatures else "Allow"))
    return next(level for level in _STRICTEST_FIRST if level in said)


def _unsigned(reference: Reference, policy: Policy, *, own: bool) -> ArtifactError:
    name = f"{reference.registry}/{reference.repository}"
    if own or policy.signatures:
        return ArtifactError(
            "artifact.unsigned",
            f"no rule of the FleetSync's policy.signatures is for {name}, and the FleetSync denies what they leave out",
            hint="have whoever installs the agent add a rule for it to the FleetSync",
        )
    return ArtifactError(
        "artifact.unsigned",
        f"no rule for signatures is for {name}, and unsigned artifacts are denied",
        hint="add a rule with the signer's key to artifacts.signatures in the Fleet, or set artifacts.unsigned: Allow to trust the digests in Git",
    )
