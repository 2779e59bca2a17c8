"""The version of an app or bundle: what it is in Git, the same in every cluster (design: "Release").

Spinfleet's own defaults stay out of it, so that agents of different releases agree on it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def version_of(kind: str, name: str, spec: Mapping[str, Any], blobs: Sequence[str]) -> str:
    """Give the version: 64 hex digits over the document after the fleet's defaults, with its overrides and its artifact's
    digest in it, and the Git ids of the blobs it reads. What a cluster makes of it (variables, which overrides match) stays out.
    """
    content = json.dumps([kind, name, spec, blobs], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
