"""An app held against one cluster: what SpinKube's webhooks, its operator, Spin or the API server would refuse there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.autoscaling_rules import autoscaling_faults
from reconciler.fleet.clusters import spin_version
from reconciler.fleet.executors import DEFAULT_EXECUTOR
from reconciler.fleet.metadata_rules import metadata_faults
from reconciler.fleet.model import Cluster, Executor
from reconciler.fleet.overrides import Origins
from reconciler.fleet.pod_rules import budget_warnings, identity_warnings, pod_faults, quantity_warnings
from reconciler.fleet.quantity import quantity
from reconciler.manifest.model import Application
from reconciler.manifest.target import check_target
from reconciler.problems import Problem, Severity
from reconciler.schema_check import closest

_HOST = re.compile(r"(?:\*\.)?[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?(?:\.[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)*")
_LONGEST_HOST = 253
#: Fields of an App that older releases of Spin pass over.
NEED_SPIN = ("components", "invocationLimits")
_SELECTION_SINCE, _LIMITS_SINCE = (3, 0), (3, 3)
#: Without a runtime config Spin knows these labels; data in them lives and dies with the pod.
_LOCAL_STORE = "default"


@dataclass(frozen=True, slots=True)
class Subject:
    """An app as one cluster is to run it, before it is accepted: merged, filled in, with the origin of each value."""

    spec: Mapping[str, Any]
    origins: Origins
    application: Application
    manifest_path: str
    cluster: Cluster
    executor: Executor | None
    name: str


def cluster_problems(subject: Subject) -> list[Problem]:
    """Give everything that is wrong with the app on this cluster."""
    return [
        *check_target(
            subject.application,
            spin=spin_version(subject.cluster.spec),
            components=subject.spec.get("components"),
            path=subject.manifest_path,
        ),
        *_since(subject),
        *_capabilities(subject),
        *_variables(subject),
        *_replicas(subject),
        *_rules(subject),
        *_executor(subject),
        *_memory(subject),
        *_probes(subject),
        *_hosts(subject),
        *_stores(subject),
    ]


def _since(subject: Subject) -> Iterator[Problem]:
    """Tell of what an older shim passes over in silence (source: containerd-shim-spin, its releases 0.17 and 0.20)."""
    version = spin_version(subject.cluster.spec)
    if version is None:
        return
    release = tuple(int(part) for part in version.split("."))
    runs = f"cluster {subject.cluster.name!r} runs Spin {version}"
    if subject.spec.get("components") and release < _SELECTION_SINCE:
        message = f"selecting components needs Spin 3.0 (shim 0.17), and {runs}, which would run them all"
        hint = "split the manifest, or place the app on newer clusters"
        yield subject.origins.problem("/components", "target.spin", message, hint)
    if subject.spec.get("invocationLimits") and release < _LIMITS_SINCE:
        message = f"invocationLimits needs Spin 3.3 (shim 0.20), and {runs}, which would not keep to it"
        hint = "set resources.limits.memory alone there"
        yield subject.origins.problem("/invocationLimits", "target.spin", message, hint, severity=Severity.WARNING)


def _capabilities(subject: Subject) -> Iterator[Problem]:
    spec, scaling = subject.spec, subject.spec.get("autoscaling") or {}
    wanted = []
    if scaling.get("type") == "KEDA":
        wanted.append(("keda", "/autoscaling/type"))
    if scaling.get("type") == "HTTP":
        wanted.append(("keda-http", "/autoscaling/type"))
    if spec.get("monitoring"):
        wanted.append(("prometheus-operator", "/monitoring"))
    for index, route in enumerate(spec.get("routes") or ()):
        if "gateway" in route:
            wanted.append(("gateway-api", f"/routes/{index}/gateway"))
    for capability, pointer in wanted:
        if capability not in (subject.cluster.spec.get("capabilities") or ()):
            message = f"this needs capability {capability!r}, which cluster {subject.cluster.name!r} does not have"
            hint = f"add it to spec.capabilities in {subject.cluster.path}, or place the app elsewhere"
            yield subject.origins.problem(pointer, "app.capability", message, hint)


def _variables(subject: Subject) -> Iterator[Problem]:
    """A required variable needs a value, unless a provider of the runtime config may have it."""
    config = subject.spec.get("runtimeConfig") or {}
    given = subject.spec.get("variables") or {}
    if config.get("providers") or "loadFromSecret" in config:
        return
    for name, variable in subject.application.variables.items():
        if variable.required and name not in given:
            message = f"required variable {name!r} has no value on cluster {subject.cluster.name!r}"
            yield subject.origins.problem("/variables", "app.required-variable", message, f"set spec.variables.{name}")


def _replicas(subject: Subject) -> Iterator[Problem]:
    spec = subject.spec
    if "autoscaling" in spec and "replicas" in spec:
        message = "replicas can't be set with autoscaling: SpinKube refuses it"
        hint = "remove one of the two; in an override, null removes a field"
        yield subject.origins.problem("/replicas", "app.replicas", message, hint)
    elif "autoscaling" not in spec and spec.get("replicas", 1) < 1:
        message = "replicas must be at least 1 without autoscaling: SpinKube refuses it"
        hint = "use autoscaling to reach zero, or take the app off this cluster"
        yield subject.origins.problem("/replicas", "app.replicas", message, hint)


def _rules(subject: Subject) -> Iterator[Problem]:
    """Rules that look at the app's spec alone, as it is on this cluster."""
    is_http = any(trigger.type == "http" for trigger in subject.application.triggers)
    for code, faults, severity in (
        ("app.autoscaling", autoscaling_faults(subject.spec, is_http=is_http), Severity.ERROR),
        ("app.metadata", metadata_faults(subject.spec), Severity.ERROR),
        ("app.pod", pod_faults(subject.spec, subject.name), Severity.ERROR),
        ("app.quantity", quantity_warnings(subject.spec), Severity.WARNING),
        ("app.drain", budget_warnings(subject.spec), Severity.WARNING),
        ("app.identity", identity_warnings(subject.spec), Severity.WARNING),
    ):
        for pointer, message, hint in faults:
            yield subject.origins.problem(pointer, code, message, hint, severity=severity)


