"""Kinds that Kubernetes served once, before the oldest version whose schemas ship (source: its deprecation guide)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Removal:
    """In which version (`1.22`) an apiVersion of a kind went, and what to write in its place; `use` is empty where there is nothing."""

    version: str
    use: str


_APPS = ("ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
_ADMISSION = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RBAC = ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
_STORAGE = ("CSIDriver", "CSINode", "StorageClass", "VolumeAttachment")
_FLOW = ("FlowSchema", "PriorityLevelConfiguration")
_HPA = ("HorizontalPodAutoscaler",)

#: (apiVersion, kinds, version, apiVersion to use)
_TABLE: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("extensions/v1beta1", ("DaemonSet", "Deployment", "ReplicaSet"), "1.16", "apps/v1"),
    ("extensions/v1beta1", ("NetworkPolicy",), "1.16", "networking.k8s.io/v1"),
    ("extensions/v1beta1", ("Ingress",), "1.22", "networking.k8s.io/v1"),
    ("extensions/v1beta1", ("PodSecurityPolicy",), "1.16", ""),
    ("apps/v1beta1", _APPS, "1.16", "apps/v1"),
    ("apps/v1beta2", _APPS, "1.16", "apps/v1"),
    ("admissionregistration.k8s.io/v1beta1", _ADMISSION, "1.22", "admissionregistration.k8s.io/v1"),
    ("apiextensions.k8s.io/v1beta1", ("CustomResourceDefinition",), "1.22", "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", ("APIService",), "1.22", "apiregistration.k8s.io/v1"),
    ("certificates.k8s.io/v1beta1", ("CertificateSigningRequest",), "1.22", "certificates.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", ("Lease",), "1.22", "coordination.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", ("Ingress", "IngressClass"), "1.22", "networking.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1alpha1", _RBAC, "1.22", "rbac.authorization.k8s.io/v1"),
    ("rbac.authorization.k8s.io/v1beta1", _RBAC, "1.22", "rbac.authorization.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", ("PriorityClass",), "1.22", "scheduling.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", _STORAGE, "1.22", "storage.k8s.io/v1"),
    ("batch/v2alpha1", ("CronJob",), "1.21", "batch/v1"),
    ("batch/v1beta1", ("CronJob",), "1.25", "batch/v1"),
    ("discovery.k8s.io/v1beta1", ("EndpointSlice",), "1.25", "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", ("Event",), "1.25", "events.k8s.io/v1"),
    ("autoscaling/v2beta1", _HPA, "1.25", "autoscaling/v2"),
    ("autoscaling/v2beta2", _HPA, "1.26", "autoscaling/v2"),
    ("policy/v1beta1", ("PodDisruptionBudget",), "1.25", "policy/v1"),
    ("policy/v1beta1", ("PodSecurityPolicy",), "1.25", ""),
    ("node.k8s.io/v1beta1", ("RuntimeClass",), "1.25", "node.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", ("CSIStorageCapacity",), "1.27", "storage.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", _FLOW, "1.26", "flowcontrol.apiserver.k8s.io/v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", _FLOW, "1.29", "flowcontrol.apiserver.k8s.io/v1"),
)

REMOVED = {(version, kind): Removal(since, use) for version, kinds, since, use in _TABLE for kind in kinds}
#: API groups that only these had.
GROUPS = frozenset(version.rpartition("/")[0] for version, _ in REMOVED)
