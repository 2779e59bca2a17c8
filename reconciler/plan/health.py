"""The health of a live object: kstatus' rules (fluxcd/cli-utils, pkg/kstatus) as a table of pure functions.

On purpose stricter than kstatus: a Service waits for its load balancer's address, a Namespace to be active, a StatefulSet that is updated
on delete for its replicas, and a Pod that ended without success has failed.

A SpinApp's own status says nothing reliable (facts of SpinKube): its health is read off the Deployment that the operator makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reconciler.plan.conditions import CURRENT, condition, conditions_of, failed, holds, progressing, standard, words
from reconciler.plan.extension_health import RULES
from reconciler.plan.health_rules import NO_RULES, HealthRules
from reconciler.plan.model import Health, HealthResult

#: What the Deployment controller takes for no deadline (k8s.io/kubernetes, pkg/controller/deployment/util: HasProgressDeadline).
_NO_DEADLINE = 2**31 - 1
Rule = Callable[[Mapping[str, Any]], HealthResult]


def health(obj: Mapping[str, Any], rules: HealthRules = NO_RULES) -> HealthResult:
    """Give the health of any object but a SpinApp (see spinapp_health); `rules` are the Fleet's, for kinds of its own."""
    metadata = obj["metadata"]
    if "deletionTimestamp" in metadata:
        waits = ", ".join(metadata.get("finalizers") or ()) or "its grace period"
        return HealthResult(Health.TERMINATING, f"being deleted, waits for {waits}")
    status = obj.get("status") or {}
    observed, generation = status.get("observedGeneration"), metadata.get("generation")
    if observed is not None and generation is not None and observed != generation:
        return progressing(f"generation {generation} not seen yet by its controller")
    if (told := standard(conditions_of(obj))) is not None:
        return told
    group = str(obj["apiVersion"]).rpartition("/")[0]
    if (own := rules.get((group, obj["kind"]))) is not None:
        return own.judge(obj)
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
        return CURRENT
    if deployment is None:
        return progressing("waits for the SpinKube operator to make its Deployment")
    owners = deployment["metadata"].get("ownerReferences") or ()
    if not any(owner.get("uid") == metadata.get("uid") for owner in owners):
        return HealthResult(Health.FAILED, f"Deployment {metadata['name']} exists and is not this SpinApp's")
    containers: Sequence[Mapping[str, Any]] = deployment["spec"]["template"]["spec"].get("containers") or ({},)
    if containers[0].get("image") != spec.get("image"):
        return progressing("its Deployment still has the image of an earlier version")
    if (
        not spec.get("enableAutoscaling")
        and spec.get("replicas") is not None
        and deployment["spec"].get("replicas") != spec["replicas"]
    ):
        return progressing("its Deployment still has an earlier number of replicas")
    missing = _missing_variables(spec, containers[0])
    if missing:
        return progressing(f"its Deployment still has earlier variables ({', '.join(missing[:3])})")
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
        return progressing("its Deployment's newest generation is not seen yet by its controller")
    return _deployment(deployment)


