"""Which artifacts of an app follow newer versions, and what a registry's tags mean for each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from reconciler.fleet.artifact_reference import Reference, read
from reconciler.fleet.model import Fleet
from reconciler.fleet.overrides import layers_of, merged
from reconciler.promote.promotion import Aim, app_of, written_at
from reconciler.promote.versions import newest, version_of_tag


@dataclass(frozen=True, kw_only=True, slots=True)
class Followed:
    """An artifact with a policy: where it is written, the text there, and the range of versions it may move to."""

    aim: Aim
    artifact: str
    allowed: str


class Standing(StrEnum):
    """How an artifact stands to its policy."""

    CURRENT = "current"
    NEWER = "newer"
    AHEAD = "ahead"
    NO_TAG = "no-tag"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What a registry has for an artifact: the newest tag of its range, empty where it has none."""

    standing: Standing
    tag: str = ""


def followed(fleet: Fleet, name: str) -> Iterator[Followed]:
    """Give the artifacts of an app that have a policy: the document's, with the fleet's defaults, and those of overrides with one of their own."""
    app = app_of(fleet, name)
    base = merged(layers_of(fleet, app, None))
    own = (base.get("artifactPolicy") or {}).get("semver")
    if own:
        aim = Aim(app=name, keep_overrides=True)
        yield Followed(aim=aim, artifact=str(base.get("artifact") or ""), allowed=own)
    for override in app.spec.get("overrides") or ():
        allowed = (override["spec"].get("artifactPolicy") or {}).get("semver")
        if allowed:
            aim = Aim(app=name, selector=override["clusters"])
            yield Followed(aim=aim, artifact=written_at(fleet, aim), allowed=allowed)


def standing(artifact: str, allowed: str, tags: Iterable[str], *, version: str = "") -> Found:
    """Hold an artifact against the tags of its repository. `version` is what it says of itself, where its reference has no tag.

    Where its version is not known, whether the newest one is another is told by digests alone: by whoever can ask for them.
    """
    latest = newest(tags, allowed)
    if latest is None:
        return Found(standing=Standing.NO_TAG)
    reference = read(artifact)
    tag = reference.tag if isinstance(reference, Reference) else ""
    running = version_of_tag(tag or version)
    if running is not None and latest.version < running:
        return Found(standing=Standing.AHEAD, tag=latest.tag)
    if running is not None and latest.version == running:
        return Found(standing=Standing.CURRENT, tag=latest.tag)
    return Found(standing=Standing.NEWER, tag=latest.tag)
