"""An app's autoscaling: what SpinKube, an HPA, KEDA or its HTTP add-on would refuse, or would never act on.

Sources: Kubernetes' autoscaling/v2; kedacore/keda, pkg/scalers and apis/keda/v1alpha1/scaledobject_webhook.go; kedacore/http-add-on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.cron import schedule_fault
from reconciler.schema_check import closest

#: (JSON Pointer below the app's spec, message, what to do)
Fault = tuple[str, str, str]
#: Triggers by which KEDA can't tell that nothing is asked of an app, so that it never reaches zero.
_RESOURCES = ("cpu", "memory")
#: Fields that belong to some types alone.
_OF_TYPES = {
    "cpu": ("HPA", "KEDA"), "memory": ("HPA", "KEDA"), "behavior": ("HPA", "KEDA"), "triggers": ("KEDA",), "schedule": ("KEDA",),
    "pollingInterval": ("KEDA",), "cooldownPeriod": ("KEDA", "HTTP"), "concurrency": ("HTTP",), "requestRate": ("HTTP",),
}  # fmt: skip
_TRIGGER_FIELDS = ("type", "name", "metadata", "metricType", "useCachedMetrics", "authenticationRef", "authentication")
_METRIC_TYPES = ("Utilization", "AverageValue", "Value")
_AUTHENTICATION = (
    "secretTargetRef", "configMapTargetRef", "env", "filePath", "podIdentity", "hashiCorpVault", "azureKeyVault", "gcpSecretManager",
    "awsSecretManager", "boundServiceAccountToken", "oauth2",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Metadata:
    """What a trigger's metadata needs: each of `all`, and one of each group of `some` unless an authentication brings it."""

    all: tuple[str, ...] = ()
    some: tuple[tuple[str, ...], ...] = ()


_KNOWN = {
    "cron": _Metadata(("timezone", "start", "end", "desiredReplicas")),
    "redis": _Metadata(("listName",), (("address", "addressFromEnv", "host", "hostFromEnv"),)),
    "aws-sqs-queue": _Metadata(("awsRegion",), (("queueURL", "queueURLFromEnv"),)),
    "prometheus": _Metadata(("query", "threshold"), (("serverAddress",),)),
    "cpu": _Metadata(("value",)),
    "memory": _Metadata(("value",)),
}


def autoscaling_faults(spec: Mapping[str, Any], *, is_http: bool) -> Iterator[Fault]:
    """Give what is wrong with the autoscaling of an app. `is_http` tells whether it has an http trigger."""
    scaling = spec.get("autoscaling")
    if not scaling:
        return
    kind = scaling["type"]
    for field, types in _OF_TYPES.items():
        if field in scaling and kind not in types:
            message = f"{field} belongs to type {' or '.join(types)}, and this is {kind}"
            yield f"/autoscaling/{field}", message, f"remove {field}"
    yield from _bounds(scaling, kind)
    if kind == "HTTP":
        yield from _http(scaling, is_http=is_http)
    if kind == "HPA" and not any(name in scaling for name in _RESOURCES):
        yield (
            "/autoscaling",
            "an HPA needs something to go by, and neither cpu nor memory is set",
            "set autoscaling.cpu: 60",
        )
    if kind == "KEDA":
        yield from _keda(scaling)
    yield from _requests(spec, scaling)


def _bounds(scaling: Mapping[str, Any], kind: str) -> Iterator[Fault]:
    least, most = scaling.get("min"), scaling["max"]
    if least is not None and least > most:
        yield "/autoscaling/min", f"min is {least} and max is {most}", "swap them"
    if least != 0:
        return
    triggers = {str(each.get("type")) for each in scaling.get("triggers") or ()}
    if kind == "HPA":
        hint = "set min: 1, or use type KEDA with an event trigger, or HTTP"
        yield "/autoscaling/min", "an HPA can't scale to zero", hint
    elif kind == "KEDA" and triggers <= {*_RESOURCES} and not scaling.get("schedule"):
        yield "/autoscaling/min", "cpu and memory triggers never scale to zero", "set min: 1, or add an event trigger"


def _http(scaling: Mapping[str, Any], *, is_http: bool) -> Iterator[Fault]:
    if not is_http:
        yield (
            "/autoscaling/type",
            "type HTTP scales by requests, and the app has no http trigger",
            "use type HPA or KEDA",
        )
    if "concurrency" in scaling and "requestRate" in scaling:
        yield "/autoscaling/requestRate", "concurrency and requestRate exclude one another", "keep one of the two"


