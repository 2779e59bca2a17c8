"""An App with `job` becomes a Job or a CronJob that runs the artifact itself, in place of a SpinApp (source: batch/v1).

SpinKube has no field for work that ends. The pod is what its operator would make of a SpinApp, but for the port and the probes.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from typing import Any

from reconciler.fleet.cron import schedule_fault
from reconciler.fleet.executors import DEFAULT_EXECUTOR
from reconciler.fleet.model import AppAssignment
from reconciler.fleet.quantity import quantity
from reconciler.problems import Problem
from reconciler.render.duration import seconds
from reconciler.render.labels import metadata_of
from reconciler.render.named import named
from reconciler.render.places import problem_at, warning_at
from reconciler.render.service_account import account_name
from reconciler.render.spinkube import (
    APP_NAME_LABEL,
    RUNTIME_CONFIG_KEY,
    RUNTIME_CONFIG_PATH,
    resources_of,
)

_VOLUME = "spin-runtime-config"
_TRIGGER = "command"
#: Fields of an App that say how requests reach it or how its Deployment is kept.
_OF_SERVERS = ("routes", "checks", "serviceAnnotations", "deploymentAnnotations", "disruption", "monitoring")
_CA_VOLUME, _CA_SECRET, _CA_KEY = "spin-ca", "spin-ca", "ca-certificates.crt"
#: Fields of an executor's otel, in the order in which the operator sets them.
_OTEL = tuple(f"exporter_otlp_{part}endpoint" for part in ("", "traces_", "metrics_", "logs_"))


def job(app: AppAssignment, config_secret: str, problems: list[Problem]) -> dict[str, Any]:
    """Give the CronJob of an app with a schedule, else its Job.

    A Job's pods can't be changed, so its name ends with a hash of what it runs: another version is another Job.
    """
    _check(app, problems)
    problems.extend(_unused(app))
    wanted, spec = app.spec["job"], _spec(app, config_secret)
    metadata = metadata_of(app.name, app.namespace, app.spec)
    if "schedule" in wanted:
        schedule = {"schedule": wanted["schedule"], "concurrencyPolicy": "Forbid", "jobTemplate": {"spec": spec}}
        if "timezone" in wanted:
            schedule["timeZone"] = wanted["timezone"]
        return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": schedule}
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()
    metadata["name"] = f"{app.name}-{digest[:8]}"
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def _check(app: AppAssignment, problems: list[Problem]) -> None:
    wanted = app.spec["job"]
    types = sorted({trigger.type for trigger in app.application.triggers} - {_TRIGGER})
    if types:
        message = f"a job runs to its end, and trigger type {types[0]} never ends"
        problems.append(problem_at(app, "/job", "render.job", message, "remove spec.job, or use a command trigger"))
    if "autoscaling" in app.spec:
        message = "a job is not autoscaled: its pods are job.parallelism"
        problems.append(problem_at(app, "/autoscaling", "render.job", message, "remove autoscaling"))
    if not _runtime_class(app):
        message = f"a job runs under the RuntimeClass of its executor, and executor {app.spec['executor']!r} has none"
        problems.append(problem_at(app, "/executor", "render.job", message, f"use {DEFAULT_EXECUTOR}"))
    if "schedule" in wanted and (fault := schedule_fault(wanted["schedule"])):
        hint = "five fields: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, @yearly"
        problems.append(problem_at(app, "/job/schedule", "render.job", fault, hint))
    if "timezone" in wanted and "schedule" not in wanted:
        message = "a time zone is that of a schedule, and there is none"
        problems.append(problem_at(app, "/job/timezone", "render.job", message, "set job.schedule, or remove timezone"))
    if "ttl" in wanted and "schedule" not in wanted:
        message = "a Job that Kubernetes deletes after its ttl would be made and run again: the fleet still has it"
        problems.append(problem_at(app, "/job/ttl", "render.job", message, "remove ttl, or set job.schedule"))


def _unused(app: AppAssignment) -> Iterator[Problem]:
    """Warn of fields that a job has no use for; those of the fleet's defaults are meant for other apps."""
    for field in _OF_SERVERS:
        origin = app.origins.get(f"/{field}")
        written = app.spec.get(field) and (origin is None or origin.via not in {"default", "fleet defaults"})
        if written:
            yield warning_at(app, f"/{field}", "render.job", f"a job has no use for {field}", f"remove {field}")


