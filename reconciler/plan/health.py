"""The health of a live object: kstatus' rules (kubernetes-sigs/cli-utils, pkg/kstatus) as a table of pure functions.

A SpinApp's own status says nothing reliable (facts of SpinKube): its health is read off the Deployment that the operator makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.plan.model import Health, HealthResult

_CURRENT = HealthResult(Health.CURRENT)
Rule = Callable[[Mapping[str, Any]], HealthResult]


def health(obj: Mapping[str, Any]) -> HealthResult:
    """Give the health of any object but a SpinApp (see spinapp_health)."""
    metadata = obj["metadata"]
    if "deletionTimestamp" in metadata:
        waits = ", ".join(metadata.get("finalizers") or ()) or "its grace period"
        return HealthResult(Health.TERMINATING, f"being deleted, waits for {waits}")
    status = obj.get("status") or {}
    observed, generation = status.get("observedGeneration"), metadata.get("generation")
    if observed is not None and generation is not None and observed < generation:
        return _progressing(f"generation {generation} not seen yet by its controller")
    group = str(obj["apiVersion"]).rpartition("/")[0]
    rule = _RULES.get((group, obj["kind"]))
    return rule(obj) if rule is not None else _by_conditions(obj)


def spinapp_health(
    spinapp: Mapping[str, Any], deployment: Mapping[str, Any] | None, *, has_deployment: bool = True
) -> HealthResult:
    """Give a SpinApp's health from the Deployment of its name (facts of SpinKube: "When is a SpinApp ready?").

    `has_deployment` False: its executor makes none (createDeployment=false), so there is nothing that could be waited for.
    """
    metadata, spec = spinapp["metadata"], spinapp["spec"]
    if "deletionTimestamp" in metadata:
        return HealthResult(Health.TERMINATING, "being deleted")
    if not has_deployment:
        return _CURRENT
    if deployment is None:
        return _progressing("waits for the SpinKube operator to make its Deployment")
    owners = deployment["metadata"].get("ownerReferences") or ()
    if not any(owner.get("uid") == metadata.get("uid") for owner in owners):
        return HealthResult(Health.FAILED, f"Deployment {metadata['name']} exists and is not this SpinApp's")
    containers: Sequence[Mapping[str, Any]] = deployment["spec"]["template"]["spec"].get("containers") or ({},)
    if containers[0].get("image") != spec.get("image"):
        return _progressing("its Deployment still has the image of an earlier version")
    if (
        not spec.get("enableAutoscaling")
        and spec.get("replicas") is not None
        and deployment["spec"].get("replicas") != spec["replicas"]
    ):
        return _progressing("its Deployment still has an earlier number of replicas")
    missing = _missing_variables(spec, containers[0])
    if missing:
        return _progressing(f"its Deployment still has earlier variables ({', '.join(missing[:3])})")
    return _with_observed(deployment)


def _missing_variables(spec: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
    env = {entry["name"]: entry for entry in container.get("env") or ()}
    missing = []
    for variable in spec.get("variables") or ():
        entry = env.get(f"SPIN_VARIABLE_{variable['name'].upper()}")
        if entry is None or ("value" in variable and entry.get("value", "") != variable["value"]):
            missing.append(variable["name"])
    return missing


def _with_observed(deployment: Mapping[str, Any]) -> HealthResult:
    observed = (deployment.get("status") or {}).get("observedGeneration", 0)
    if observed < deployment["metadata"].get("generation", 0):
        return _progressing("its Deployment's newest generation is not seen yet by its controller")
    return _deployment(deployment)


def _progressing(message: str) -> HealthResult:
    return HealthResult(Health.PROGRESSING, message)


def _condition(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((condition for condition in conditions if condition.get("type") == kind), None)


def _is(obj: Mapping[str, Any], kind: str, status: str = "True") -> bool:
    found = _condition(obj, kind)
    return found is not None and found.get("status") == status


def _by_conditions(obj: Mapping[str, Any]) -> HealthResult:
    """Judge by the standard conditions; an object with none is current: nobody promised more of it."""
    if (stalled := _condition(obj, "Stalled")) is not None and stalled.get("status") == "True":
        return HealthResult(Health.FAILED, str(stalled.get("message") or stalled.get("reason") or "stalled"))
    if (reconciling := _condition(obj, "Reconciling")) is not None and reconciling.get("status") == "True":
        return _progressing(str(reconciling.get("message") or "reconciling"))
    ready = _condition(obj, "Ready")
    if ready is not None and ready.get("status") != "True":
        return _progressing(str(ready.get("message") or ready.get("reason") or "not ready"))
    return _CURRENT


def _deployment(obj: Mapping[str, Any]) -> HealthResult:
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    progress = _condition(obj, "Progressing")
    if progress is not None and progress.get("reason") == "ProgressDeadlineExceeded":
        return HealthResult(Health.FAILED, str(progress.get("message") or "progress deadline exceeded"))
    for field, words in (
        ("replicas", "made"),
        ("updatedReplicas", "updated"),
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ):
        have = status.get(field, 0)
        if have < wanted:
            return _progressing(f"{have} of {wanted} replicas {words}")
    if status.get("replicas", 0) > wanted:
        return _progressing(f"{status['replicas'] - wanted} old replicas still to go")
    if progress is None or (progress.get("status") == "True" and progress.get("reason") != "NewReplicaSetAvailable"):
        return _progressing("its new replica set is not available yet")
    return _CURRENT


def _statefulset(obj: Mapping[str, Any]) -> HealthResult:
    spec, status = obj["spec"], obj.get("status") or {}
    wanted = spec.get("replicas", 1)
    if status.get("readyReplicas", 0) < wanted or status.get("replicas", 0) != wanted:
        return _progressing(f"{status.get('readyReplicas', 0)} of {wanted} replicas ready")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "OnDelete":
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        if status.get("updatedReplicas", 0) < wanted - partition:
            return _progressing(f"{status.get('updatedReplicas', 0)} of {wanted - partition} replicas updated")
        if not partition and status.get("currentRevision") != status.get("updateRevision"):
            return _progressing("not every replica is of the newest revision")
    return _CURRENT


def _daemonset(obj: Mapping[str, Any]) -> HealthResult:
    status = obj.get("status") or {}
    if "desiredNumberScheduled" not in status:
        return _progressing("not scheduled yet")
    wanted = status["desiredNumberScheduled"]
    for field, words in (
        ("updatedNumberScheduled", "updated"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ):
        if status.get(field, 0) < wanted:
            return _progressing(f"{status.get(field, 0)} of {wanted} pods {words}")
    return _CURRENT


def _replicaset(obj: Mapping[str, Any]) -> HealthResult:
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    if (failure := _condition(obj, "ReplicaFailure")) is not None and failure.get("status") == "True":
        return HealthResult(Health.FAILED, str(failure.get("message") or "replica failure"))
    if status.get("availableReplicas", 0) < wanted or status.get("replicas", 0) != wanted:
        return _progressing(f"{status.get('availableReplicas', 0)} of {wanted} replicas available")
    return _CURRENT


def _job(obj: Mapping[str, Any]) -> HealthResult:
    if (failed := _condition(obj, "Failed")) is not None and failed.get("status") == "True":
        return HealthResult(Health.FAILED, str(failed.get("message") or "the job failed"))
    if _is(obj, "Complete") or (obj.get("status") or {}).get("startTime"):
        return _CURRENT
    return _progressing("the job has not started")


def _pod(obj: Mapping[str, Any]) -> HealthResult:
    status = obj.get("status") or {}
    phase = status.get("phase")
    if phase == "Succeeded" or (phase == "Running" and _is(obj, "Ready")):
        return _CURRENT
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") == "CrashLoopBackOff":
            return HealthResult(Health.FAILED, str(waiting.get("message") or "a container keeps crashing"))
    if phase == "Failed":
        return HealthResult(Health.FAILED, str(status.get("message") or "the pod failed"))
    return _progressing(f"the pod is {phase or 'not scheduled'}")


def _claim(obj: Mapping[str, Any]) -> HealthResult:
    phase = (obj.get("status") or {}).get("phase")
    return _CURRENT if phase == "Bound" else _progressing(f"the claim is {phase or 'new'}")


def _service(obj: Mapping[str, Any]) -> HealthResult:
    balanced = obj["spec"].get("type") == "LoadBalancer"
    addresses = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return _progressing("waits for its load balancer's address") if balanced and not addresses else _CURRENT


def _crd(obj: Mapping[str, Any]) -> HealthResult:
    if (names := _condition(obj, "NamesAccepted")) is not None and names.get("status") == "False":
        return HealthResult(Health.FAILED, str(names.get("message") or "its names are taken"))
    return _CURRENT if _is(obj, "Established") else _progressing("not established yet")


def _budget(obj: Mapping[str, Any]) -> HealthResult:
    return (
        _CURRENT
        if "observedGeneration" in (obj.get("status") or {})
        else _progressing("not seen yet by its controller")
    )


def _namespace(obj: Mapping[str, Any]) -> HealthResult:
    return _CURRENT if (obj.get("status") or {}).get("phase") == "Active" else _progressing("not active yet")


_RULES: Mapping[tuple[str, str], Rule] = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _statefulset,
    ("apps", "DaemonSet"): _daemonset,
    ("apps", "ReplicaSet"): _replicaset,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Service"): _service,
    ("", "Namespace"): _namespace,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _crd,
    ("policy", "PodDisruptionBudget"): _budget,
}

_SEVERITY = (Health.CURRENT, Health.UNKNOWN, Health.TERMINATING, Health.PROGRESSING, Health.FAILED)


def worst(results: Mapping[str, HealthResult]) -> HealthResult:
    """Give an app's health from its objects': the worst one, named. An app with no objects is current."""
    found = _CURRENT
    for name in sorted(results):
        result = results[name]
        if _SEVERITY.index(result.health) > _SEVERITY.index(found.health):
            found = HealthResult(result.health, f"{name}: {result.message}")
    return found
