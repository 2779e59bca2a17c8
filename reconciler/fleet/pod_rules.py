"""What the API server would refuse of the pods, budgets and Ingresses that come of an app, though each field looks right alone.

SpinKube's operator would be told, and the app's owner would see nothing but an app that never becomes ready.
Source: Kubernetes, pkg/apis/core/validation, pkg/apis/policy/validation, pkg/apis/networking/validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.quantity import quantity
from reconciler.schema_check import pointer_of

Fault = tuple[str, str, str]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_LONGEST_NAME = 253
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_HEADER = re.compile(r"[-A-Za-z0-9]+")
_SHARE = re.compile(r"[0-9]{1,3}%")
_FIELDS = frozenset({"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
                     "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"})  # fmt: skip
_KEYED_FIELD = re.compile(r"metadata\.(labels|annotations)\['[^']+'\]")
_RESOURCE = re.compile(r"(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-[0-9A-Za-z]+)")
_AZURE_CLIENT, _AZURE_USE = "azure.workload.identity/client-id", "azure.workload.identity/use"
_LEAST_MEMORY, _MOST_CORES = 1024 * 1024, 256
_RUNTIME_CONFIG_PATH = "/runtime-config.toml"


def pod_faults(spec: Mapping[str, Any], name: str) -> Iterator[Fault]:
    """Give what would be refused of an app called `name`."""
    yield from _names(spec)
    yield from _resources(spec)
    yield from _values(spec, name)
    yield from _headers(spec)
    yield from _mounts(spec)
    yield from _disruption(spec)


def budget_warnings(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Tell of a budget by which no pod may ever be moved: draining its node waits for ever."""
    budget, replicas = spec.get("disruption") or {}, spec.get("replicas")
    least, most = budget.get("minAvailable"), budget.get("maxUnavailable")
    scaling = spec.get("autoscaling") or {}
    fewest = scaling.get("min", 1) if scaling else replicas
    never = most in {0, "0%"} or least == "100%" or (isinstance(least, int) and fewest is not None and least >= fewest)
    if never:
        message = "by this budget no pod may ever be moved: draining its node would wait for ever"
        yield "/disruption", message, "leave at least one pod to go, or run more replicas"


