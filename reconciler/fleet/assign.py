"""What one cluster is to run: placed, merged with defaults and overrides, variables filled in, held against the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.brought import Bearing, Brought, brought, group_kind
from reconciler.fleet.checks import Subject, cluster_problems
from reconciler.fleet.executors import DEFAULT_EXECUTOR
from reconciler.fleet.merge_patch import merge_patch
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
from reconciler.fleet.object_rules import object_faults
from reconciler.fleet.overrides import Layer, Origins, layers_of, merged
from reconciler.fleet.patches import patches_for
from reconciler.fleet.placement import may_be_placed, placement_of
from reconciler.fleet.reads import inputs_of, services_of
from reconciler.fleet.sealed_objects import still_sealed
from reconciler.fleet.variables import filled, missing, variables_of
from reconciler.problems import Problem, has_errors
from reconciler.schema_check import check, closest

DEFAULT_NAMESPACE = "default"
#: Fields that say where and by which patches, used up here; and which versions people's commands may choose.
_USED_UP = frozenset({"artifactPolicy", "overrides", "placement"})


@dataclass(frozen=True, slots=True)
class Here:
    """A cluster, what the fleet brings to it that bears on apps, and the custom kinds without a namespace that it defines there."""

    cluster: Cluster
    brought: Brought
    cluster_scoped: frozenset[tuple[str, str]] = frozenset()


def assign(fleet: Fleet, cluster: str) -> Assignment:
    """Give what a cluster is to run. Raises InputError where the fleet has no such cluster."""
    place = here(fleet, cluster)
    units: dict[str, Unit] = {}
    for name in sorted({*fleet.apps, *fleet.bundles}):
        unit = assign_here(fleet, place, name)
        if unit is not None:
            units[name] = unit
    return Assignment(cluster=place.cluster, commit=fleet.commit, fleet=fleet, units=units)


def assign_unit(fleet: Fleet, cluster: str, name: str) -> Unit | None:
    """Give one app or bundle as a cluster is to run it; None where it is not placed there or not in the fleet.

    Raises InputError where the fleet has no such cluster.
    """
    return assign_here(fleet, here(fleet, cluster), name)


def here(fleet: Fleet, cluster: str, bearing: Bearing | None = None) -> Here:
    """Give a cluster as `assign_here` takes it: made once for many apps. Raises InputError where the fleet has no such cluster.

    `bearing` is that of the fleet, where it is at hand.
    """
    found = _cluster(fleet, cluster)
    bearing = bearing or Bearing(fleet)
    return Here(found, brought(fleet, found, bearing), bearing.cluster_scoped(found))


def assign_here(fleet: Fleet, place: Here, name: str) -> Unit | None:
    """Give one app or bundle as `assign_unit` does."""
    if (app := fleet.apps.get(name)) is not None:
        return _app(fleet, app, place)
    if (bundle := fleet.bundles.get(name)) is not None:
        return _bundle(fleet, bundle, place)
    return None


def _cluster(fleet: Fleet, name: str) -> Cluster:
    found = fleet.clusters.get(name)
    if found is None:
        hint = closest(name, sorted(fleet.clusters)) or f"add a Cluster document named {name}"
        raise InputError(f"the fleet has no cluster {name!r}", hint=hint)
    return found


def _app(fleet: Fleet, app: AppDefinition, place: Here) -> Unit | None:
    cluster = place.cluster
    if not may_be_placed(placement_of(fleet, app), cluster):
        return None
    if has_errors(app.problems) or app.application is None:
        return _withheld(app)
    layers = layers_of(fleet, app, cluster)
    as_written = {key: value for key, value in merged(layers).items() if key not in _USED_UP}
    variables = variables_of(cluster)
    spec = _complete(filled(as_written, variables), layers)
    origins = Origins(layers, spec)
    problems = [_no_variable(origins, cluster, each.pointer, each.name) for each in missing(as_written, variables)]
    if not has_errors(problems):
        problems += _shape(spec, app, origins)
    executor = place.brought.executor(str(spec["namespace"]), str(spec["executor"]))
    if not has_errors(problems):
        problems += [
            origins.problem(f"/dependsOn/{index}", *fault) for index, fault in _elsewhere(fleet, spec, cluster)
        ]
        problems += cluster_problems(
            Subject(spec, origins, app.application, app.manifest_path, cluster, executor, app.name)
        )
    if has_errors(problems):
        return _withheld(app, problems)
    return AppAssignment(
        name=app.name,
        path=app.path,
        line=app.line,
        namespace=spec["namespace"],
        spec=spec,
        origins=origins,
        application=app.application,
        manifest_path=app.manifest_path,
        version=app.version,
        problems=(*app.problems, *problems),
        fleet=fleet.name,
        executor=executor,
        inputs=inputs_of(spec, spec["namespace"], place.brought),
        services=services_of(fleet, cluster, spec, app.application, place.brought),
        files=app.files,
    )


def _complete(spec: Mapping[str, Any], layers: tuple[Layer, ...]) -> dict[str, Any]:
    """Add Spinfleet's own defaults. The fleet's default of replicas is not meant for an app that is scaled."""
    complete = {"namespace": DEFAULT_NAMESPACE, "executor": DEFAULT_EXECUTOR, **spec}
    if "autoscaling" not in complete:
        complete.setdefault("replicas", 1)
    elif not any("replicas" in layer.patch for layer in layers if layer.via != "fleet defaults"):
        complete.pop("replicas", None)
    return complete


def _shape(spec: Mapping[str, Any], app: AppDefinition, origins: Origins) -> list[Problem]:
    """Hold what the layers make together against the schema: each may be right alone and the sum wrong.

    Fields that are the document's own values were held against it with the document, and the schema has no rule across fields.
    """
    own = app.spec
    made = {key: value for key, value in spec.items() if key == "artifact" or value is not own.get(key)}
    whole = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "App", "metadata": {"name": app.name}, "spec": made}
    found = check(whole, "app", path=app.path, places=lambda _: None, prefix="fleet")
    return [
        origins.problem(problem.pointer.removeprefix("/spec"), problem.code, problem.message, problem.hint)
        for problem in found
    ]


def _no_variable(origins: Origins, cluster: Cluster, pointer: str, name: str) -> Problem:
    hint = closest(name, sorted(variables_of(cluster))) or f"set spec.variables.{name} in {cluster.path}"
    message = f"cluster {cluster.name!r} has no variable {name!r}"
    return origins.problem(pointer, "fleet.cluster-variable", message, hint)


def _bundle(fleet: Fleet, bundle: BundleDefinition, place: Here) -> Unit | None:
    cluster = place.cluster
    if not may_be_placed(placement_of(fleet, bundle), cluster):
        return None
    if has_errors(bundle.problems):
        return _withheld(bundle)
    problems: list[Problem] = []
    if bundle.document is not None:
        for index, (code, message, hint) in _elsewhere(fleet, bundle.spec, cluster):
            problems.append(bundle.document.problem(code, message, f"/spec/dependsOn/{index}", hint))
    objects = tuple(_patched(bundle, each, cluster, problems) for each in bundle.objects)
    if has_errors(problems):
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
        fleet=fleet.name,
        cluster_scoped=place.cluster_scoped & {group_kind(each.object) for each in objects},
    )


def _elsewhere(fleet: Fleet, spec: Mapping[str, Any], cluster: Cluster) -> Iterator[tuple[int, tuple[str, str, str]]]:
    """Tell of dependencies that this cluster never gets. An unknown name is told where documents are linked."""
    for index, name in enumerate(spec.get("dependsOn") or ()):
        other = fleet.apps.get(name) or fleet.bundles.get(name)
        if other is not None and not may_be_placed(placement_of(fleet, other), cluster):
            message = f"{name!r} is not placed on cluster {cluster.name!r}: this would wait for it forever"
            hint = f"place {name!r} there too, or take it out of dependsOn with an override"
            yield index, ("fleet.dependency-elsewhere", message, hint)


def _patched(
    bundle: BundleDefinition, sourced: SourcedObject, cluster: Cluster, problems: list[Problem]
) -> SourcedObject:
    """Apply the bundle's patches for this cluster, in order. Variables are filled in the patches alone."""
    obj, variables = sourced.object, variables_of(cluster)
    for index, patch in patches_for(bundle, sourced, cluster):
        origins = Origins((Layer("document", bundle.path, bundle.document, f"/spec/patches/{index}/patch", patch),), {})
        problems += [_no_variable(origins, cluster, each.pointer, each.name) for each in missing(patch, variables)]
        obj = merge_patch(obj, filled(patch, variables))
        problems += [
            origins.problem(fault.pointer, "bundle.patch", f"after this patch: {fault.message}", fault.hint)
            for fault in object_faults(obj)
        ]
    if obj is sourced.object:
        return sourced
    sealed = still_sealed(sourced.sealed, obj) if sourced.sealed is not None else None
    return replace(sourced, object=obj, sealed=sealed)


def _withheld(definition: AppDefinition | BundleDefinition, problems: list[Problem] | None = None) -> Withheld:
    return Withheld(
        name=definition.name,
        path=definition.path,
        line=definition.line,
        problems=tuple(sorted({*definition.problems, *(problems or ())}, key=Problem.sort_key)),
    )
