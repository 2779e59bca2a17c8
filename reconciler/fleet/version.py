"""The version of an app or bundle: what it is in Git, the same in every cluster (design: "Release").

Spinfleet's own defaults stay out of it, so that agents of different releases agree on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

_POLICY = "artifactPolicy"


def released(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give an App's spec without what only people's commands read: changing that releases nothing."""
    overrides = spec.get("overrides")
    if isinstance(overrides, list) and any(_POLICY in (each.get("spec") or ()) for each in overrides):
        spec = {**spec, "overrides": [{**each, "spec": _without_policy(each.get("spec") or {})} for each in overrides]}
    return _without_policy(spec) if _POLICY in spec else spec


def _without_policy(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in spec.items() if key != _POLICY}


def version_of(kind: str, name: str, spec: Mapping[str, Any], blobs: Sequence[str]) -> str:
    """Give the version: 64 hex digits over the document after the fleet's defaults, with its overrides and its artifact's
    digest in it, and the Git ids of the blobs it reads. What a cluster makes of it (variables, which overrides match) stays out.
    """
    content = json.dumps([kind, name, spec, blobs], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
