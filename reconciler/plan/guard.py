"""The prune guard: what is not deleted before a person says yes, and how a yes is written down (design: "Prune guard")."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.plan.model import ObjectKey

#: On a FleetSync: approvals, by commas, each the digest of the list that may go, and after an `@` when it was given.
APPROVAL_ANNOTATION = "spinfleet.dev/approve-prune"
#: On a FleetSync, by its agent: the approvals that were used, latest last.
USED_ANNOTATION = "spinfleet.dev/approved-prunes"
_REMEMBERED = 20

#: Never pruned without an approval that names them: what they hold goes with them.
PROTECTED = frozenset(
    {
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
    }
)
_SMALL = 10


def list_digest(keys: Sequence[ObjectKey | str]) -> str:
    """Give the digest that an approval names: of the sorted list of what would go, a line for each as it is told to people."""
    return hashlib.sha256("\n".join(sorted(str(key) for key in keys)).encode()).hexdigest()


def held(going: int, members: int, *, max_objects: float | None, max_fraction: float | None) -> str:
    """Say why a prune of `going` of `members` objects is held, or give an empty string where it may go on.

    A fraction counts only where it stands for at least ten objects, so that small fleets can change.
    """
    if max_objects is not None and going > max_objects:
        return f"{going} objects would be pruned and the guard allows {max_objects:g}"
    if max_fraction is not None and going >= _SMALL and going > max_fraction * members:
        return f"{going} of {members} objects would be pruned and the guard allows {max_fraction:.0%}"
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """Objects, sorted, that go once a list with this digest is approved.

    `guarded`: they wait because they are so many, all or none. Else it is for what they hold, and each may be approved by itself.
    """

    reason: str
    keys: tuple[ObjectKey, ...]
    digest: str
    guarded: bool


def waiting(keys: Iterable[ObjectKey], reason: str, *, guarded: bool) -> Waiting:
    """Give what waits for an approval."""
    ordered = tuple(sorted(keys, key=str))
    return Waiting(reason=reason, keys=ordered, digest=list_digest(ordered), guarded=guarded)


def approved(lists: Iterable[Waiting], annotations: Mapping[str, str]) -> frozenset[ObjectKey]:
    """Give the objects that a FleetSync's annotations approve: of lists that wait, by approvals that were not used before."""
    used = set(_parts(annotations.get(USED_ANNOTATION, "")))
    digests = {
        token.partition("@")[0] for token in _parts(annotations.get(APPROVAL_ANNOTATION, "")) if token not in used
    }
    found: set[ObjectKey] = set()
    for each in lists:
        if each.digest in digests:
            found.update(each.keys)
        elif not each.guarded:
            found.update(key for key in each.keys if list_digest([key]) in digests)
    return frozenset(found)


def with_used(annotations: Mapping[str, str]) -> dict[str, str | None]:
    """Give the change to annotations by which the approvals that stand there are taken, never to count again."""
    tokens = _parts(annotations.get(APPROVAL_ANNOTATION, ""))
    used = [token for token in _parts(annotations.get(USED_ANNOTATION, "")) if token not in tokens]
    return {APPROVAL_ANNOTATION: None, USED_ANNOTATION: ",".join([*used, *tokens][-_REMEMBERED:])}


def _parts(text: str) -> list[str]:
    return [stripped for part in text.split(",") if (stripped := part.strip())]
