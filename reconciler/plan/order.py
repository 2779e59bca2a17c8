"""In which order objects are applied: what others need comes first. Deletion goes the other way round."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Waves by kind and group (core is ""), lowest first (facts of the API: a namespace before what lies in it, a CRD before its
#: objects; SpinKube: executors before SpinApps, which its webhook refuses otherwise).
_WAVES: tuple[tuple[tuple[str, str], ...], ...] = (
    (("Namespace", ""), ("CustomResourceDefinition", "apiextensions.k8s.io"), ("PriorityClass", "scheduling.k8s.io")),
    (
        ("ResourceQuota", ""),
        ("LimitRange", ""),
        ("ServiceAccount", ""),
        ("Secret", ""),
        ("ConfigMap", ""),
        ("StorageClass", "storage.k8s.io"),
        ("PersistentVolume", ""),
        ("PersistentVolumeClaim", ""),
        ("RuntimeClass", "node.k8s.io"),
        ("ClusterRole", "rbac.authorization.k8s.io"),
        ("Role", "rbac.authorization.k8s.io"),
    ),
    (
        ("ClusterRoleBinding", "rbac.authorization.k8s.io"),
        ("RoleBinding", "rbac.authorization.k8s.io"),
        ("NetworkPolicy", "networking.k8s.io"),
        # After its RuntimeClass: runtime-class-manager makes one where there is none.
        ("Shim", "runtime.spinkube.dev"),
    ),
    (
        ("SpinAppExecutor", "core.spinkube.dev"),
        ("TriggerAuthentication", "keda.sh"),
        ("IngressClass", "networking.k8s.io"),
        ("GatewayClass", "gateway.networking.k8s.io"),
    ),
    (("Service", ""), ("Gateway", "gateway.networking.k8s.io")),
)
_WORKLOADS = len(_WAVES)
_AFTER = {
    ("PodDisruptionBudget", "policy"): _WORKLOADS + 1,
    ("HorizontalPodAutoscaler", "autoscaling"): _WORKLOADS + 1,
    ("ScaledObject", "keda.sh"): _WORKLOADS + 1,
    ("HTTPScaledObject", "http.keda.sh"): _WORKLOADS + 1,
    ("Ingress", "networking.k8s.io"): _WORKLOADS + 1,
    ("HTTPRoute", "gateway.networking.k8s.io"): _WORKLOADS + 1,
    ("PodMonitor", "monitoring.coreos.com"): _WORKLOADS + 1,
    ("ServiceMonitor", "monitoring.coreos.com"): _WORKLOADS + 1,
    ("APIService", "apiregistration.k8s.io"): _WORKLOADS + 2,
    ("ValidatingWebhookConfiguration", "admissionregistration.k8s.io"): _WORKLOADS + 2,
    ("MutatingWebhookConfiguration", "admissionregistration.k8s.io"): _WORKLOADS + 2,
}
_WITH_PODS = frozenset(
    {
        ("Deployment", "apps"), ("StatefulSet", "apps"), ("DaemonSet", "apps"), ("ReplicaSet", "apps"), ("ReplicationController", ""),
        ("Job", "batch"), ("CronJob", "batch"), ("SpinApp", "core.spinkube.dev"),
    }
)  # fmt: skip
_RANKS = {kind: wave for wave, kinds in enumerate(_WAVES) for kind in kinds} | _AFTER


def rank_of(group: str, kind: str) -> int:
    """Give the wave of a kind: workloads and kinds not known here stand between what they need and what points at them."""
    return _RANKS.get((kind, group), _WORKLOADS)


def removal_rank_of(group: str, kind: str) -> int:
    """Give the wave of a kind where objects are deleted, highest first: the order of applying turned round.

    But objects of custom kinds go before built-in workloads: one of these may be the operator that must see them off (SpinKube's
    and KEDA's objects have a finalizer, which nobody else takes away).
    """
    wave = rank_of(group, kind)
    return 2 * wave + (wave == _WORKLOADS and _is_custom(group))


def has_dependents(group: str, kind: str) -> bool:
    """Tell whether objects of a kind have pods made for them, which should be gone as well before deletion goes on."""
    return (kind, group) in _WITH_PODS


def _is_custom(group: str) -> bool:
    """Tell a group of custom kinds from Kubernetes' own, whose names have no dot or end in k8s.io (API conventions)."""
    return "." in group and not group.endswith(".k8s.io")


def rank(obj: Mapping[str, Any]) -> int:
    """Give the wave of an object; objects of one wave do not need one another."""
    return rank_of(str(obj["apiVersion"]).rpartition("/")[0], obj["kind"])
