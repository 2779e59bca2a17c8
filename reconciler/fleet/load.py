"""A tree becomes a Fleet: documents found, identified, checked, linked to their manifests and to one another.

    Tree ─► what its files say (cache) ─► which documents count (found) ─► clusters, rollouts ─► apps and bundles (linking) ─► Loaded

A tree that is read after another costs what differs: each step takes what it gave before, and `facts` has the map of what bears on what.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from reconciler.fleet import facts
from reconciler.fleet.apps import Common, common_of
from reconciler.fleet.cache import Reader, ReadFiles, SeenFiles, documents_at
from reconciler.fleet.clusters import cluster_document_problems, define_cluster
from reconciler.fleet.documents import Document, FileContent
from reconciler.fleet.facts import Fact
from reconciler.fleet.fleet_rules import fleet_problems, signature_rules
from reconciler.fleet.found import Found, find
from reconciler.fleet.linking import Changes, Linked, link
from reconciler.fleet.model import Cluster, Fleet, Loaded, RolloutDefinition
from reconciler.fleet.references import Surroundings
from reconciler.fleet.rollouts import define_rollout
from reconciler.problems import Problem, Severity
from reconciler.schema_check import closest
from reconciler.tree import Tree

#: A refused entry with such a name can have been neither a document nor a folder of documents.
_OTHER_FILE = re.compile(r".*\.(?!ya?ml$)[A-Za-z0-9]{1,5}")
_ENTRIES = frozenset({"git.symlink", "git.odd-mode"})


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clusters:
    """The clusters by name, and what is wrong with each: it matters to that cluster's agent alone."""

    documents: tuple[Document, ...] = ()
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    of: Mapping[Document, tuple[Cluster, tuple[Problem, ...]]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Tree:
    """What one load made, step by step."""

    files: ReadFiles = field(default_factory=ReadFiles)
    found: Found = field(default_factory=Found)
    clusters: _Clusters = field(default_factory=_Clusters)
    rollouts: Mapping[str, RolloutDefinition] = field(default_factory=dict)
    common: Common = field(default_factory=lambda: common_of({}))
    linked: Linked = field(default_factory=Linked)
    unused: tuple[str, ...] = ()


@dataclass(slots=True)
class LoadCache:
    """What the last load made. One cache serves one fleet; a load that ends in an error leaves it as it was."""

    last: _Tree = field(default_factory=_Tree)
    _seen: SeenFiles = field(default_factory=dict)

    def look_at(self, tree: Tree, path: str) -> FileContent:
        """Give the fleet's documents of a YAML file before its tree is loaded, which then does not read it again."""
        key, before = (path, tree.files[path].blob), self.last.files.files.get(path)
        if before is not None and before.blob == key[1] and path in self.last.files.contents:
            return self.last.files.contents[path]
        if key not in self._seen:
            self._seen[key] = documents_at(tree, path)
        return self._seen[key]

    def reader(self, tree: Tree) -> Reader:
        """Give what reads a tree, with what is known of its files."""
        return Reader(tree, self.last.files, self._seen)


def load(tree: Tree, *, cache: LoadCache | None = None) -> Loaded:
    """Read a whole tree. Nothing is raised: every problem is in the result, with its scope (design: "three scopes").

    With the cache of an earlier load, what did not change is the same object in the new Fleet: `affected` compares by identity.
    """
    cache = cache if cache is not None else LoadCache()
    reader = cache.reader(tree)
    cache.last = now = _read(reader, cache.last)
    fleets = now.found.of("Fleet")
    fleet, commit_problems = _only_fleet(fleets, now.found.patterns)
    hiding, entries = _refused_entries(reader)
    commit_problems += [problem for _, each in sorted(now.found.unidentified.items()) for problem in each]
    commit_problems += [*hiding, *(fleet_problems(fleet, tree) if fleet is not None else [])]
    commit_problems += [problem for each in fleets for problem in each.problems]
    told = {*commit_problems, *entries, *_told(now)}
    problems = tuple(sorted(told, key=Problem.sort_key))
    errors = {problem for problem in commit_problems if problem.severity is Severity.ERROR}
    if fleet is None or errors:
        return Loaded(
            fleet=None,
            problems=problems,
            commit_problems=tuple(sorted(errors, key=Problem.sort_key)),
            cluster_problems=now.clusters.problems,
        )
    linked = Fleet(
        name=fleet.name,
        path=fleet.path,
        line=fleet.line,
        commit=tree.commit,
        spec=fleet.spec,
        clusters=now.clusters.clusters,
        apps=now.linked.apps,
        bundles=now.linked.bundles,
        rollouts=now.rollouts,
        signatures=signature_rules(fleet, tree),
        document=fleet.yaml,
    )
    return Loaded(fleet=linked, problems=problems, cluster_problems=now.clusters.problems)


def _read(reader: Reader, before: _Tree) -> _Tree:
    """Go from one tree to the next, step by step."""
    found = find(reader, before.found)
    fleets = found.of("Fleet")
    common = common_of(fleets[0].spec if fleets and fleets[0].valid else {})
    clusters = _clusters(found.of("Cluster"), before.clusters)
    rollouts = _rollouts(found.of("Rollout"), clusters.clusters, before)
    everywhere = {facts.COMMON} if common.key != before.common.key else set[Fact]()
    ignored = {facts.IGNORED} if found.patterns != before.found.patterns else set[Fact]()
    placed = {facts.CLUSTERS} if clusters.clusters != before.clusters.clusters else set[Fact]()
    changes = Changes(
        names=found.changed,
        made_of=reader.facts | everywhere | ignored,
        judged_by=facts.of_rollouts(before.rollouts, rollouts) | everywhere | placed,
    )
    around = Surroundings(found.named.keys(), rollouts, clusters.clusters, common.defaults)
    linked = link(before.linked, found.named, changes, reader, common, around)
    same = found.silent == before.found.silent and linked.referred is before.linked.referred
    return _Tree(
        files=reader.read_files(
            frozenset() if linked.referred is before.linked.referred else before.linked.referred - linked.referred
        ),
        found=found,
        clusters=clusters,
        rollouts=rollouts,
        common=common,
        linked=linked,
        unused=before.unused if same else tuple(sorted(_unused(found.silent, linked.referred))),
    )


def _told(now: _Tree) -> Iterator[Problem]:
    """Give the problems of every scope but that of the commit."""
    for each in (*now.linked.problems.values(), *now.clusters.problems.values()):
        yield from each
    for rollout in now.rollouts.values():
        yield from rollout.problems
    for document in now.found.of("FleetSync"):
        yield from document.problems
        yield from _of_no_cluster(document, now.clusters.clusters)
    yield from _twice(now.found.of("Rollout"))
    yield from _twice(now.found.of("FleetSync"))
    for path in now.unused:
        yield Problem(
            path=path,
            code="fleet.unused-file",
            message="no document of the fleet, and not in a Bundle's folder",
            hint="list it in the Fleet's spec.ignore if that is meant",
            severity=Severity.WARNING,
        )


def _of_no_cluster(document: Document, clusters: Mapping[str, Cluster]) -> Iterator[Problem]:
    """Warn where a FleetSync names a cluster that is not here: it may be one of another fleet."""
    name = document.spec.get("cluster")
    if document.valid and isinstance(name, str) and name not in clusters:
        message = f"this fleet has no cluster {name!r}: an agent that follows it here would have nothing to run"
        hint = closest(name, sorted(clusters)) or "add a Cluster document of that name"
        yield document.warning("/spec/cluster", "fleet.unknown-reference", message, hint)


def _refused_entries(reader: Reader) -> tuple[list[Problem], list[Problem]]:
    """Give what the tree itself refused: what may hide a document, and what can't."""
    hiding: list[Problem] = []
    others: list[Problem] = []
    for problem in reader.tree.problems:
        if not reader.ignored(problem.path):
            hides = problem.code not in _ENTRIES or not _OTHER_FILE.fullmatch(problem.path)
            (hiding if hides else others).append(problem)
    return hiding, others


def _only_fleet(found: tuple[Document, ...], ignored: Collection[str]) -> tuple[Document | None, list[Problem]]:
    """Give the one Fleet document, or commit-scope problems."""
    if not found:
        hint = "add a document with kind: Fleet and apiVersion: spinfleet.dev/v1alpha1"
        if ignored:
            hint = f"its own spec.ignore leaves it out: look at {', '.join(sorted(ignored)[:5])}"
        return None, [Problem(path=".", code="fleet.no-fleet", message="there is no Fleet document", hint=hint)]
    message = f"a second Fleet: the first stands in {found[0].path}:{found[0].line}"
    return found[0], [each.problem("/kind", "fleet.several-fleets", message, "keep one of them") for each in found[1:]]


def _clusters(documents: tuple[Document, ...], before: _Clusters) -> _Clusters:
    if documents is before.documents:
        return before
    known = {each: before.of.get(each) or (define_cluster(each), cluster_document_problems(each)) for each in documents}
    clusters: dict[str, Cluster] = {}
    problems: dict[str, tuple[Problem, ...]] = {}
    for document, (cluster, faults) in known.items():
        found = list(faults)
        first = clusters.setdefault(document.name, cluster)
        if first is not cluster:
            message = f"Cluster {document.name!r} stands already in {first.path}:{first.line}"
            found.append(document.problem("/metadata/name", "fleet.duplicate", message, "rename one of them"))
        if found:
            problems[document.name] = (*problems.get(document.name, ()), *found)
    return _Clusters(documents=documents, clusters=clusters, problems=problems, of=known)


def _rollouts(
    documents: tuple[Document, ...], clusters: Mapping[str, Cluster], before: _Tree
) -> Mapping[str, RolloutDefinition]:
    """Give the first Rollout of each name."""
    if documents is before.found.of("Rollout") and clusters is before.clusters.clusters:
        return before.rollouts
    return {each.name: define_rollout(each, clusters) for each in reversed(documents)}


def _twice(documents: Iterable[Document]) -> Iterator[Problem]:
    seen: dict[tuple[str, str], Document] = {}
    for document in documents:
        namespace = str(document.yaml.value["metadata"].get("namespace"))
        first = seen.setdefault((document.name, namespace), document)
        if first is not document:
            message = f"{document.kind} {document.name!r} stands already in {first.path}:{first.line}"
            yield document.problem("/metadata/name", "fleet.duplicate", message, "rename one of them")


def _unused(silent: Iterable[str], referred: AbstractSet[Fact]) -> Iterator[str]:
    """Give the YAML files that nothing reads: a misnamed folder or a forgotten document is found this way."""
    for path in silent:
        # Hidden files and folders (.github and the like) are other tools' own.
        if path.startswith(".") or "/." in path or facts.file(path) in referred:
            continue
        if not any(facts.below(folder) in referred for folder in facts.folders_above(path)):
            yield path