def _executor(subject: Subject) -> Iterator[Problem]:
    """SpinKube's webhooks: the executor is there, and without a Deployment there is nothing to annotate."""
    name, executor = subject.spec["executor"], subject.executor
    if executor is None:
        message = f"there is no executor {name!r} in namespace {subject.spec['namespace']!r}: SpinKube refuses it"
        hint = (
            closest(name, [DEFAULT_EXECUTOR] if name != DEFAULT_EXECUTOR else [])
            or "declare it in spec.executors of the Fleet or the Cluster (create: false if it is there already), or bring it in a Bundle"
        )
        yield subject.origins.problem("/executor", "app.executor", message, hint)
        return
    for message, hint, severity in executor.faults:
        told = f"executor {name!r} ({executor.path}:{executor.line}): {message}"
        yield subject.origins.problem("/executor", "app.executor", told, hint, severity=severity)
    if executor.creates_deployment:
        return
    for field in ("deploymentAnnotations", "podAnnotations"):
        if subject.spec.get(field):
            message = f"executor {name!r} creates no Deployment, so {field} can't be set"
            yield subject.origins.problem(f"/{field}", "app.executor", message, f"remove {field}")


def _memory(subject: Subject) -> Iterator[Problem]:
    """SpinKube's webhook: an invocation's memory stays within the limit, or the request where there is no limit."""
    wanted = quantity((subject.spec.get("invocationLimits") or {}).get("memory"))
    resources = subject.spec.get("resources") or {}
    for name in ("limits", "requests"):
        bound = quantity((resources.get(name) or {}).get("memory"))
        if bound is not None:
            if wanted is not None and wanted > bound:
                message = f"invocationLimits.memory is above resources.{name}.memory: SpinKube refuses it"
                yield subject.origins.problem("/invocationLimits/memory", "app.invocation-limits", message, "lower it")
            return


def _probes(subject: Subject) -> Iterator[Problem]:
    checks = subject.spec.get("checks") or {}
    liveness = checks.get("liveness")
    if liveness and liveness.get("successThreshold", 1) != 1:
        message = "successThreshold of a liveness check must be 1: Kubernetes refuses other values"
        yield subject.origins.problem("/checks/liveness/successThreshold", "app.probe", message, "remove it")
    if not any(trigger.type == "http" for trigger in subject.application.triggers):
        for name in ("readiness", "liveness"):
            if checks.get(name):
                message = f"a {name} check asks over HTTP, and the app has no http trigger: it would never be ready"
                yield subject.origins.problem(f"/checks/{name}", "app.probe", message, f"set checks.{name}: false")


def _hosts(subject: Subject) -> Iterator[Problem]:
    """Say what variables of the cluster make of host names."""
    for index, route in enumerate(subject.spec.get("routes") or ()):
        host = route["host"]
        if len(host) > _LONGEST_HOST or _HOST.fullmatch(host) is None:
            message = f"{host[:80]!r} is not a host name"
            hint = "lower case letters, digits, - and ., as in shop.example.com; *. may begin it"
            yield subject.origins.problem(f"/routes/{index}/host", "app.host", message, hint)


def _stores(subject: Subject) -> Iterator[Problem]:
    config = subject.spec.get("runtimeConfig") or {}
    if "loadFromSecret" in config:
        return
    chosen = subject.spec.get("components") or subject.application.components
    components = [subject.application.components[name] for name in chosen if name in subject.application.components]
    models = sorted({model for each in components for model in each.ai_models})
    if models and (config.get("llmCompute") or {"type": "spin"}).get("type") == "spin":
        # Spin starts all the same: only the call fails (source: spin, crates/factor-llm/src/spin.rs, built without its feature `llm`).
        message = f"the manifest uses the model {models[0]!r}, and nothing computes it: the shim has none of its own, so each inference fails"
        hint = "set runtimeConfig.llmCompute to {type: remote_http, options: {url: …, auth_token: …}}"
        yield subject.origins.problem(
            "/runtimeConfig/llmCompute", "app.model", message, hint, severity=Severity.WARNING
        )
    for name, labels in (
        ("keyValueStores", {label for each in components for label in each.key_value_stores}),
        ("sqliteDatabases", {label for each in components for label in each.sqlite_databases}),
    ):
        known = config.get(name) or {}
        for label in sorted(labels - known.keys() - {_LOCAL_STORE}):
            message = f"the manifest uses {label!r}, which runtimeConfig.{name} does not have: Spin would not start"
            hint = f"add runtimeConfig.{name}.{label}"
            yield subject.origins.problem(f"/runtimeConfig/{name}", "app.store", message, hint)
        local = sorted(label for label in labels if (known.get(label) or {"type": "spin"}).get("type") == "spin")
        if local and subject.spec.get("replicas", 2) > 1:
            message = f"{', '.join(local)} in {name} is a file of each pod: replicas would not see one another's data"
            hint = f"back it with a shared store in runtimeConfig.{name}, or run one replica"
            yield subject.origins.problem(
                f"/runtimeConfig/{name}", "app.local-store", message, hint, severity=Severity.WARNING
            )
