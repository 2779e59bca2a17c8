"""The objects of a Bundle: passed through, but for a default namespace and what traces them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.fleet.model import BundleAssignment, SourcedObject
from reconciler.plan.model import ObjectKey, key_of
from reconciler.problems import Problem, Severity
from reconciler.render.encrypted import encrypted_by, holds_plain_values
from reconciler.render.labels import shared_labels, traced

#: Kinds without a namespace: built-in ones and well-known custom ones. Of others a definition in the fleet tells, or else discovery.
CLUSTER_SCOPED = frozenset(
    {
        ("", "Namespace"), ("", "Node"), ("", "PersistentVolume"),
        ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"), ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"),
        ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"), ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"),
        ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"), ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"),
        ("certificates.k8s.io", "ClusterTrustBundle"), ("networking.k8s.io", "IPAddress"), ("networking.k8s.io", "ServiceCIDR"),
        ("resource.k8s.io", "DeviceClass"), ("resource.k8s.io", "DeviceTaintRule"), ("resource.k8s.io", "ResourceSlice"),
        ("storage.k8s.io", "VolumeAttributesClass"), ("storagemigration.k8s.io", "StorageVersionMigration"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"), ("apiregistration.k8s.io", "APIService"),
        ("certificates.k8s.io", "CertificateSigningRequest"), ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
        ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"), ("networking.k8s.io", "IngressClass"),
        ("node.k8s.io", "RuntimeClass"), ("rbac.authorization.k8s.io", "ClusterRole"), ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("scheduling.k8s.io", "PriorityClass"), ("storage.k8s.io", "StorageClass"), ("storage.k8s.io", "CSIDriver"),
        ("storage.k8s.io", "CSINode"), ("storage.k8s.io", "VolumeAttachment"), ("gateway.networking.k8s.io", "GatewayClass"),
        ("runtime.spinkube.dev", "Shim"), ("keda.sh", "ClusterTriggerAuthentication"), ("cert-manager.io", "ClusterIssuer"),
    }
)  # fmt: skip


def bundle_objects(bundle: BundleAssignment, problems: list[Problem]) -> list[dict[str, Any]]:
    """Give a bundle's objects in file order. A Secret whose values stand in Git is warned of."""
    found = []
    ours = shared_labels(bundle.fleet)
    for sourced in bundle.objects:
        obj = dict(sourced.object)
        if _is_defaulted(bundle, obj):
            obj["metadata"] = {**obj["metadata"], "namespace": bundle.namespace}
        # What a server fills in must not be sent back to it.
        obj.pop("status", None)
        if obj["kind"] == "Secret" and obj["apiVersion"] == "v1" and holds_plain_values(obj):
            problems.append(_readable(sourced))
        obj["metadata"] = {**obj["metadata"], "labels": {**ours, **(obj["metadata"].get("labels") or {})}}
        if sourced.sealed is not None:
            obj = encrypted_by(obj, sourced.sealed.file.blob)
        found.append(traced(obj, owner=bundle.name, path=sourced.path))
    return found


def rendered_key(bundle: BundleAssignment, obj: Mapping[str, Any]) -> ObjectKey:
    """Give the identity that an object of a bundle is rendered with."""
    key = key_of(obj)
    return key._replace(namespace=bundle.namespace or "") if _is_defaulted(bundle, obj) else key


def defaulted(bundle: BundleAssignment) -> frozenset[ObjectKey]:
    """Give the objects that have their namespace from the bundle, as they are rendered."""
    return frozenset(
        rendered_key(bundle, sourced.object) for sourced in bundle.objects if _is_defaulted(bundle, sourced.object)
    )


def _is_defaulted(bundle: BundleAssignment, obj: Mapping[str, Any]) -> bool:
    if not bundle.namespace or obj["metadata"].get("namespace"):
        return False
    kind = (str(obj["apiVersion"]).rpartition("/")[0], obj["kind"])
    return kind not in CLUSTER_SCOPED and kind not in bundle.cluster_scoped


def _readable(sourced: SourcedObject) -> Problem:
    """Warn of a Secret, and don't repeat what is in it."""
    return Problem(
        path=sourced.path,
        line=sourced.line,
        pointer="/data" if sourced.object.get("data") else "/stringData",
        code="render.plain-secret",
        severity=Severity.WARNING,
        message=f"the values of Secret {sourced.object['metadata']['name']!r} can be read by whoever can read the repository",
        hint=f"encrypt it: sops encrypt --in-place --encrypted-regex '^(data|stringData)$' --age RECIPIENT {sourced.path}; or make the Secret in the cluster",
    )
