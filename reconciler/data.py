"""Files that ship with the package: schemas, deployment manifests, the example fleet."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """Give the folder `schemas`, `deploy` or `fleet-example`: packaged in a wheel, at the top of a checkout.

    Raises FileNotFoundError where neither is there, which means a broken installation.
    """
    for candidate in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the installation lacks its {name} folder; install spinfleet again")


@cache
def schema(name: str) -> dict[str, Any]:
    """Give the JSON Schema document `schemas/<name>.schema.json`."""
    document: dict[str, Any] = json.loads((folder("schemas") / f"{name}.schema.json").read_text(encoding="utf-8"))
    return document


@cache
def kubernetes_schemas() -> dict[str, Any]:
    """Give `schemas/kubernetes.json`: the built-in kinds of the supported Kubernetes versions (see maintain/kubernetes_schemas.py)."""
    document: dict[str, Any] = json.loads((folder("schemas") / "kubernetes.json").read_text(encoding="utf-8"))
    return document


@cache
def definitions() -> tuple[dict[str, Any], ...]:
    """Give the CustomResourceDefinitions that ship: SpinKube's and Spinfleet's own."""
    import yaml

    paths = sorted((folder("deploy") / "crds").glob("*.yaml"))
    return tuple(yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) for path in paths)
