"""What an app reads of the cluster and the fleet brings: SpinKube's operator does not watch it, so a change of it would roll no pod."""

from __future__ import annotations

import hashlib

from reconciler.fleet.model import AppAssignment
from reconciler.problems import Problem
from reconciler.render.model import INPUTS_ANNOTATION
from reconciler.render.places import warning_at

_DIGITS = 16


def inputs_annotation(app: AppAssignment) -> dict[str, str]:
    """Give the annotation of the pods that changes with what they read; empty where the fleet brings nothing of it.

    It is a hash of the Git ids of files: what an encrypted file holds never comes into it.
    """
    if not app.inputs or not app.creates_deployment:
        return {}
    lines = "".join(f"{kind}/{name} {mark}\n" for (kind, name), mark in sorted(app.inputs.items()))
    return {INPUTS_ANNOTATION: hashlib.sha256(lines.encode()).hexdigest()[:_DIGITS]}


def unrolled(app: AppAssignment) -> list[Problem]:
    """Warn of inputs whose change nobody notices: without a Deployment there is no pod annotation to set."""
    if app.creates_deployment or not app.inputs:
        return []
    names = ", ".join(f"{kind} {name!r}" for kind, name in sorted(app.inputs))
    message = f"executor {app.spec['executor']!r} creates no Deployment, so a change of {names} rolls out nothing"
    return [warning_at(app, "/executor", "render.no-rollout", message, "restart what runs the app after such a change")]
