"""References to artifacts in registries, as fleet documents write them (source: distribution's reference grammar)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_HOST = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*|\[[0-9a-fA-F:]{2,39}\])"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REFERENCE = re.compile(
    rf"(?P<host>{_HOST}(?::[0-9]{{1,5}})?)/(?P<name>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>[a-z0-9]+:[0-9a-f]+))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LONGEST = 512


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a reference."""

    code: str
    message: str
    hint: str


def reference_fault(reference: str, artifacts: Mapping[str, Any]) -> Fault | None:
    """Say what is wrong with an artifact's reference under the fleet's `artifacts` rules, or give None."""
    found = _REFERENCE.fullmatch(reference) if len(reference) <= _LONGEST else None
    if found is None:
        message = f"{reference[:120]!r} is not a reference to an artifact"
        return Fault("app.artifact", message, "write host/name@sha256:…, as in ghcr.io/acme/checkout@sha256:…")
    host = found["host"]
    if not ("." in host or ":" in host or host == "localhost"):
        return Fault(
            "app.artifact", f"{host!r} is not a registry host", "write the registry in full: there is no default"
        )
    if found["digest"] is not None and _DIGEST.fullmatch(found["digest"]) is None:
        return Fault("app.artifact", "the digest is not sha256: and 64 hex digits", "copy it from `spin registry push`")
    if found["digest"] is None and artifacts.get("requireDigest", True):
        message = "the artifact has no digest, so what runs could change without a commit"
        return Fault("app.no-digest", message, "add @sha256:…, or set artifacts.requireDigest: false in the Fleet")
    registries = artifacts.get("registries")
    if registries is not None and not allowed(reference, registries):
        hint = f"push it to one of: {', '.join(registries)}; or extend artifacts.registries in the Fleet"
        return Fault("app.registry", f"{host}/{found['name']} is not in the fleet's artifacts.registries", hint)
    return None


def allowed(reference: str, prefixes: Iterable[str]) -> bool:
    """Tell whether one of the prefixes has the reference; a prefix ends on a `/`, `:` or `@` boundary."""
    return any(
        reference.startswith(prefix)
        and (prefix.endswith("/") or reference[len(prefix) : len(prefix) + 1] in {"", "/", ":", "@"})
        for prefix in prefixes
    )
