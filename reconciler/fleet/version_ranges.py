"""Ranges of semantic versions as node-semver has them: what npm and Flux's image policies write (`^1.4`, `1.x`, `>=1.2.0 <2.0.0`)."""

from __future__ import annotations

from collections.abc import Iterable

from semantic_version import NpmSpec, Version

from reconciler.errors import InputError


def range_fault(text: str) -> str:
    """Say why a text is no range, or give an empty string."""
    try:
        NpmSpec(text)
    except ValueError:
        return f"{text!r} is not a range of semantic versions"
    return ""


def within(versions: Iterable[Version], allowed: str) -> frozenset[Version]:
    """Give the versions of a range. A pre-release counts only where the range names one of the same version (node-semver's rule).

    Raises InputError for a range that is none.
    """
    if fault := range_fault(allowed):
        raise InputError(fault, hint='as in "^1.4", "~1.4.2", "1.x" or ">=1.2.0 <2.0.0"')
    wanted = NpmSpec(allowed)
    return frozenset(each for each in versions if each in wanted)
