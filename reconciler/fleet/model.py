"""The fleet as values: documents linked to one another, and what one cluster is to run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.fleet.signature_rules import SignatureRule
from reconciler.fleet.yaml_reader import Document
from reconciler.manifest.model import Application
from reconciler.problems import Problem, Severity
from reconciler.sops.sealed import Sealed, SealedFile

API_GROUP = "spinfleet.dev"
API_VERSION = f"{API_GROUP}/v1alpha1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where a value was written: file, line and column from 1, and what it came by.

    `via` is `document`, `fleet defaults`, `override N` (counted from 1) or `default` (Spinfleet's own; no place).
    """

    path: str = ""
    line: int | None = None
    column: int | None = None
    via: str = "document"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cluster:
    """A Cluster document: its name, labels and `spec` as the schema has it, defaults filled in."""

    name: str
    path: str
    line: int
    labels: Mapping[str, str] = field(default_factory=dict)
    spec: Mapping[str, Any] = field(default_factory=dict)
    document: Document | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class ValuesFile:
    """A file that values of an App are read from: `values` by top-level key, encrypted ones as marks.

    `sealed` is None where the file stands in Git in plain.
    """

    path: str
    blob: str
    values: Mapping[str, Any]
    sealed: SealedFile | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AppDefinition:
    """An identified App document. `spec` is as written; `problems` are its own, errors and warnings.

    With an error among them the app is withheld: no cluster gets a new version of it.
    `application` is None where its manifest could not be read. `blobs` are the Git blob ids its version depends on.
    `version` is empty where the app is withheld. `document` is what places are looked up in.
    `waits_for` are the names that dependsOn has on some cluster, the Fleet's default among them, and `calls` those of apps whose
    Services its hosts may mean: names, whether or not anything is called so.
    """

    name: str
    path: str
    line: int
    spec: Mapping[str, Any]
    application: Application | None
    manifest_path: str
    blobs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    version: str = ""
    document: Document | None = field(default=None, repr=False, compare=False)
    files: tuple[ValuesFile, ...] = ()
    waits_for: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class SourcedObject:
    """A plain Kubernetes object of a Bundle and the place where it is written; `blob` is the Git id of that file.

    Where the file is encrypted, `object` has a mark for each encrypted value and `sealed` says where those come from.
    `document` is what places are looked up in, and `pointer` where the object begins in it (an item of a List).
    """

    object: Mapping[str, Any]
    path: str
    line: int
    blob: str = ""
    sealed: Sealed | None = None
    document: Document | None = field(default=None, repr=False, compare=False)
    pointer: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleDefinition:
    """An identified Bundle document with the objects of its folder, in file order. `waits_for` are the names in its dependsOn."""

    name: str
    path: str
    line: int
    spec: Mapping[str, Any]
    objects: tuple[SourcedObject, ...] = ()
    blobs: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    version: str = ""
    document: Document | None = field(default=None, repr=False, compare=False)
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class RolloutDefinition:
    """An identified Rollout document. With an error in `problems` no app can be released by it."""

    name: str
    path: str
    line: int
    spec: Mapping[str, Any]
    problems: tuple[Problem, ...] = ()
    document: Document | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fleet:
    """Every document of a commit, by name. App and Bundle names share one space: dependsOn names either.

    `signatures` are the rules of `spec.artifacts.signatures` with the files that they name read in.
    """

    name: str
    path: str
    line: int
    commit: str | None
    spec: Mapping[str, Any]
    clusters: Mapping[str, Cluster]
    apps: Mapping[str, AppDefinition]
    bundles: Mapping[str, BundleDefinition]
    rollouts: Mapping[str, RolloutDefinition] = field(default_factory=dict)
    signatures: tuple[SignatureRule, ...] = ()
    document: Document | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """What reading a tree gave.

    `fleet` is None where a commit-scope problem stands: the tree or the Fleet document can't be read, or a document
    can't be identified by kind and name. `problems` are all problems of every scope, sorted, warnings included;
    `commit_problems` are the commit-scope errors among them. `cluster_problems` are the errors of single Cluster
    documents by cluster name: commit scope for that cluster's own agent, no matter to the others.
    """

    fleet: Fleet | None
    problems: tuple[Problem, ...]
    commit_problems: tuple[Problem, ...] = ()
    cluster_problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        """True where no problem is an error."""
        return not any(problem.severity is Severity.ERROR for problem in self.problems)


