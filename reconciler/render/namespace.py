"""namespaceLabels of the apps of a namespace become the labels of the Namespace."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.fleet.model import AppAssignment


def namespace_labels(apps: Iterable[AppAssignment]) -> dict[str, str]:
    """Give the labels that the apps of one namespace ask for together; of two values the first app's counts."""
    labels: dict[str, str] = {}
    for app in apps:
        for key, value in sorted((app.spec.get("namespaceLabels") or {}).items()):
            labels.setdefault(key, value)
    return labels
