"""The health of live objects: of SpinApps read off the Deployments that the SpinKube operator makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.plan.health import health, spinapp_health
from reconciler.plan.health_rules import HealthRules
from reconciler.plan.model import HealthResult, ObjectKey

GROUP = "core.spinkube.dev"
#: The label that the operator puts on the Deployments it makes.
APP_LABEL = "core.spinkube.dev/app-name"
_SPEC = ("image", "replicas", "enableAutoscaling", "variables", "executor")


@dataclass(kw_only=True, slots=True)
class SpinApps:
    """Keeps the few fields of SpinApps and of their Deployments that decide, as JSON bytes: dicts would take six times the memory.

    `has_deployment` tells, by namespace and executor name, whether SpinApps of that executor get a Deployment. `rules` are the Fleet's
    for other kinds.
    """

    has_deployment: Callable[[str, str], bool]
    rules: HealthRules = field(default_factory=dict)
    _apps: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _deployments: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def health_of(self, obj: Mapping[str, Any]) -> HealthResult:
        """Give the health of any live object; a SpinApp's fields are kept for when its Deployment changes."""
        if obj["kind"] != "SpinApp" or not str(obj["apiVersion"]).startswith(f"{GROUP}/"):
            return health(obj, self.rules)
        metadata = obj["metadata"]
        place = (metadata["namespace"], metadata["name"])
        self._apps[place] = _packed(
            {
                "metadata": _some(metadata, ("name", "namespace", "uid", "deletionTimestamp")),
                "spec": _some(obj["spec"], _SPEC),
            }
        )
        return self._judge(place)

    def deployment(self, obj: Mapping[str, Any]) -> tuple[ObjectKey, HealthResult] | None:
        """Take a changed Deployment; gives the SpinApp that it tells about and its health now, where that is known."""
        metadata = obj["metadata"]
        place = (metadata["namespace"], metadata["name"])
        self._deployments[place] = _packed(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": _some(metadata, ("name", "namespace", "generation", "ownerReferences")),
                "spec": {
                    "replicas": obj["spec"].get("replicas", 1),
                    "template": {
                        "spec": {
                            "containers": [
                                _some(each, ("image", "env"))
                                for each in obj["spec"]["template"]["spec"]["containers"][:1]
                            ]
                        }
                    },
                },
                "status": obj.get("status") or {},
            }
        )
        return self._told(place)

    def deployment_gone(self, key: ObjectKey) -> tuple[ObjectKey, HealthResult] | None:
        """Take a Deployment that is no more."""
        self._deployments.pop((key.namespace, key.name), None)
        return self._told((key.namespace, key.name))

    def complete(self, present: frozenset[tuple[str, str]]) -> list[ObjectKey]:
        """Take a complete list: gives the keys of Deployments that were known and are not in it."""
        return [ObjectKey("apps", "Deployment", *place) for place in self._deployments if place not in present]

    def _told(self, place: tuple[str, str]) -> tuple[ObjectKey, HealthResult] | None:
        return (ObjectKey(GROUP, "SpinApp", *place), self._judge(place)) if place in self._apps else None

    def _judge(self, place: tuple[str, str]) -> HealthResult:
        app = json.loads(self._apps[place])
        packed = self._deployments.get(place)
        deployment = json.loads(packed) if packed is not None else None
        return spinapp_health(
            app, deployment, has_deployment=self.has_deployment(place[0], app["spec"].get("executor", ""))
        )


def _packed(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _some(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}
