"""Which clusters a selector names: Kubernetes' label selector rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.merge_patch import merge_patch
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster, Fleet


def selects(selector: Mapping[str, Any], cluster: Cluster) -> bool:
    """Tell whether a selector ({names, matchLabels, matchExpressions}) matches. All that stands must hold; empty matches every cluster."""
    names = selector.get("names")
    if names is not None and cluster.name not in names:
        return False
    if any(cluster.labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(rule, cluster.labels) for rule in selector.get("matchExpressions") or ())


def placed(placement: Mapping[str, Any] | None, cluster: Cluster) -> bool:
    """Tell whether a placement ({clusters: selector, names}) has this cluster; no placement means every cluster."""
    if not placement:
        return True
    names = placement.get("names")
    if names is not None and cluster.name not in names:
        return False
    return selects(placement.get("clusters") or {}, cluster)


def placement_of(fleet: Fleet, definition: AppDefinition | BundleDefinition) -> Any:
    """Give a document's placement; an App's is merged with the one of the fleet's defaults."""
    placement = definition.spec.get("placement")
    defaults = fleet.spec.get("defaults") or {}
    if isinstance(definition, AppDefinition) and (placement is None or "placement" in defaults):
        return merge_patch(defaults.get("placement"), placement or {})
    return placement


def may_be_placed(placement: Any, cluster: Cluster) -> bool:
    """Tell whether a document means this cluster. Where its placement can't be read, it might."""
    try:
        return placed(placement, cluster)
    except (AttributeError, KeyError, TypeError, ValueError):
        return True


def _holds(rule: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = rule["key"], rule.get("values") or ()
    match rule["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            # As Kubernetes has it: a missing label is not in the list.
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def selector_faults(selector: Mapping[str, Any], pointer: str) -> Iterator[tuple[str, str]]:
    """Give pointer and message of each rule that Kubernetes would refuse: In and NotIn need values, the others take none."""
    for index, rule in enumerate(selector.get("matchExpressions") or ()):
        if (rule["operator"] in {"In", "NotIn"}) != bool(rule.get("values")):
            words = "needs values" if rule["operator"] in {"In", "NotIn"} else "takes no values"
            yield f"{pointer}/matchExpressions/{index}", f"operator {rule['operator']} {words}"
