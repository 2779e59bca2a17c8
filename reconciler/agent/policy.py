"""What a FleetSync lets its repository write. Pure: the agent asks before any request is made."""

from __future__ import annotations

from reconciler.agent.fleetsync import FleetSync
from reconciler.fleet.model import API_GROUP
from reconciler.plan.model import ObjectKey
from reconciler.rollout.records import is_shard_name

_CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")
#: Kinds that a FleetSync without `policy.kinds` may not write (design: "Policy").
_PRIVILEGED_GROUPS = frozenset({"rbac.authorization.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io"})


def refusal(sync: FleetSync, key: ObjectKey, agent_namespace: str) -> str:
    """Say why an object may not be written, or give an empty string where it may.

    The first rules hold whatever the policy says: a repository can never reach Spinfleet itself, nor what it is judged by.
    """
    if key.group == API_GROUP:
        return f"nothing in a fleet repository may write objects of {API_GROUP}"
    if (key.group, key.kind) == _CRD and key.name.endswith(f".{API_GROUP}"):
        return "nothing in a fleet repository may write Spinfleet's own definitions"
    if agent_namespace == (key.name if (key.group, key.kind) == ("", "Namespace") else key.namespace):
        return f"namespace {agent_namespace} is the agent's own and out of reach of a fleet repository"
    if key.namespace == sync.namespace and not key.group and (key.kind, key.name) in sync.reads:
        return f"the FleetSync itself reads this {key.kind}: what a repository is judged by is out of its reach"
    if (key.group, key.kind) == ("", "ConfigMap") and is_shard_name(key.name):
        return "a ConfigMap of this name holds release records, which are out of reach of a fleet repository"
    return _kind_refusal(sync, key) or _namespace_refusal(sync, key)


def no_room(sync: FleetSync, objects: int, coming: int = 0) -> str:
    """Say why a FleetSync that has so many objects, and is about to have more, gets no new one; empty where it may."""
    most = sync.policy.quota_objects
    if most is None or objects + coming < most:
        return ""
    return f"the FleetSync has {objects} objects, and its policy.quota.objects is {most}: no new one is written"


def own_namespace(sync: FleetSync) -> frozenset[str]:
    """Give the FleetSync's own namespace, where its ApplySet may always have members, unless the policy keeps them out."""
    allowed = sync.policy.namespaces
    return frozenset({sync.namespace} if allowed is None or {"*", sync.namespace} & set(allowed) else ())


def left_to_others(sync: FleetSync, key: ObjectKey) -> bool:
    """Tell whether what apps stand on, such as their Namespace or RuntimeClass, is not this FleetSync's to make: it is used as it is."""
    return not key.namespace and bool(_kind_refusal(sync, key))


def _kind_refusal(sync: FleetSync, key: ObjectKey) -> str:
    allowed = sync.policy.kinds
    name = f"{key.kind}.{key.group}" if key.group else key.kind
    if allowed is None:
        if key.namespace and key.group not in _PRIVILEGED_GROUPS:
            return ""
        return f"kind {name} is not among those a FleetSync may write by default; name it in spec.policy.kinds"
    return "" if "*" in allowed or name in allowed else f"kind {name} is not in the FleetSync's spec.policy.kinds"


def _namespace_refusal(sync: FleetSync, key: ObjectKey) -> str:
    if not key.namespace:
        return ""
    allowed = sync.policy.namespaces if sync.policy.namespaces is not None else (sync.namespace,)
    if "*" in allowed or key.namespace in allowed:
        return ""
    return f"namespace {key.namespace} is not in the FleetSync's spec.policy.namespaces"
