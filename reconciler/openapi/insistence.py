"""Which fields must be there. What a schema calls required and what an API server insists on are not the same.

A field that Go writes always is called required; a server takes its zero value for one that is not there: often that is refused,
sometimes it is fine. Found by leaving each required field of tests/objects/built-in.yaml out in turn and asking a real API server;
what has not been asked for is not insisted on, but for texts, which are refused when empty nearly everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TEXTS = frozenset({"string", "enum"})

#: Required texts that may be left out all the same.
_OPTIONAL = {
    "core.v1.HTTPHeader": ["value"],
    "core.v1.Sysctl": ["value"],
    "storage.v1.TokenRequest": ["audience"],
}  # fmt: skip

#: Fields of other forms that a server insists on.
_INSISTED = {
    "admissionregistration.v1.MutatingWebhook": ["admissionReviewVersions", "clientConfig"],
    "admissionregistration.v1.ValidatingAdmissionPolicyBinding": ["spec"],
    "admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec": ["validationActions"],
    "admissionregistration.v1.ValidatingWebhook": ["admissionReviewVersions", "clientConfig"],
    "apps.v1.ControllerRevision": ["data"],
    "apps.v1.DaemonSet": ["spec"],
    "apps.v1.DaemonSetSpec": ["selector", "template"],
    "apps.v1.Deployment": ["spec"],
    "apps.v1.DeploymentSpec": ["selector", "template"],
    "apps.v1.ReplicaSet": ["spec"],
    "apps.v1.ReplicaSetSpec": ["selector"],
    "apps.v1.StatefulSet": ["spec"],
    "apps.v1.StatefulSetSpec": ["selector", "template"],
    "autoscaling.v1.HorizontalPodAutoscaler": ["spec"],
    "autoscaling.v1.HorizontalPodAutoscalerSpec": ["maxReplicas", "scaleTargetRef"],
    "autoscaling.v2.ContainerResourceMetricSource": ["target"],
    "autoscaling.v2.ExternalMetricSource": ["metric", "target"],
    "autoscaling.v2.HPAScalingPolicy": ["periodSeconds", "value"],
    "autoscaling.v2.HorizontalPodAutoscaler": ["spec"],
    "autoscaling.v2.HorizontalPodAutoscalerSpec": ["maxReplicas", "scaleTargetRef"],
    "autoscaling.v2.ObjectMetricSource": ["describedObject", "metric", "target"],
    "autoscaling.v2.PodsMetricSource": ["metric", "target"],
    "autoscaling.v2.ResourceMetricSource": ["target"],
    "batch.v1.CronJob": ["spec"],
    "batch.v1.CronJobSpec": ["jobTemplate"],
    "batch.v1.JobSpec": ["template"],
    "batch.v1.PodFailurePolicyOnExitCodesRequirement": ["values"],
    "batch.v1.SuccessPolicy": ["rules"],
    "core.v1.ContainerPort": ["containerPort"],
    "core.v1.EndpointPort": ["port"],
    "core.v1.Event": ["metadata"],
    "core.v1.GRPCAction": ["port"],
    "core.v1.NodeSelector": ["nodeSelectorTerms"],
    "core.v1.PersistentVolumeClaimTemplate": ["spec"],
    "core.v1.PodSpec": ["containers"],
    "core.v1.PreferredSchedulingTerm": ["weight"],
    "core.v1.ServicePort": ["port"],
    "core.v1.TopologySelectorLabelRequirement": ["values"],
    "core.v1.TopologySpreadConstraint": ["maxSkew"],
    "core.v1.WeightedPodAffinityTerm": ["podAffinityTerm", "weight"],
    "discovery.v1.Endpoint": ["addresses"],
    "events.v1.Event": ["eventTime"],
    "flowcontrol.v1.FlowSchema": ["spec"],
    "flowcontrol.v1.FlowSchemaSpec": ["priorityLevelConfiguration"],
    "flowcontrol.v1.LimitedPriorityLevelConfiguration": ["limitResponse"],
    "flowcontrol.v1.NonResourcePolicyRule": ["nonResourceURLs", "verbs"],
    "flowcontrol.v1.PolicyRulesWithSubjects": ["subjects"],
    "flowcontrol.v1.PriorityLevelConfiguration": ["spec"],
    "flowcontrol.v1.ResourcePolicyRule": ["apiGroups", "resources", "verbs"],
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition": ["spec"],
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionSpec": ["names", "versions"],
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.WebhookConversion": ["conversionReviewVersions"],
    "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec": ["groupPriorityMinimum", "versionPriority"],
    "networking.v1.HTTPIngressPath": ["backend"],
    "networking.v1.HTTPIngressRuleValue": ["paths"],
    "networking.v1.IPAddress": ["spec"],
    "networking.v1.IPAddressSpec": ["parentRef"],
    "rbac.v1.ClusterRoleBinding": ["roleRef"],
    "rbac.v1.PolicyRule": ["verbs"],
    "rbac.v1.RoleBinding": ["roleRef"],
}  # fmt: skip

#: What no schema says: a container without an image is refused in every kind that has one.
_MORE = {"core.v1.Container": ["image"]}


def required(name: str, written: Mapping[str, Any], newest: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the fields of a type that must be there. `newest` is the type in the newest version: what it relaxed was never insisted on."""
    called = [field for field in written.get("required", ()) if field in newest.get("required", ())]
    return (*(field for field in called if _insisted(name, field, written["fields"][field])), *_MORE.get(name, ()))


def _insisted(name: str, field: str, form: Any) -> bool:
    if (form[0] if isinstance(form, list) else form) in _TEXTS:
        return field not in _OPTIONAL.get(name, ())
    return field in _INSISTED.get(name, ())
