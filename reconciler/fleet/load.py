"""A tree becomes a Fleet: documents found, identified, checked, linked to their manifests and to one another."""

from __future__ import annotations

import posixpath
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from reconciler.errors import InputError
from reconciler.fleet.documents import MANIFEST_SUFFIXES, YAML_SUFFIXES, Document, LoadCache, Reader, ignored
from reconciler.fleet.model import AppDefinition, BundleDefinition, Cluster, Fleet, Loaded, SourcedObject
from reconciler.fleet.placement import placed, selects
from reconciler.problems import Problem, Severity
from reconciler.schema_check import closest
from reconciler.tree import Tree


def load(tree: Tree, *, cache: LoadCache | None = None) -> Loaded:
    """Read a whole tree. Nothing is raised: every problem is in the result, with its scope (design: "three scopes")."""
    reader = Reader(tree, cache if cache is not None else LoadCache())
    documents, commit_problems = _find(reader)
    by_kind = _by_kind(documents)
    commit_problems += _duplicates(documents)
    fleet_document, missing = _fleet_document(by_kind["Fleet"])
    commit_problems += missing
    matcher = ignored(
        list(fleet_document.spec.get("ignore") or ()) if fleet_document is not None and fleet_document.valid else []
    )
    commit_problems = [problem for problem in commit_problems if not matcher.match_file(problem.path)]
    kept = [document for document in documents if not matcher.match_file(document.path)]
    by_kind = _by_kind(kept)
    clusters = {document.name: _cluster(document) for document in by_kind["Cluster"]}
    cluster_problems = {document.name: document.problems for document in by_kind["Cluster"] if not document.valid}
    apps = {document.name: _app(document, reader, fleet_document) for document in by_kind["App"]}
    bundles = {document.name: _bundle(document, reader) for document in by_kind["Bundle"]}
    apps, bundles = _linked(apps, bundles, by_kind)
    told = [*commit_problems, *tree.problems, *(problem for document in kept for problem in document.problems)]
    told += [problem for app in apps.values() for problem in app.problems]
    told += [problem for bundle in bundles.values() for problem in bundle.problems]
    told += _rollouts(by_kind["Rollout"], clusters) + _placed_nowhere(by_kind, clusters, fleet_document)
    told += _unused(reader, kept, bundles, matcher.match_file)
    reader.cache.keep_only(reader.used)
    problems = tuple(sorted(set(told), key=Problem.sort_key))
    errors = tuple(
        sorted((problem for problem in commit_problems if problem.severity is Severity.ERROR), key=Problem.sort_key)
    )
    if fleet_document is None or errors:
        return Loaded(fleet=None, problems=problems, commit_problems=errors)
    fleet = Fleet(
        name=fleet_document.name,
        path=fleet_document.path,
        line=fleet_document.line,
        commit=tree.commit,
        spec=fleet_document.spec,
        clusters=clusters,
        apps=apps,
        bundles=bundles,
    )
    return Loaded(fleet=fleet, problems=problems, cluster_problems=cluster_problems)


def _find(reader: Reader) -> tuple[list[Document], list[Problem]]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in reader.tree.files:
        if path.endswith(YAML_SUFFIXES):
            content = reader.documents(path)
            documents += content.documents
            problems += content.unidentified
    return documents, problems


