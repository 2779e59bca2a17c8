"""What a change of who sets replicas does to pods that run (observed on spin-operator 0.6: it lets go of the Deployment's replicas)."""

from __future__ import annotations

from reconciler.plan.model import Action, Step


def replicas_warning(step: Step) -> str:
    """Say that a step makes an app's pods fall to one until its autoscaler acts; empty where it does not.

    SpinKube's operator stops sending `replicas` once a SpinApp is autoscaled, and Kubernetes then takes its default of 1, unless the
    autoscaler has set the field already.
    """
    if step.action is not Action.CONFIGURE or step.key.kind != "SpinApp":
        return ""
    for change in step.diff:
        if change.pointer == "/spec/enableAutoscaling" and change.desired is True and change.live is not True:
            return (
                f"{step.key}: once it is autoscaled SpinKube lets go of its replicas, which fall to 1 until the autoscaler acts;"
                " do it at a quiet hour"
            )
    return ""
