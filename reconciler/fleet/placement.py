"""Which clusters a selector names: Kubernetes' label selector rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.model import Cluster


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
