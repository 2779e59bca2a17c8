"""Which tag of a repository an app's policy would have it take."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from semantic_version import Version

from reconciler.fleet.version_ranges import within


@dataclass(frozen=True, kw_only=True, slots=True)
class Tagged:
    """A tag and the version that it says."""

    tag: str
    version: Version


def version_of_tag(tag: str) -> Version | None:
    """Read a tag as a version; a `v` before it counts for nothing. None where it is no full semantic version."""
    try:
        return Version(tag.removeprefix("v"))
    except ValueError:
        return None


def newest(tags: Iterable[str], allowed: str) -> Tagged | None:
    """Give the tag with the highest version of a range, or None; of two spellings of one version, the one without a `v`.

    Raises InputError for a range that is none.
    """
    versions = {tag: version for tag in tags if (version := version_of_tag(tag)) is not None}
    taken = within(versions.values(), allowed)
    found = [Tagged(tag=tag, version=version) for tag, version in versions.items() if version in taken]
    return max(found, key=lambda each: (each.version, not each.tag.startswith("v")), default=None)