def _spec(app: AppAssignment, config_secret: str) -> dict[str, Any]:
    wanted = app.spec["job"]
    spec: dict[str, Any] = {key: wanted[key] for key in ("parallelism", "completions") if key in wanted}
    if "retries" in wanted:
        spec["backoffLimit"] = wanted["retries"]
    if "ttl" in wanted:
        spec["ttlSecondsAfterFinished"] = seconds(wanted["ttl"])
    if "deadline" in wanted:
        spec["activeDeadlineSeconds"] = max(1, seconds(wanted["deadline"]))
    labels = {**(app.spec.get("podLabels") or {}), APP_NAME_LABEL: app.name}
    metadata: dict[str, Any] = {"labels": labels}
    if app.spec.get("podAnnotations"):
        metadata["annotations"] = dict(app.spec["podAnnotations"])
    return {**spec, "template": {"metadata": metadata, "spec": _pod(app, config_secret)}}


def _pod(app: AppAssignment, config_secret: str) -> dict[str, Any]:
    wanted = app.spec
    volumes, mounts = list(wanted.get("volumes") or ()), list(wanted.get("volumeMounts") or ())
    secret = config_secret or (wanted.get("runtimeConfig") or {}).get("loadFromSecret")
    if secret:
        items = [{"key": RUNTIME_CONFIG_KEY, "path": RUNTIME_CONFIG_KEY}]
        volumes.append({"name": _VOLUME, "secret": {"secretName": secret, "items": items}})
        mount = {"name": _VOLUME, "mountPath": RUNTIME_CONFIG_PATH, "subPath": RUNTIME_CONFIG_KEY, "readOnly": True}
        mounts.append(mount)
    if authorities := _authorities(app):
        items = [{"key": _CA_KEY, "path": _CA_KEY}]
        volumes.append({"name": _CA_VOLUME, "secret": {"secretName": authorities, "optional": True, "items": items}})
        mount = {"name": _CA_VOLUME, "mountPath": f"/etc/ssl/certs/{_CA_KEY}", "subPath": _CA_KEY, "readOnly": True}
        mounts.append(mount)
    container: dict[str, Any] = {"name": app.name, "image": wanted["artifact"], "command": ["/"]}
    if env := _environment(app):
        container["env"] = env
    if wanted.get("resources"):
        container["resources"] = resources_of(wanted["resources"])
    if mounts:
        container["volumeMounts"] = mounts
    pod: dict[str, Any] = {"restartPolicy": "OnFailure", "containers": [container]}
    if runtime_class := _runtime_class(app):
        pod = {"runtimeClassName": runtime_class, **pod}
    if account := account_name(app):
        pod["serviceAccountName"] = account
    if wanted.get("imagePullSecrets"):
        pod["imagePullSecrets"] = [{"name": name} for name in wanted["imagePullSecrets"]]
    if volumes:
        pod["volumes"] = volumes
    return pod


def _runtime_class(app: AppAssignment) -> str:
    """Give the RuntimeClass that the executor would give its pods; empty where it has none."""
    if app.executor is None or not app.executor.creates_deployment:
        return ""
    return str(app.executor.deployment.get("runtimeClassName") or "")


def _authorities(app: AppAssignment) -> str:
    """Give the Secret with the authorities that pods of the executor trust; empty where there is none.

    SpinKube makes the usual one with the first SpinApp of a namespace: until then a job does without it.
    """
    config = app.executor.deployment if app.executor is not None else {}
    return str(config.get("caCertSecret") or (_CA_SECRET if config.get("installDefaultCACerts") else ""))


def _environment(app: AppAssignment) -> list[dict[str, Any]]:
    variables = app.spec.get("variables") or {}
    env = [named(f"SPIN_VARIABLE_{name.upper()}", value) for name, value in sorted(variables.items())]
    otel = app.executor.deployment.get("otel") or {} if app.executor is not None else {}
    env += [{"name": f"OTEL_{name.upper()}", "value": otel[name]} for name in _OTEL if otel.get(name)]
    memory = quantity((app.spec.get("invocationLimits") or {}).get("memory"))
    if memory is not None:
        env.append({"name": "SPIN_MAX_INSTANCE_MEMORY", "value": str(math.ceil(memory))})
    if app.spec.get("components"):
        env.append({"name": "SPIN_COMPONENTS_TO_RETAIN", "value": ",".join(app.spec["components"])})
    return env