def identity_warnings(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Tell of an Azure identity that no pod gets: AKS looks at a label of the pods (source: azure-workload-identity, its webhook)."""
    annotations = (spec.get("serviceAccount") or {}).get("annotations") or {}
    if _AZURE_CLIENT in annotations and (spec.get("podLabels") or {}).get(_AZURE_USE) != "true":
        message = f"{_AZURE_CLIENT} gives pods an identity only with label {_AZURE_USE}"
        yield "/serviceAccount/annotations", message, f'set podLabels: {{{_AZURE_USE}: "true"}}'


def _names(spec: Mapping[str, Any]) -> Iterator[Fault]:
    named = [("/serviceAccountName", spec.get("serviceAccountName"))]
    named += [(f"/imagePullSecrets/{index}", each) for index, each in enumerate(spec.get("imagePullSecrets") or ())]
    named.append(("/runtimeConfig/loadFromSecret", (spec.get("runtimeConfig") or {}).get("loadFromSecret")))
    for index, route in enumerate(spec.get("routes") or ()):
        named += [(f"/routes/{index}/{field}", route.get(field)) for field in ("tls", "ingressClass")]
    for pointer, value in named:
        if value is not None and (len(value) > _LONGEST_NAME or _SUBDOMAIN.fullmatch(value) is None):
            yield pointer, f"{value[:80]!r} can't be the name of an object", "lower case letters, digits, - and ."
    for index, volume in enumerate(spec.get("volumes") or ()):
        if _LABEL_NAME.fullmatch(str(volume["name"])) is None:
            message = f"{str(volume['name'])[:80]!r} can't be the name of a volume"
            yield f"/volumes/{index}/name", message, "at most 63 lower case letters, digits and -"


def _resources(spec: Mapping[str, Any]) -> Iterator[Fault]:
    resources = spec.get("resources") or {}
    for name, asked in (resources.get("requests") or {}).items():
        request, limit = quantity(asked), quantity((resources.get("limits") or {}).get(name))
        if request is not None and limit is not None and request > limit:
            message = f"the {name} request {asked} is above its limit {resources['limits'][name]}: Kubernetes refuses the pods"
            yield f"/resources/requests/{name}", message, "lower the request, or raise the limit"


def quantity_warnings(spec: Mapping[str, Any]) -> Iterator[Fault]:
    """Tell of amounts that nobody means: memory below a mebibyte (`64`, `64m`), CPU above any machine's (`500` for `500m`)."""
    found = [("/invocationLimits/memory", "memory", (spec.get("invocationLimits") or {}).get("memory"))]
    for field, amounts in (spec.get("resources") or {}).items():
        found += [(f"/resources/{field}{pointer_of([name])}", name, value) for name, value in amounts.items()]
    for pointer, name, written in found:
        amount = quantity(written)
        if amount is None:
            continue
        if not amount and name == "memory" and "/requests/" not in pointer:
            limit = pointer.startswith("/resources/")
            message = "a memory limit of 0 is no limit" if limit else "with no memory each invocation fails"
            yield pointer, message, "leave it out" if limit else "as in 32Mi"
        digits = re.match(r"[0-9.]*", str(written))
        bare = digits[0] if digits is not None else ""
        if name == "memory" and 0 < amount < _LEAST_MEMORY:
            yield pointer, f"{written} is {amount.normalize():f} bytes of memory", f"did you mean {bare}Mi?"
        if name == "cpu" and amount > _MOST_CORES:
            yield (
                pointer,
                f"{written} is {amount.normalize():f} cores, more than machines have",
                f"did you mean {bare}m?",
            )


def _values(spec: Mapping[str, Any], name: str) -> Iterator[Fault]:
    config = spec.get("runtimeConfig") or {}
    found = [(f"/variables/{key}", value, True) for key, value in (spec.get("variables") or {}).items()]
    stores = [
        (f"/runtimeConfig/{field}/{label}", store)
        for field in ("keyValueStores", "sqliteDatabases")
        for label, store in (config.get(field) or {}).items()
    ]
    stores += [("/runtimeConfig/llmCompute", config["llmCompute"])] if config.get("llmCompute") else []
    for at, store in stores:
        options = store.get("options") or {}
        found += [(f"{at}/options/{key}", value, False) for key, value in options.items() if isinstance(value, Mapping)]
    for pointer, value, is_variable in found:
        if "secretKeyRef" in value:
            yield from _reference(f"{pointer}/secretKeyRef", value["secretKeyRef"])
        source = value.get("valueFrom") or {}
        for field in ("secretKeyRef", "configMapKeyRef"):
            if field in source:
                yield from _reference(f"{pointer}/valueFrom/{field}", source[field])
        if not is_variable and ("fieldRef" in source or "resourceFieldRef" in source):
            message = (
                "an option of a store comes from a Secret or ConfigMap, not from the pod: SpinKube has no field for it"
            )
            yield f"{pointer}/valueFrom", message, "use secretKeyRef or configMapKeyRef"
        elif "fieldRef" in source:
            yield from _field(f"{pointer}/valueFrom/fieldRef/fieldPath", source["fieldRef"]["fieldPath"])
        elif "resourceFieldRef" in source:
            yield from _resource_field(f"{pointer}/valueFrom/resourceFieldRef", source["resourceFieldRef"], name)


def _reference(pointer: str, reference: Mapping[str, Any]) -> Iterator[Fault]:
    if len(reference["name"]) > _LONGEST_NAME or _SUBDOMAIN.fullmatch(reference["name"]) is None:
        message = f"{reference['name'][:80]!r} can't be the name of an object"
        yield f"{pointer}/name", message, "lower case letters, digits, - and ."
    if _DATA_KEY.fullmatch(reference["key"]) is None or reference["key"] in {".", ".."}:
        message = f"{reference['key'][:80]!r} can't be a key of a Secret or ConfigMap"
        yield f"{pointer}/key", message, "letters, digits, -, _ and ."


def _field(pointer: str, path: str) -> Iterator[Fault]:
    if path not in _FIELDS and _KEYED_FIELD.fullmatch(path) is None:
        hint = f"one of: {', '.join(sorted(_FIELDS))}, metadata.labels['…'], metadata.annotations['…']"
        yield pointer, f"a pod has no field {path[:80]!r} to give", hint


def _resource_field(pointer: str, reference: Mapping[str, Any], name: str) -> Iterator[Fault]:
    if _RESOURCE.fullmatch(reference["resource"]) is None:
        message = f"{reference['resource'][:80]!r} is no resource of a container"
        yield f"{pointer}/resource", message, "as in limits.memory or requests.cpu"
    if reference.get("containerName", name) != name:
        message = f"the pods of {name!r} have no container {reference['containerName']!r}: Kubernetes refuses them"
        yield f"{pointer}/containerName", message, f"write {name}, or leave it out"


def _headers(spec: Mapping[str, Any]) -> Iterator[Fault]:
    for check in ("readiness", "liveness"):
        probe = (spec.get("checks") or {}).get(check) or {}
        for header in probe.get("headers") or {}:
            if _HEADER.fullmatch(header) is None:
                pointer = f"/checks/{check}/headers{pointer_of([header])}"
                yield pointer, f"{header[:80]!r} can't be the name of a header", "letters, digits and -"


def _mounts(spec: Mapping[str, Any]) -> Iterator[Fault]:
    seen = {_RUNTIME_CONFIG_PATH} if spec.get("runtimeConfig") else set()
    for index, mount in enumerate(spec.get("volumeMounts") or ()):
        path = str(mount["mountPath"])
        if path in seen:
            yield f"/volumeMounts/{index}/mountPath", f"something is mounted at {path} already", "choose another path"
        seen.add(path)


def _disruption(spec: Mapping[str, Any]) -> Iterator[Fault]:
    budget = spec.get("disruption") or {}
    for field in ("minAvailable", "maxUnavailable"):
        value = budget.get(field, 0)
        right = value >= 0 if isinstance(value, int) else _SHARE.fullmatch(value) is not None and int(value[:-1]) <= 100
        if not right:
            yield (
                f"/disruption/{field}",
                f"{value!r} is neither a number of pods nor a share of them",
                'as in 1 or "50%"',
            )
