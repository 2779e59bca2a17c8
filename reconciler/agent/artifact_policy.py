"""What artifacts must be, by the Fleet and by the FleetSync: both must allow, the stricter wins. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.agent.fleetsync import Policy
from reconciler.artifact.reference import Reference, prefix_matches
from reconciler.errors import ArtifactError

_STRICTEST_FIRST = ("Deny", "Warn", "Allow")


def unsigned(artifacts: Mapping[str, Any], policy: Policy) -> str:
    """Give what becomes of artifacts without a verified signature: Deny beats Warn beats Allow; the Fleet's default is Deny."""
    said = {artifacts.get("unsigned", "Deny"), policy.unsigned or "Allow"}
    return next(level for level in _STRICTEST_FIRST if level in said)


def check(reference: Reference, artifacts: Mapping[str, Any], policy: Policy) -> tuple[str, ...]:
    """Hold a reference against `Fleet.spec.artifacts` and the FleetSync's policy; gives warnings. Raises ArtifactError.

    Signatures are not verified yet, so nothing counts as signed: where unsigned artifacts are denied, every one is (fail closed).
    """
    registries = artifacts.get("registries")
    if registries is not None and not any(prefix_matches(prefix, reference) for prefix in registries):
        raise ArtifactError(
            "artifact.registry",
            f"{reference.registry}/{reference.repository} is not under the Fleet's artifacts.registries",
            hint="push it there, or list its prefix",
        )
    if not reference.digest and (artifacts.get("requireDigest", True) or policy.require_digest):
        raise ArtifactError(
            "artifact.no-digest",
            f"{reference}: a tag can be moved; a digest is required",
            hint="write registry/name@sha256:…",
        )
    level = unsigned(artifacts, policy)
    if level == "Deny" or artifacts.get("signatures") or policy.signatures:
        raise ArtifactError(
            "artifact.unsigned",
            "no signature was verified, and the policy denies unsigned artifacts",
            hint="this version does not verify signatures: set artifacts.unsigned: Allow and no signatures in the Fleet to trust digests in Git",
        )
    return ("no signature was verified",) if level == "Warn" else ()