def _by_kind(documents: Iterable[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = defaultdict(list)
    for document in documents:
        found[document.kind].append(document)
    return found


def _duplicates(documents: list[Document]) -> list[Problem]:
    """Tell names that stand twice: then no document of the name can be said to be the one that is meant."""
    seen: dict[tuple[str, str], Document] = {}
    problems = []
    for document in documents:
        # dependsOn names apps and bundles alike, so they share one space of names.
        key = ("App or Bundle" if document.kind in {"App", "Bundle"} else document.kind, document.name)
        first = seen.setdefault(key, document)
        if first is not document:
            message = f"{document.kind} {document.name!r} stands already in {first.path}:{first.line}"
            problems.append(document.problem("/metadata/name", "fleet.duplicate", message, "rename one of them"))
    return problems


def _fleet_document(found: list[Document]) -> tuple[Document | None, list[Problem]]:
    """Give the one Fleet document, or commit-scope problems."""
    if not found:
        message = "there is no Fleet document"
        return None, [
            Problem(
                path=".",
                code="fleet.no-fleet",
                message=message,
                hint="add one: kind: Fleet, apiVersion: spinfleet.dev/v1alpha1",
            )
        ]
    if len(found) > 1:
        return found[0], [
            each.problem(
                "/kind", "fleet.several-fleets", f"a second Fleet; the first is in {found[0].path}", "keep one"
            )
            for each in found[1:]
        ]
    return found[0], [problem for problem in found[0].problems if problem.severity is Severity.ERROR]


def _cluster(document: Document) -> Cluster:
    metadata = document.yaml.value["metadata"]
    labels = metadata.get("labels")
    return Cluster(
        name=document.name,
        path=document.path,
        line=document.line,
        labels=labels if isinstance(labels, dict) else {},
        spec=document.spec,
    )


def _app(document: Document, reader: Reader, fleet: Document | None) -> AppDefinition:
    spec = document.spec
    problems = list(document.problems)
    manifest = spec.get("manifest") or "spin.toml"
    path, application, blobs = "", None, [document.blob]
    if isinstance(manifest, str):
        path, problem = _resolved(document, manifest, "/spec/manifest")
        if problem is None and path not in reader.tree.files:
            problem = document.problem(
                "/spec/manifest", "app.no-manifest", f"there is no {path}", "name the app's spin.toml in spec.manifest"
            )
        if problem is not None:
            problems.append(problem)
        else:
            blobs.append(reader.tree.files[path].blob)
            application = _application(path, reader, problems)
    if fleet is not None and application is not None and document.valid:
        problems += _app_rules(document, spec)
    return AppDefinition(
        name=document.name,
        path=document.path,
        line=document.line,
        spec=spec,
        application=application,
        manifest_path=path,
        blobs=tuple(blobs),
        problems=tuple(problems),
    )


def _application(path: str, reader: Reader, problems: list[Problem]) -> Any:
    try:
        parsed = reader.manifest(path)
    except InputError as error:
        problems.append(Problem(path=path, code="app.no-manifest", message=error.message, hint=error.hint))
        return None
    problems += parsed.problems
    return parsed.application


def _app_rules(document: Document, spec: Mapping[str, Any]) -> list[Problem]:
    """Rules over the document alone; those that depend on a cluster are checked at assignment."""
    problems = []
    config = spec.get("runtimeConfig") or {}
    if "loadFromSecret" in config and len(config) > 1:
        problems.append(
            document.problem(
                "/spec/runtimeConfig",
                "app.runtime-config",
                "loadFromSecret excludes the other runtimeConfig fields",
                "keep one of the two",
            )
        )
    for index, volume in enumerate(spec.get("volumes") or ()):
        if str(volume.get("name", "")).startswith("spin-"):
            problems.append(
                document.problem(
                    f"/spec/volumes/{index}/name",
                    "app.volume-name",
                    "volume names beginning with spin- are taken by SpinKube",
                    "rename it",
                )
            )
    for index, override in enumerate(spec.get("overrides") or ()):
        if "overrides" in override["spec"] or "placement" in override["spec"]:
            problems.append(
                document.problem(
                    f"/spec/overrides/{index}/spec", "app.override", "an override can't change placement or overrides"
                )
            )
    return problems


def _bundle(document: Document, reader: Reader) -> BundleDefinition:
    problems = list(document.problems)
    objects: list[SourcedObject] = []
    blobs = [document.blob]
    where = document.spec.get("path")
    if isinstance(where, str):
        folder, problem = _resolved(document, where, "/spec/path")
        prefix = "" if folder == "." else f"{folder}/"
        paths = [path for path in reader.tree.files if path.startswith(prefix) and path.endswith(MANIFEST_SUFFIXES)]
        if problem is None and not paths:
            problem = document.problem(
                "/spec/path", "bundle.empty", f"there are no manifests in {folder}", "name the folder that has them"
            )
        if problem is not None:
            problems.append(problem)
            paths = []
        for path in paths:
            blobs.append(reader.tree.files[path].blob)
            _objects(path, reader, objects, problems)
    return BundleDefinition(
        name=document.name,
        path=document.path,
        line=document.line,
        spec=document.spec,
        objects=tuple(objects),
        blobs=tuple(blobs),
        problems=tuple(problems),
    )


def _objects(path: str, reader: Reader, objects: list[SourcedObject], problems: list[Problem]) -> None:
    try:
        content = reader.objects(path)
    except InputError as error:
        problems.append(Problem(path=path, code="bundle.unreadable", message=error.message, hint=error.hint))
        return
    problems += content.problems
    for document in content.documents:
        values = [(document.value, "")]
        if (
            isinstance(document.value, dict)
            and str(document.value.get("kind", "")).endswith("List")
            and isinstance(document.value.get("items"), list)
        ):
            values = [(item, f"/items/{index}") for index, item in enumerate(document.value["items"])]
        for value, pointer in values:
            if value is None:
                continue
            line, column = document.place(pointer) or (document.line, 1)
            if fault := _object_fault(value):
                problems.append(
                    Problem(
                        path=path,
                        line=line,
                        column=column,
                        pointer=pointer,
                        code="bundle.object",
                        message=fault,
                        hint="every object has apiVersion, kind and metadata.name",
                    )
                )
            else:
                objects.append(SourcedObject(object=value, path=path, line=line))


def _object_fault(value: Any) -> str:
    if not isinstance(value, dict):
        return "this is not a Kubernetes object"
    for field in ("apiVersion", "kind"):
        if not isinstance(value.get(field), str) or not value[field]:
            return f"the object has no {field}"
    metadata = value.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str) or not metadata["name"]:
        return f"this {value['kind']} has no metadata.name"
    return ""


def _resolved(document: Document, relative: str, pointer: str) -> tuple[str, Problem | None]:
    """Resolve a path relative to a document, inside the tree only."""
    path = posixpath.normpath(posixpath.join(posixpath.dirname(document.path), relative))
    if relative.startswith("/") or path == ".." or path.startswith("../") or "\0" in relative:
        return "", document.problem(
            pointer, "fleet.outside", f"{relative!r} leads out of the fleet", "name a path inside it"
        )
    return path, None


def _linked(
    apps: dict[str, AppDefinition], bundles: dict[str, BundleDefinition], by_kind: Mapping[str, list[Document]]
) -> tuple[dict[str, AppDefinition], dict[str, BundleDefinition]]:
    """Add what only the whole fleet can tell: references to other documents, cycles."""
    from dataclasses import replace

    names = {*apps, *bundles}
    rollouts = {document.name for document in by_kind["Rollout"]}
    graph = {name: _names(definition.spec.get("dependsOn")) for name, definition in (*apps.items(), *bundles.items())}
    cyclic = _cyclic(graph)
    for document in [*by_kind["App"], *by_kind["Bundle"]]:
        problems = []
        for index, name in enumerate(graph[document.name]):
            if name not in names:
                problems.append(
                    document.problem(
                        f"/spec/dependsOn/{index}",
                        "fleet.unknown-reference",
                        f"there is no app or bundle {name!r}",
                        closest(name, sorted(names)),
                    )
                )
        if document.name in cyclic:
            problems.append(
                document.problem(
                    "/spec/dependsOn",
                    "fleet.cycle",
                    f"{document.name!r} depends on itself through {' → '.join(cyclic[document.name])}",
                    "take one dependency away",
                )
            )
        rollout = document.spec.get("rollout")
        if isinstance(rollout, str) and rollout not in rollouts:
            problems.append(
                document.problem(
                    "/spec/rollout",
                    "fleet.unknown-reference",
                    f"there is no Rollout {rollout!r}",
                    closest(rollout, sorted(rollouts)),
                )
            )
        if problems and document.kind == "App":
            apps[document.name] = replace(apps[document.name], problems=(*apps[document.name].problems, *problems))
        elif problems:
            bundles[document.name] = replace(
                bundles[document.name], problems=(*bundles[document.name].problems, *problems)
            )
    return apps, bundles


def _names(value: Any) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _cyclic(graph: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Give, for each name on a cycle, the way back to itself (by removing what no cycle can have, then walking)."""
    remaining = {name: [each for each in needs if each in graph] for name, needs in graph.items() if needs}
    while leaves := [name for name, needs in remaining.items() if not any(each in remaining for each in needs)]:
        for name in leaves:
            del remaining[name]
    found: dict[str, list[str]] = {}
    for start in remaining:
        way, name = [start], start
        while (name := next(each for each in remaining[name] if each in remaining)) not in way:
            way.append(name)
        if name == start:
            found[start] = [*way, start]
    return found


def _rollouts(documents: list[Document], clusters: Mapping[str, Cluster]) -> list[Problem]:
    problems = []
    for document in documents:
        if not document.valid:
            continue
        for name, cluster in clusters.items():
            stages = [stage["name"] for stage in document.spec["stages"] if selects(stage["clusters"], cluster)]
            if len(stages) > 1:
                problems.append(
                    document.problem(
                        "/spec/stages",
                        "rollout.two-stages",
                        f"cluster {name!r} is in stages {', '.join(stages)}",
                        "the first one counts",
                        severity=Severity.WARNING,
                    )
                )
    return problems


def _placed_nowhere(
    by_kind: Mapping[str, list[Document]], clusters: Mapping[str, Cluster], fleet: Document | None
) -> list[Problem]:
    default = (fleet.spec.get("defaults") or {}).get("placement") if fleet is not None and fleet.valid else None
    problems = []
    for document in [*by_kind["App"], *by_kind["Bundle"]]:
        placement = document.spec.get("placement") or (default if document.kind == "App" else None)
        if document.valid and not any(placed(placement, cluster) for cluster in clusters.values()):
            problems.append(
                document.problem(
                    "/spec/placement",
                    "fleet.placed-nowhere",
                    f"{document.kind} {document.name!r} runs on no cluster",
                    "check its placement",
                    severity=Severity.WARNING,
                )
            )
    return problems


def _unused(
    reader: Reader,
    documents: list[Document],
    bundles: Mapping[str, BundleDefinition],
    is_ignored: Callable[[str], bool],
) -> list[Problem]:
    """Warn of YAML that nothing reads: a misnamed folder or a forgotten apiVersion is found this way."""
    used = {document.path for document in documents}
    folders = [
        _resolved(document, document.spec["path"], "")[0]
        for document in documents
        if document.kind == "Bundle" and document.name in bundles and isinstance(document.spec.get("path"), str)
    ]
    prefixes = tuple("" if folder == "." else f"{folder}/" for folder in folders)
    return [
        Problem(
            path=path,
            code="fleet.unused-file",
            message="no document of the fleet and in no Bundle's folder",
            hint="list it in Fleet spec.ignore if that is meant",
            severity=Severity.WARNING,
        )
        for path in reader.tree.files
        if path.endswith(YAML_SUFFIXES)
        and path not in used
        and not path.startswith(prefixes or ("\0",))
        and not path.startswith(".")
        and not is_ignored(path)
    ]
