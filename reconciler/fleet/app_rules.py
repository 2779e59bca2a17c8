"""Rules of App documents that a schema can't say and that hold whatever the cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.fleet.artifact_reference import reference_fault
from reconciler.fleet.documents import Document
from reconciler.fleet.merge_patch import without_nulls
from reconciler.manifest.model import Application
from reconciler.problems import Problem
from reconciler.schema_check import check, closest

#: SpinKube labels selectors and pods with the name: `core.spinkube.dev/app.<name>.status` must fit in 63 characters.
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,50}[a-z0-9])?")
_NOT_OVERRIDABLE = ("manifest", "overrides", "placement", "rollout")


def app_problems(
    document: Document, spec: Mapping[str, Any], application: Application | None, artifacts: Mapping[str, Any]
) -> list[Problem]:
    """Give the problems of a valid App document; `spec` is it with the fleet's defaults."""
    found = [*_name(document), *_artifact(document, spec, artifacts), *_runtime_config(document, spec)]
    found += [*_policy(document, document.spec, "/spec"), *_policies(document)]
    placement = document.written.get("placement") or {}
    found += document.selector_problems(placement.get("clusters"), "/spec/placement/clusters")
    found += [*_volumes(document, spec), *_overrides(document), *_ranges(document, spec)]
    found += document.slip_warnings(document.written, "/spec")
    if application is not None:
        found += [*_components(document, spec, application), *_variables(document, spec, application)]
    return found


def _name(document: Document) -> Iterator[Problem]:
    if _NAME.fullmatch(document.name) is None:
        message = f"{document.name!r} can't be the name of a SpinApp"
        hint = "use at most 52 lower case letters, digits and -, beginning with a letter, ending with a letter or digit"
        yield document.problem("/metadata/name", "app.name", message, hint)


def _artifact(document: Document, spec: Mapping[str, Any], artifacts: Mapping[str, Any]) -> Iterator[Problem]:
    reference = spec.get("artifact")
    if not isinstance(reference, str) or "${" in reference:
        return
    fault = reference_fault(reference, artifacts)
    if fault is not None:
        yield document.problem("/spec/artifact", fault.code, fault.message, fault.hint)


def _policies(document: Document) -> Iterator[Problem]:
    for index, override in enumerate(document.spec.get("overrides") or ()):
        yield from _policy(document, override["spec"], f"/spec/overrides/{index}/spec")


def _policy(document: Document, spec: Mapping[str, Any], pointer: str) -> Iterator[Problem]:
    policy = spec.get("artifactPolicy")
    allowed = policy.get("semver") if isinstance(policy, Mapping) else None
    if isinstance(allowed, str):
        from reconciler.fleet.version_ranges import range_fault

        if fault := range_fault(allowed):
            hint = 'as in "^1.4", "~1.4.2", "1.x" or ">=1.2.0 <2.0.0"'
            yield document.problem(f"{pointer}/artifactPolicy/semver", "app.artifact-policy", fault, hint)


def _runtime_config(document: Document, spec: Mapping[str, Any]) -> Iterator[Problem]:
    config = spec.get("runtimeConfig") or {}
    if "loadFromSecret" in config and len(config) > 1:
        message = "loadFromSecret excludes the other runtimeConfig fields: SpinKube ignores them"
        yield document.problem("/spec/runtimeConfig", "app.runtime-config", message, "keep one of the two")


def _volumes(document: Document, spec: Mapping[str, Any]) -> Iterator[Problem]:
    names: set[str] = set()
    for index, volume in enumerate(spec.get("volumes") or ()):
        name, pointer = str(volume["name"]), f"/spec/volumes/{index}/name"
        if name.startswith("spin-"):
            message = f"volume {name!r}: names beginning with spin- are SpinKube's own"
            yield document.problem(pointer, "app.volume-name", message, "rename it")
        if name in names:
            yield document.problem(
                pointer, "app.volume-name", f"volume {name!r} is written twice", "rename one of them"
            )
        names.add(name)
    for index, mount in enumerate(spec.get("volumeMounts") or ()):
        if str(mount["name"]) not in names:
            message = f"there is no volume {mount['name']!r}"
            hint = closest(str(mount["name"]), sorted(names)) or "add it to spec.volumes"
            yield document.problem(f"/spec/volumeMounts/{index}/name", "app.volume-mount", message, hint)


def _overrides(document: Document) -> Iterator[Problem]:
    """Check each patch as far as it goes alone: what it must be complete with may stand in the document."""
    for index, override in enumerate(document.written.get("overrides") or ()):
        pointer = f"/spec/overrides/{index}"
        yield from document.selector_problems(override["clusters"], f"{pointer}/clusters")
        for name in _NOT_OVERRIDABLE:
            if name in override["spec"]:
                message = f"an override can't change {name}: it is the same in every cluster"
                yield document.problem(f"{pointer}/spec/{name}", "app.override", message, "remove it")
        partial = {
            "apiVersion": "spinfleet.dev/v1alpha1",
            "kind": "App",
            "metadata": {"name": "app"},
            # What the document must have is not asked of the patch.
            "spec": {"artifact": "in-the-document", **without_nulls(override["spec"])},
        }
        found = check(partial, "app", path=document.path, places=document.yaml.place, prefix="fleet", base=pointer)
        yield from (problem for problem in found if problem.code != "fleet.missing-field")


def _ranges(document: Document, spec: Mapping[str, Any]) -> Iterator[Problem]:
    routes: set[tuple[str, str]] = set()
    for index, route in enumerate(spec.get("routes") or ()):
        pointer = f"/spec/routes/{index}"
        if "gateway" in route and ("ingressClass" in route or "tls" in route):
            message = "a route goes through a gateway or an Ingress, not both"
            hint = "ingressClass and tls belong to an Ingress: remove them, or remove gateway"
            yield document.problem(pointer, "app.route", message, hint)
        key = (route["host"], route.get("path", "/"))
        if key in routes:
            yield document.problem(pointer, "app.route", f"{key[0]}{key[1]} is routed twice", "remove one of them")
        routes.add(key)
    disruption = spec.get("disruption") or {}
    if "minAvailable" in disruption and "maxUnavailable" in disruption:
        message = "minAvailable and maxUnavailable exclude one another"
        yield document.problem("/spec/disruption", "app.disruption", message, "keep one of the two")


def _components(document: Document, spec: Mapping[str, Any], application: Application) -> Iterator[Problem]:
    for index, name in enumerate(spec.get("components") or ()):
        if name not in application.components:
            message = f"the manifest has no component {name!r}"
            hint = (
                closest(name, sorted(application.components)) or f"one of: {', '.join(sorted(application.components))}"
            )
            yield document.problem(f"/spec/components/{index}", "app.component", message, hint)


def _variables(document: Document, spec: Mapping[str, Any], application: Application) -> Iterator[Problem]:
    for name in spec.get("variables") or {}:
        if name not in application.variables:
            message = f"the manifest has no variable {name!r}"
            hint = closest(name, sorted(application.variables)) or "declare it under [variables], or remove it here"
            yield document.warning(f"/spec/variables/{name}", "app.unknown-variable", message, hint)
