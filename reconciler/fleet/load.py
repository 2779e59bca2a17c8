"""A tree becomes a Fleet: documents found, identified, checked, linked to their manifests and to one another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.fleet.apps import common_of, define_app
from reconciler.fleet.bundles import define_bundle, folder_of
from reconciler.fleet.cache import Ignored, LoadCache, Reader
from reconciler.fleet.clusters import cluster_document_problems, define_cluster
from reconciler.fleet.documents import KINDS, YAML_SUFFIXES, Document
from reconciler.fleet.fleet_rules import fleet_problems, signature_rules
from reconciler.fleet.model import Cluster, Fleet, Loaded
from reconciler.fleet.references import Links, link
from reconciler.fleet.rollouts import define_rollout
from reconciler.problems import Problem, Severity
from reconciler.tree import Tree

#: A refused entry with such a name can have been neither a document nor a folder of documents.
_OTHER_FILE = re.compile(r".*\.(?!ya?ml$)[A-Za-z0-9]{1,5}")
_ENTRIES = frozenset({"git.symlink", "git.odd-mode"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """The documents that count, by kind and in file order, and the errors that stop the whole commit."""

    documents: Mapping[str, tuple[Document, ...]]
    commit_problems: tuple[Problem, ...]
    entry_problems: tuple[Problem, ...]
    unused: tuple[str, ...]


def load(tree: Tree, *, cache: LoadCache | None = None) -> Loaded:
    """Read a whole tree. Nothing is raised: every problem is in the result, with its scope (design: "three scopes").

    With the cache of an earlier load, what did not change is the same object in the new Fleet: `affected` compares by identity.
    """
    reader = Reader(tree, cache if cache is not None else LoadCache())
    found = _find(reader)
    fleets = found.documents["Fleet"]
    fleet_document, commit_problems = _only_fleet(fleets)
    told = [*found.commit_problems, *commit_problems, *found.entry_problems]
    told += fleet_problems(fleet_document, tree) if fleet_document is not None else []
    commit_errors = tuple(_errors([*told, *(problem for each in fleets for problem in each.problems)], found))
    clusters, cluster_problems = _clusters(found.documents["Cluster"], reader)
    rollouts = {each.name: define_rollout(each, clusters) for each in reversed(found.documents["Rollout"])}
    common = common_of(fleet_document.spec if fleet_document is not None and fleet_document.valid else {})
    first = _first_of_each(found.documents)
    apps = {each.name: define_app(each, reader, common) for each in first if each.kind == "App"}
    bundles = {each.name: define_bundle(each, reader) for each in first if each.kind == "Bundle"}
    linked = link(Links(found.documents, apps, bundles, rollouts, clusters, common.defaults), reader)
    told += [problem for each in linked.apps.values() for problem in each.problems]
    told += [problem for each in linked.bundles.values() for problem in each.problems]
    told += [problem for each in rollouts.values() for problem in each.problems]
    told += [problem for each in cluster_problems.values() for problem in each]
    told += [problem for each in (*fleets, *found.documents["FleetSync"]) for problem in each.problems]
    used = {file.path for app in apps.values() for file in app.files}
    told += [*linked.problems, *_unused(found, found.documents["Bundle"], used)]
    reader.finish()
    problems = tuple(sorted(set(told), key=Problem.sort_key))
    if fleet_document is None or commit_errors:
        return Loaded(fleet=None, problems=problems, commit_problems=commit_errors, cluster_problems=cluster_problems)
    fleet = Fleet(
        name=fleet_document.name,
        path=fleet_document.path,
        line=fleet_document.line,
        commit=tree.commit,
        spec=fleet_document.spec,
        clusters=clusters,
        apps=linked.apps,
        bundles=linked.bundles,
        rollouts=rollouts,
        signatures=signature_rules(fleet_document, tree),
        document=fleet_document.yaml,
    )
    return Loaded(fleet=fleet, problems=problems, cluster_problems=cluster_problems)


def find_documents(reader: Reader) -> Mapping[str, tuple[Document, ...]]:
    """Give the documents of a tree that count, by kind and in file order; what is wrong with the tree is not told."""
    return _find(reader).documents


def _find(reader: Reader) -> _Found:
    """Find the documents; those in ignored files don't count. The patterns stand in the Fleet nearest to the root."""
    paths = [path for path in reader.files if path.endswith(YAML_SUFFIXES)]
    contents = {path: reader.documents(path) for path in paths}
    fleets = [each for content in contents.values() for each in content.documents if each.kind == "Fleet"]
    nearest = min(fleets, key=lambda each: (each.path.count("/"), each.path), default=None)
    patterns = nearest.spec.get("ignore") or () if nearest is not None and nearest.valid else ()
    ignored = reader.ignored = Ignored(patterns, reader)
    kept = {path: content for path, content in contents.items() if not ignored(path)}
    documents: dict[str, list[Document]] = {kind: [] for kind in KINDS}
    problems: list[Problem] = []
    unused: list[str] = []
    for path, content in kept.items():
        for each in content.documents:
            documents[each.kind].append(each)
        problems += content.unidentified
        if not content.documents and not content.unidentified:
            unused.append(path)
    entries = [problem for problem in reader.tree.problems if not ignored(problem.path)]
    hiding = [problem for problem in entries if problem.code not in _ENTRIES or not _OTHER_FILE.fullmatch(problem.path)]
    return _Found(
        documents={kind: tuple(each) for kind, each in documents.items()},
        commit_problems=(*problems, *hiding),
        entry_problems=tuple(problem for problem in entries if problem not in hiding),
        unused=tuple(unused),
    )