@dataclass(frozen=True, kw_only=True, slots=True)
class Executor:
    """What runs an app: a SpinAppExecutor's spec as SpinKube has it, and where it is said.

    `made` is True where Spinfleet renders it in each namespace that needs it; False where a Bundle brings it or where it is said
    to be there. `runtime_class` is the RuntimeClass that is rendered beside it, or None; `shim` the declared Shim that installs what
    its pods run under, or None. `faults` are what is wrong with what it would run on (message, hint, severity).
    """

    name: str
    spec: Mapping[str, Any]
    path: str = ""
    line: int | None = field(default=None, compare=False)
    made: bool = True
    runtime_class: Mapping[str, Any] | None = None
    shim: SourcedObject | None = None
    faults: tuple[tuple[str, str, Severity], ...] = ()

    @property
    def creates_deployment(self) -> bool:
        """False where it leaves the pods to somebody else: then no Deployment and no status come to be."""
        return self.spec.get("createDeployment") is not False

    @property
    def deployment(self) -> Mapping[str, Any]:
        """What its Deployments are made with; empty where it makes none."""
        return self.spec.get("deploymentConfig") or {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Pods behind a Service of the fleet: their namespace and labels, and each port of the Service with the pods' own."""

    namespace: str
    labels: Mapping[str, str]
    ports: Mapping[int, int | str]


@dataclass(frozen=True, kw_only=True, slots=True)
class AppAssignment:
    """One app as one cluster is to run it.

    `spec` has defaults, overrides and `${cluster.…}` resolved; `origins` gives the origin of each leaf by JSON Pointer into
    `spec`. `version` is the app's version (design: a hash over document after defaults, blobs and artifact digest; the
    same in every cluster). `fleet` is the fleet's name. `executor` is None where nothing is known of it.
    `inputs` are the Secrets and ConfigMaps that the app reads and the fleet's bundles bring: (kind, name) to a mark of what Git has
    of them. `services` are those of the fleet that its hosts name: (namespace, name) to the pods behind.
    """

    name: str
    path: str
    line: int
    namespace: str
    spec: Mapping[str, Any]
    origins: Mapping[str, Origin]
    application: Application
    manifest_path: str
    version: str
    problems: tuple[Problem, ...] = ()
    fleet: str = ""
    executor: Executor | None = None
    inputs: Mapping[tuple[str, str], str] = field(default_factory=dict)
    services: Mapping[tuple[str, str], Target] = field(default_factory=dict)
    files: tuple[ValuesFile, ...] = ()

    @property
    def creates_deployment(self) -> bool:
        """False where its executor leaves the pods to somebody else; one that nothing is known of is taken to make them."""
        return self.executor is None or self.executor.creates_deployment


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleAssignment:
    """One bundle as one cluster is to run it: per-cluster patches applied, `namespace` the default for its objects or None.

    `cluster_scoped` are those of its kinds (group, kind) of which a definition in the fleet says that they have no namespace.
    """

    name: str
    path: str
    line: int
    namespace: str | None
    spec: Mapping[str, Any]
    objects: tuple[SourcedObject, ...]
    version: str
    problems: tuple[Problem, ...] = ()
    fleet: str = ""
    cluster_scoped: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Withheld:
    """An app or bundle that is, or may be, placed here but is invalid: what it has stays, nothing new is rendered."""

    name: str
    path: str
    line: int
    problems: tuple[Problem, ...]


Unit = AppAssignment | BundleAssignment | Withheld


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """What one cluster is to run, by name of app or bundle, sorted."""

    cluster: Cluster
    commit: str | None
    fleet: Fleet
    units: Mapping[str, Unit]
