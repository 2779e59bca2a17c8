"""The prune guard: a commit that would delete much is held until a person says yes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from reconciler.plan.model import ObjectKey

#: Never pruned without an approval that names them (design: "Prune guard"): what they hold goes with them.
PROTECTED = frozenset(
    {
        ("", "Namespace"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
    }
)
_SMALL = 10


def list_digest(keys: Sequence[ObjectKey]) -> str:
    """Give the digest that an approval names: of the sorted list of what would go."""
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