def _keda(scaling: Mapping[str, Any]) -> Iterator[Fault]:
    if not any(scaling.get(name) for name in (*_RESOURCES, "triggers", "schedule")):
        hint = "set autoscaling.cpu, autoscaling.schedule or autoscaling.triggers"
        yield "/autoscaling", "KEDA needs a trigger, and there is none", hint
    for index, entry in enumerate(scaling.get("schedule") or ()):
        yield from _metadata("cron", entry, f"/autoscaling/schedule/{index}", authenticated=False)
    names: set[str] = set()
    for index, trigger in enumerate(scaling.get("triggers") or ()):
        pointer = f"/autoscaling/triggers/{index}"
        yield from _trigger(trigger, pointer)
        name = trigger.get("name")
        if name is not None and name in names:
            yield f"{pointer}/name", f"a trigger before this one is called {name!r}, too", "rename one of them"
        names.add(name)


def _trigger(trigger: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    for field in sorted(trigger.keys() - {*_TRIGGER_FIELDS}):
        hint = closest(field, _TRIGGER_FIELDS) or "what a scaler is told goes into metadata"
        yield f"{pointer}/{field}", f"a trigger of KEDA has no field {field!r}", hint
    metric = trigger.get("metricType")
    if metric is not None and metric not in _METRIC_TYPES:
        yield f"{pointer}/metricType", f"metricType is {metric!r}", f"one of: {', '.join(_METRIC_TYPES)}"
    if "authentication" in trigger and "authenticationRef" in trigger:
        message = "authentication makes a TriggerAuthentication, and authenticationRef names another"
        yield f"{pointer}/authentication", message, "keep one of the two"
    authentication = trigger.get("authentication")
    if authentication is not None:
        yield from _authentication(authentication, f"{pointer}/authentication")
    metadata = trigger.get("metadata")
    if not isinstance(metadata, (Mapping, type(None))):
        yield f"{pointer}/metadata", "metadata is texts by name", "as in {listName: orders}"
        return
    authenticated = "authentication" in trigger or "authenticationRef" in trigger
    yield from _metadata(str(trigger["type"]), metadata or {}, f"{pointer}/metadata", authenticated=authenticated)


def _authentication(value: Any, pointer: str) -> Iterator[Fault]:
    if not isinstance(value, Mapping) or not value:
        yield pointer, "authentication is the spec of a TriggerAuthentication", "as in {podIdentity: {provider: aws}}"
        return
    for field in sorted(value.keys() - {*_AUTHENTICATION}):
        hint = closest(field, _AUTHENTICATION) or f"one of: {', '.join(_AUTHENTICATION)}"
        yield f"{pointer}/{field}", f"a TriggerAuthentication has no field {field!r}", hint


def _metadata(kind: str, metadata: Mapping[str, Any], pointer: str, *, authenticated: bool) -> Iterator[Fault]:
    for name, value in metadata.items():
        if not isinstance(value, (str, int, float, bool)):
            yield f"{pointer}/{name}", f"metadata {name!r} of a trigger is a text", "write it in quotes"
    wanted = _KNOWN.get(kind, _Metadata())
    for name in wanted.all:
        if name not in metadata:
            yield pointer, f"a trigger of type {kind} needs {name!r}", f"set {name}"
    for group in wanted.some:
        if not authenticated and not any(name in metadata for name in group):
            yield pointer, f"a trigger of type {kind} needs {' or '.join(map(repr, group))}", f"set {group[0]}"
    if kind == "cron":
        yield from _cron(metadata, pointer)


def _cron(metadata: Mapping[str, Any], pointer: str) -> Iterator[Fault]:
    for name in ("start", "end"):
        if name in metadata and (fault := schedule_fault(str(metadata[name]))):
            yield f"{pointer}/{name}", fault, 'as in "0 8 * * 1-5"'
    if "start" in metadata and metadata.get("start") == metadata.get("end"):
        yield f"{pointer}/end", "start and end are the same: KEDA refuses it", "change one of them"


def _requests(spec: Mapping[str, Any], scaling: Mapping[str, Any]) -> Iterator[Fault]:
    """A share of a request needs the request; Kubernetes takes the limit where only that is set."""
    resources = spec.get("resources") or {}
    wanted = [(name, f"/autoscaling/{name}") for name in _RESOURCES if name in scaling]
    for index, trigger in enumerate(scaling.get("triggers") or ()):
        if trigger.get("type") in _RESOURCES and trigger.get("metricType", "Utilization") == "Utilization":
            wanted.append((trigger["type"], f"/autoscaling/triggers/{index}"))
    for name, pointer in wanted:
        if not any(name in (resources.get(each) or {}) for each in ("requests", "limits")):
            message = f"a {name} target is a share of the {name} request, and there is none"
            yield pointer, message, f"set resources.requests.{name}"
