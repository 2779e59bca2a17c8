"""Who sets the number of a workload's pods, and what a change of that does to those that run.

Where a manager that applied `replicas` leaves the field out, and nobody else has it, it is gone, and Kubernetes takes its default of 1.
An autoscaler has the field only once it has changed the number. So while it is handed over somebody must hold it (source: Kubernetes,
"Server-Side Apply", transferring ownership). SpinKube's operator lets go of it in the same way when a SpinApp becomes autoscaled
(observed on spin-operator 0.6).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from reconciler.manifest.report import mapping
from reconciler.plan.model import Action, ObjectKey, Step, key_of

_SPINAPP = ("core.spinkube.dev", "SpinApp")


def is_autoscaled(obj: Mapping[str, Any], scaled: Container[ObjectKey]) -> bool:
    """Tell whether an autoscaler sets the number of an object's pods; `scaled` are the workloads that one targets."""
    key = key_of(obj)
    return key in scaled or (
        (key.group, key.kind) == _SPINAPP and mapping(obj.get("spec")).get("enableAutoscaling") is True
    )


def hold(live: Mapping[str, Any], holder: str) -> dict[str, Any] | None:
    """Give what field manager `holder` applies to a live workload so that its number stays, whoever lets go of it.

    None where nobody who could let go has applied the number, or `holder` has it already.
    """
    appliers = {
        entry.get("manager")
        for entry in live["metadata"].get("managedFields") or ()
        if entry.get("operation") == "Apply" and "f:replicas" in mapping(mapping(entry.get("fieldsV1")).get("f:spec"))
    }
    if not appliers or holder in appliers:
        return None
    metadata = {name: live["metadata"][name] for name in ("name", "namespace", "uid") if name in live["metadata"]}
    return {
        "apiVersion": live["apiVersion"],
        "kind": live["kind"],
        "metadata": metadata,
        "spec": {"replicas": live["spec"]["replicas"]},
    }


def replicas_note(step: Step) -> str:
    """Say that a step hands the number of an app's pods over to its autoscaler; empty where it does not."""
    if step.action is not Action.CONFIGURE or step.key.kind != "SpinApp":
        return ""
    changes = {change.pointer: change for change in step.diff}
    switch, replicas = changes.get("/spec/enableAutoscaling"), changes.get("/spec/replicas")
    if switch is None or switch.desired is not True or switch.live is True:
        return ""
    number = f"the {replicas.live} pods" if replicas is not None and replicas.live else "the pods"
    return (
        f"{step.key}: {number} that run stay until its autoscaler sets their number; applied by other means they would fall to 1 first,"
        " since SpinKube lets go of the number"
    )