def _errors(problems: Iterable[Problem], found: _Found) -> list[Problem]:
    errors = {problem for problem in problems if problem.severity is Severity.ERROR}
    return sorted(errors - set(found.entry_problems), key=Problem.sort_key)


def _only_fleet(found: tuple[Document, ...]) -> tuple[Document | None, list[Problem]]:
    """Give the one Fleet document, or commit-scope problems."""
    if not found:
        hint = "add a document with kind: Fleet and apiVersion: spinfleet.dev/v1alpha1"
        return None, [Problem(path=".", code="fleet.no-fleet", message="there is no Fleet document", hint=hint)]
    message = f"a second Fleet: the first stands in {found[0].path}:{found[0].line}"
    return found[0], [each.problem("/kind", "fleet.several-fleets", message, "keep one of them") for each in found[1:]]


def _clusters(
    documents: tuple[Document, ...], reader: Reader
) -> tuple[dict[str, Cluster], dict[str, tuple[Problem, ...]]]:
    """Give the clusters by name, and what is wrong with each: it matters to that cluster's agent alone."""
    clusters: dict[str, Cluster] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    for document in documents:
        known = reader.cache.clusters.get(document)
        if known is None:
            known = define_cluster(document), cluster_document_problems(document)
        reader.kept.clusters[document] = known
        found = list(known[1])
        first = clusters.get(document.name)
        if first is None:
            clusters[document.name] = known[0]
        else:
            message = f"Cluster {document.name!r} stands already in {first.path}:{first.line}"
            found.append(document.problem("/metadata/name", "fleet.duplicate", message, "rename one of them"))
        if found:
            problems[document.name] = (*problems.get(document.name, ()), *found)
    return clusters, problems


def _first_of_each(documents: Mapping[str, tuple[Document, ...]]) -> list[Document]:
    """Give the first App or Bundle of each name; `link` tells about the others."""
    first: dict[str, Document] = {}
    for document in (*documents["App"], *documents["Bundle"]):
        first.setdefault(document.name, document)
    return list(first.values())


def _unused(found: _Found, bundles: tuple[Document, ...], used: set[str]) -> list[Problem]:
    """Warn of YAML that nothing reads: a misnamed folder or a forgotten document is found this way."""
    folders = {folder for folder in (folder_of(each) for each in bundles) if folder is not None}
    return [
        Problem(
            path=path,
            code="fleet.unused-file",
            message="no document of the fleet, and not in a Bundle's folder",
            hint="list it in the Fleet's spec.ignore if that is meant",
            severity=Severity.WARNING,
        )
        for path in found.unused
        # Hidden files and folders (.github and the like) are other tools' own.
        if path not in used and not path.startswith(".") and "/." not in path and not _is_below(path, folders)
    ]


def _is_below(path: str, folders: set[str]) -> bool:
    """Tell whether a path is below one of the folders (each empty or ending in `/`), in as many steps as it is deep."""
    if "" in folders:
        return True
    end = path.find("/")
    while end >= 0:
        if path[: end + 1] in folders:
            return True
        end = path.find("/", end + 1)
    return False
