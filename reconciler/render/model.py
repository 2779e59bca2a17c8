"""What rendering gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.plan.model import ObjectKey
from reconciler.problems import Problem
from reconciler.sops.sealed import Sealed

#: Owner of objects that several apps need: namespaces and executors (design: "Membership" and "Release").
SHARED = "_shared"

#: Annotations that every rendered object carries: the app, bundle or `_shared` it belongs to, and the file and line it came from.
APP_ANNOTATION = "spinfleet.dev/app"
SOURCE_ANNOTATION = "spinfleet.dev/source"
#: Annotations of a workload: the app's version, its artifact's digest, and the capabilities that its artifact was verified to have.
VERSION_ANNOTATION = "spinfleet.dev/version"
DIGEST_ANNOTATION = "spinfleet.dev/artifact-digest"
CAPABILITIES_ANNOTATION = "spinfleet.dev/capabilities"
#: Annotation of pods: a hash of the Git ids of what they read and SpinKube's operator does not watch.
INPUTS_ANNOTATION = "spinfleet.dev/inputs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """The objects of one app, bundle or `_shared`: plain dicts in apply order, or the problems that prevented them.

    With an error in `problems`, `objects` is empty and the unit is treated as withheld. `sealed` says of the objects that hold
    marks of encrypted values where those come from. `defaulted` are the objects whose namespace is their Bundle's default: where their
    kind turns out to have none they have none (plan.scope).
    """

    name: str
    objects: tuple[Mapping[str, Any], ...] = ()
    problems: tuple[Problem, ...] = ()
    sealed: Mapping[ObjectKey, Sealed] = field(default_factory=dict)
    defaulted: frozenset[ObjectKey] = frozenset()
