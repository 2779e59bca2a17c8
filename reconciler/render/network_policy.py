"""network becomes a NetworkPolicy; `egress: fromManifest` opens what the manifest's retained components may reach.

It is never narrower than the manifest: what a NetworkPolicy can't say (names of hosts, wildcards, values that only the cluster
knows) opens that port to everywhere, with a warning, or is refused with `unsayable: Refuse`. Source: networking.k8s.io/v1.
"""

from __future__ import annotations

import json
from typing import Any

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.destinations import Destination, destinations
from reconciler.render.places import problem_at, warning_at
from reconciler.render.spinkube import pods_of

_DNS = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}


def network_policy(app: AppAssignment, problems: list[Problem]) -> dict[str, Any]:
    """Give the NetworkPolicy of the app's pods."""
    wanted = app.spec["network"]
    spec: dict[str, Any] = {"podSelector": pods_of(app.name), "policyTypes": []}
    if "ingress" in wanted:
        spec["policyTypes"].append("Ingress")
        spec["ingress"] = wanted["ingress"]
    if "egress" in wanted:
        spec["policyTypes"].append("Egress")
        spec["egress"] = _egress(app, problems) if wanted["egress"] == "fromManifest" else wanted["egress"]
    metadata = {"name": app.name, "namespace": app.namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _egress(app: AppAssignment, problems: list[Problem]) -> list[dict[str, Any]]:
    refuse = app.spec["network"].get("unsayable") == "Refuse"
    rules: dict[str, dict[str, Any]] = {}
    for destination in destinations(app):
        if destination.unsayable:
            problems.append(_unsayable(app, destination, refuse=refuse))
        rule = _rule(destination)
        rules[json.dumps(rule, sort_keys=True)] = rule
    return [_DNS, *(rules[text] for text in sorted(rules))]


def _unsayable(app: AppAssignment, destination: Destination, *, refuse: bool) -> Problem:
    opened = f"port {destination.first_port}" if destination.first_port else "every port"
    message = f"a NetworkPolicy can't say {destination.written!r} ({destination.unsayable})"
    if refuse:
        hint = "write spec.network.egress yourself, or allow it with unsayable: Open"
        return problem_at(app, "/network/egress", "render.network", message, hint)
    hint = "set network.unsayable: Refuse to have this refused"
    return warning_at(
        app, "/network/egress", "render.network-open", f"{message}, so {opened} is open to everywhere", hint
    )


def _rule(destination: Destination) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if destination.block:
        rule["to"] = [{"ipBlock": {"cidr": destination.block}}]
    elif destination.pods is not None:
        namespace = {"kubernetes.io/metadata.name": destination.pods.namespace}
        pods = {"matchLabels": dict(sorted(destination.pods.labels.items()))}
        rule["to"] = [{"namespaceSelector": {"matchLabels": namespace}, "podSelector": pods}]
    if destination.first_port:
        port: dict[str, Any] = {"protocol": "TCP", "port": destination.first_port}
        if destination.last_port != destination.first_port:
            port["endPort"] = destination.last_port
        rule["ports"] = [port]
    return rule