def _condition(obj: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return condition(conditions_of(obj), kind)


def _is(obj: Mapping[str, Any], kind: str) -> bool:
    return holds(conditions_of(obj), kind)


def _by_conditions(obj: Mapping[str, Any]) -> HealthResult:
    """Judge by Ready; an object without it is current: nobody promised more of it."""
    ready = _condition(obj, "Ready")
    if ready is not None and ready.get("status") != "True":
        return progressing(words(ready, "not ready"))
    return CURRENT


def _deployment(obj: Mapping[str, Any]) -> HealthResult:
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    progress = _condition(obj, "Progressing")
    if progress is not None and progress.get("reason") == "ProgressDeadlineExceeded":
        return HealthResult(Health.FAILED, str(progress.get("message") or "progress deadline exceeded"))
    for field, made in (
        ("replicas", "made"),
        ("updatedReplicas", "updated"),
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ):
        have = status.get(field, 0)
        if have < wanted:
            return progressing(f"{have} of {wanted} replicas {made}")
    if status.get("replicas", 0) > wanted:
        return progressing(f"{status['replicas'] - wanted} old replicas still to go")
    # Without a deadline of its own the controller says nothing of progress.
    unlimited = obj["spec"].get("progressDeadlineSeconds") in {None, _NO_DEADLINE}
    done = (
        progress is not None and progress.get("status") == "True" and progress.get("reason") == "NewReplicaSetAvailable"
    )
    if not done and not (progress is None and unlimited):
        return progressing("its new replica set is not available yet")
    if not _is(obj, "Available"):
        return progressing("not available yet")
    return CURRENT


def _statefulset(obj: Mapping[str, Any]) -> HealthResult:
    spec, status = obj["spec"], obj.get("status") or {}
    wanted = spec.get("replicas", 1)
    if status.get("readyReplicas", 0) < wanted or status.get("replicas", 0) != wanted:
        return progressing(f"{status.get('readyReplicas', 0)} of {wanted} replicas ready")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") != "OnDelete":
        partition = (strategy.get("rollingUpdate") or {}).get("partition", 0)
        if status.get("updatedReplicas", 0) < wanted - partition:
            return progressing(f"{status.get('updatedReplicas', 0)} of {wanted - partition} replicas updated")
        if not partition and status.get("currentRevision") != status.get("updateRevision"):
            return progressing("not every replica is of the newest revision")
    return CURRENT


def _daemonset(obj: Mapping[str, Any]) -> HealthResult:
    status = obj.get("status") or {}
    if "desiredNumberScheduled" not in status or "observedGeneration" not in status:
        return progressing("not scheduled yet")
    wanted = status["desiredNumberScheduled"]
    for field, done in (
        ("currentNumberScheduled", "placed"),
        ("updatedNumberScheduled", "updated"),
        ("numberAvailable", "available"),
        ("numberReady", "ready"),
    ):
        if status.get(field, 0) < wanted:
            return progressing(f"{status.get(field, 0)} of {wanted} pods {done}")
    return CURRENT


def _replicaset(obj: Mapping[str, Any]) -> HealthResult:
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    if (failure := _condition(obj, "ReplicaFailure")) is not None and failure.get("status") == "True":
        return progressing(words(failure, "pods can't be made"))
    if min(status.get(field, 0) for field in ("fullyLabeledReplicas", "availableReplicas", "readyReplicas")) < wanted:
        return progressing(f"{status.get('availableReplicas', 0)} of {wanted} replicas available")
    if status.get("replicas", 0) != wanted:
        return progressing(f"{status.get('replicas', 0) - wanted} old replicas still to go")
    return CURRENT


def _job(obj: Mapping[str, Any]) -> HealthResult:
    if (failed := _condition(obj, "Failed")) is not None and failed.get("status") == "True":
        return HealthResult(Health.FAILED, str(failed.get("message") or "the job failed"))
    if _is(obj, "Complete") or (obj.get("status") or {}).get("startTime"):
        return CURRENT
    return progressing("the job has not started")


def _pod(obj: Mapping[str, Any]) -> HealthResult:
    status = obj.get("status") or {}
    phase = status.get("phase")
    if phase == "Succeeded" or (phase == "Running" and _is(obj, "Ready")):
        return CURRENT
    for container in status.get("containerStatuses") or ():
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") == "CrashLoopBackOff":
            return HealthResult(Health.FAILED, str(waiting.get("message") or "a container keeps crashing"))
    if phase == "Failed":
        return HealthResult(Health.FAILED, str(status.get("message") or "the pod failed"))
    scheduled = _condition(obj, "PodScheduled")
    if scheduled is not None and scheduled.get("reason") == "Unschedulable":
        return progressing(words(scheduled, "no node takes it"))
    return progressing(f"the pod is {phase or 'not scheduled'}")


def _claim(obj: Mapping[str, Any]) -> HealthResult:
    phase = (obj.get("status") or {}).get("phase")
    return CURRENT if phase == "Bound" else progressing(f"the claim is {phase or 'new'}")


def _service(obj: Mapping[str, Any]) -> HealthResult:
    balanced = obj["spec"].get("type") == "LoadBalancer"
    addresses = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return progressing("waits for its load balancer's address") if balanced and not addresses else CURRENT


def _crd(obj: Mapping[str, Any]) -> HealthResult:
    if (names := _condition(obj, "NamesAccepted")) is not None and names.get("status") == "False":
        return HealthResult(Health.FAILED, str(names.get("message") or "its names are taken"))
    established = _condition(obj, "Established")
    if established is not None and established.get("status") == "False" and established.get("reason") != "Installing":
        return failed(words(established, "not established"))
    return CURRENT if _is(obj, "Established") else progressing("not established yet")


def _budget(obj: Mapping[str, Any]) -> HealthResult:
    return (
        CURRENT if "observedGeneration" in (obj.get("status") or {}) else progressing("not seen yet by its controller")
    )


def _namespace(obj: Mapping[str, Any]) -> HealthResult:
    return CURRENT if (obj.get("status") or {}).get("phase") == "Active" else progressing("not active yet")


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
    **RULES,
}

_SEVERITY = (Health.CURRENT, Health.UNKNOWN, Health.TERMINATING, Health.PROGRESSING, Health.FAILED)


def worst(results: Mapping[str, HealthResult]) -> HealthResult:
    """Give an app's health from its objects': the worst one, named. An app with no objects is current."""
    found = CURRENT
    for name in sorted(results):
        result = results[name]
        if _SEVERITY.index(result.health) > _SEVERITY.index(found.health):
            found = HealthResult(result.health, f"{name}: {result.message}")
    return found
