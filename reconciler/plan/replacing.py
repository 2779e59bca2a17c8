"""What the API server will not change in place: told as such, and made anew only where the object itself asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from reconciler.plan.guard import PROTECTED
from reconciler.plan.model import ObjectKey

#: On an object, live or in Git: `Allowed` has it deleted and made anew where a field of it can't be changed.
RECREATE_ANNOTATION = "spinfleet.dev/recreate"
ALLOWED = "Allowed"

#: How the API server says so (k8s.io/kubernetes, pkg/apis/*/validation, and the transition rules of custom kinds as people write them).
_IMMUTABLE = re.compile(
    r"immutable|may not (be )?changed?|can(not|'t) (be )?(changed?|updated?|modified)|updates to .* are forbidden|updates may not change",
    re.IGNORECASE,
)


def is_immutable(message: str) -> bool:
    """Tell whether a refusal (HTTP 422) is for a field that can't be changed once it is set."""
    return _IMMUTABLE.search(message) is not None


def may_replace(key: ObjectKey, *objects: Mapping[str, Any] | None) -> bool:
    """Tell whether an object may be deleted and made anew: it asks for it, and nothing that it holds would go with it."""
    asked = any(
        (obj["metadata"].get("annotations") or {}).get(RECREATE_ANNOTATION) == ALLOWED
        for obj in objects
        if obj is not None
    )
    return asked and (key.group, key.kind) not in PROTECTED


def how_to_replace(key: ObjectKey) -> str:
    """Say what a person can do about a field that can't be changed."""
    if (key.group, key.kind) in PROTECTED:
        return f"take the change back in Git, or replace the object by hand: a {key.kind} is never deleted for it, since what it holds would go too"
    return f"take the change back in Git, or annotate the object with {RECREATE_ANNOTATION}={ALLOWED} to have it deleted and made anew"
