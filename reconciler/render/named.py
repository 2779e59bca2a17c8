"""Variables and options as SpinKube lists them: {name, value} or {name, valueFrom}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def named(name: str, value: Mapping[str, Any] | str) -> dict[str, Any]:
    """Give one entry; `secretKeyRef` alone is short for `valueFrom.secretKeyRef`."""
    if isinstance(value, str):
        return {"name": name, "value": value}
    if "secretKeyRef" in value:
        return {"name": name, "valueFrom": {"secretKeyRef": value["secretKeyRef"]}}
    return {"name": name, **value}
