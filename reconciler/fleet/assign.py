"""What one cluster is to run: placed, merged with defaults and overrides, variables filled in, held against the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.model import (
    AppAssignment,
    AppDefinition,
    Assignment,
    BundleAssignment,
    BundleDefinition,
    Cluster,
    Fleet,
    SourcedObject,
    Unit,
    Withheld,
)
from reconciler.fleet.overrides import merge_patch, substitute
from reconciler.fleet.placement import placed, selects
from reconciler.problems import Problem, has_errors
from reconciler.schema_check import closest

DEFAULT_NAMESPACE = "default"
DEFAULT_EXECUTOR = "containerd-shim-spin"


def assign(fleet: Fleet, cluster: str) -> Assignment:
    """Give what a cluster is to run. Raises InputError where the fleet has no such cluster."""
    here = _cluster(fleet, cluster)
    units: dict[str, Unit] = {}
    for name in sorted({*fleet.apps, *fleet.bundles}):
        unit = assign_unit(fleet, cluster, name)
        if unit is not None:
            units[name] = unit
    return Assignment(cluster=here, commit=fleet.commit, fleet=fleet, units=units)


def assign_unit(fleet: Fleet, cluster: str, name: str) -> Unit | None:
    """Give one app or bundle as a cluster is to run it; None where it is not placed there or not in the fleet.

    Raises InputError where the fleet has no such cluster.
    """
    here = _cluster(fleet, cluster)
    if (app := fleet.apps.get(name)) is not None:
        return _app(fleet, app, here)
    if (bundle := fleet.bundles.get(name)) is not None:
        return _bundle(bundle, here)
    return None


def _cluster(fleet: Fleet, name: str) -> Cluster:
    found = fleet.clusters.get(name)
    if found is None:
        hint = closest(name, sorted(fleet.clusters)) or f"add a Cluster document named {name}"
        raise InputError(f"the fleet has no cluster {name!r}", hint=hint)
    return found


def _app(fleet: Fleet, app: AppDefinition, cluster: Cluster) -> Unit | None:
    defaults = fleet.spec.get("defaults") or {}
    if has_errors(app.problems) or app.application is None:
        placement = app.spec.get("placement") or defaults.get("placement")
        return _withheld(app) if _may_be_placed(placement, cluster) else None
    document = merge_patch(defaults, app.spec)
    if not placed(document.get("placement"), cluster):
        return None
    spec = document
    for override in document.get("overrides") or ():
        if selects(override["clusters"], cluster):
            spec = merge_patch(spec, override["spec"])
    spec = {key: value for key, value in spec.items() if key not in {"overrides", "placement"}}
    missing: set[str] = set()
    spec = substitute(spec, _variables(cluster), missing)
    spec = {"namespace": DEFAULT_NAMESPACE, "executor": DEFAULT_EXECUTOR, **spec}
    if "autoscaling" not in spec:
        spec.setdefault("replicas", 1)
    problems = _missing_variables(app, cluster, missing)
    if problems:
        return _withheld(app, problems)
    return AppAssignment(
        name=app.name,
        path=app.path,
        line=app.line,
        namespace=spec["namespace"],
        spec=spec,
        origins={},
        application=app.application,
        manifest_path=app.manifest_path,
        version=app.version,
        problems=app.problems,
    )


def _bundle(bundle: BundleDefinition, cluster: Cluster) -> Unit | None:
    placement = bundle.spec.get("placement")
    if has_errors(bundle.problems):
        return _withheld(bundle) if _may_be_placed(placement, cluster) else None
    if not placed(placement, cluster):
        return None
    missing: set[str] = set()
    objects = tuple(_patched(bundle.spec.get("patches") or (), each, cluster, missing) for each in bundle.objects)
    problems = _missing_variables(bundle, cluster, missing)
    if problems:
        return _withheld(bundle, problems)
    return BundleAssignment(
        name=bundle.name,
        path=bundle.path,
        line=bundle.line,
        namespace=bundle.spec.get("namespace"),
        spec=bundle.spec,
        objects=objects,
        version=bundle.version,
        problems=bundle.problems,
    )


def _patched(patches: Any, sourced: SourcedObject, cluster: Cluster, missing: set[str]) -> SourcedObject:
    obj: Mapping[str, Any] = sourced.object
    for patch in patches:
        target = patch["target"]
        if target["kind"] != obj["kind"] or target.get("name", obj["metadata"]["name"]) != obj["metadata"]["name"]:
            continue
        if selects(patch.get("clusters") or {}, cluster):
            obj = merge_patch(obj, substitute(patch["patch"], _variables(cluster), missing))
    return sourced if obj is sourced.object else SourcedObject(object=obj, path=sourced.path, line=sourced.line)


def _variables(cluster: Cluster) -> dict[str, str]:
    return {"name": cluster.name, **(cluster.spec.get("variables") or {})}


def _missing_variables(
    definition: AppDefinition | BundleDefinition, cluster: Cluster, missing: set[str]
) -> tuple[Problem, ...]:
    return tuple(
        Problem(
            path=definition.path,
            line=definition.line,
            code="fleet.cluster-variable",
            message=f"cluster {cluster.name!r} has no variable {name!r}",
            hint=closest(name, sorted(_variables(cluster))) or f"set spec.variables.{name} in {cluster.path}",
        )
        for name in sorted(missing)
    )


def _may_be_placed(placement: Any, cluster: Cluster) -> bool:
    """Tell whether an invalid document might mean this cluster: where its placement can't be read, it might."""
    try:
        return placed(placement, cluster)
    except (AttributeError, KeyError, TypeError, ValueError):
        return True


def _withheld(definition: AppDefinition | BundleDefinition, problems: tuple[Problem, ...] = ()) -> Withheld:
    return Withheld(
        name=definition.name,
        path=definition.path,
        line=definition.line,
        problems=tuple(sorted({*definition.problems, *problems}, key=Problem.sort_key)),
    )
