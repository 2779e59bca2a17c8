"""The objects to convert: taken out of lists, without what a server or another tool wrote into them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.fleet.definitions import is_definition
from reconciler.fleet.model import API_GROUP
from reconciler.fleet.object_rules import object_faults
from reconciler.manifest.report import mapping
from reconciler.openapi.kinds import own_groups
from reconciler.plan.model import ObjectKey, key_of
from reconciler.render.bundle import CLUSTER_SCOPED

DEFAULT_NAMESPACE = "default"
SPIN_GROUP = "core.spinkube.dev"
#: What a server fills in.
_SERVERS = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "ownerReferences"}
)
#: Finalizers, labels and annotations by which other tools keep an object: they would go on as if it were theirs.
_FINALIZERS = frozenset({"core.spinkube.dev/finalizer", "finalizer.keda.sh"})
_TOOLS = (
    "kubectl.kubernetes.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "argocd.argoproj.io/", "meta.helm.sh/",
    "helm.sh/", "autoscaling.alpha.kubernetes.io/", "deployment.kubernetes.io/", "objectset.rio.cattle.io/",
    f"{API_GROUP}/", "applyset.kubernetes.io/",
)  # fmt: skip
_TOOL_LABELS = frozenset({"app.kubernetes.io/managed-by", "scaledobject.keda.sh/name"})
#: Custom groups of which the kinds without a namespace are known (render.bundle).
_KNOWN_GROUPS = frozenset(
    {
        SPIN_GROUP,
        "runtime.spinkube.dev",
        "keda.sh",
        "http.keda.sh",
        "gateway.networking.k8s.io",
        "monitoring.coreos.com",
    }
)


@dataclass(frozen=True, slots=True)
class Left:
    """An object that is not taken, and why."""

    key: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """Objects by identity, in the order in which they came, and those that were not taken.

    `unscoped` are those that name no namespace and of whose kind nobody here can tell whether it has one: `namespace` is theirs if it has.
    """

    objects: Mapping[ObjectKey, Mapping[str, Any]]
    left: tuple[Left, ...]
    namespace: str
    unscoped: frozenset[ObjectKey] = frozenset()


def take(documents: Iterable[Any], namespace: str = DEFAULT_NAMESPACE) -> Taken:
    """Give the objects of documents. `namespace` is that of objects which name none and need one.

    Not taken: values of Secrets, which are never copied, what a controller made of another object, and what is no object.
    """
    found: dict[ObjectKey, Mapping[str, Any]] = {}
    left: list[Left] = []
    unscoped: set[ObjectKey] = set()
    values = [value for document in documents for value in _items(document)]
    defined = _defined(values)
    for value in values:
        if not _named(value):
            faults = object_faults(value)
            left.append(Left("a document", faults[0].message if faults else "this is no Kubernetes object"))
            continue
        obj = _clean(value)
        namespaced = _is_namespaced(key_of(obj), defined)
        if namespaced and not obj["metadata"].get("namespace"):
            obj["metadata"]["namespace"] = namespace
        key = key_of(obj)
        if (reason := _why_not(value, key, found)) is not None:
            left.append(Left(str(key), reason))
            continue
        found[key] = obj
        if namespaced is None and not key.namespace:
            unscoped.add(key)
    return Taken(objects=found, left=tuple(left), namespace=namespace, unscoped=frozenset(unscoped))


def images(taken: Taken) -> list[str]:
    """Give the images of all SpinApps, as written."""
    specs = [
        obj.get("spec") or {} for key, obj in taken.objects.items() if (key.group, key.kind) == (SPIN_GROUP, "SpinApp")
    ]
    return sorted({str(spec["image"]) for spec in specs if "image" in spec})


def _named(value: Any) -> bool:
    metadata = value.get("metadata") if isinstance(value, Mapping) else None
    named = isinstance(metadata, Mapping) and isinstance(metadata.get("name"), str) and metadata["name"]
    return bool(named) and all(isinstance(value.get(part), str) and value[part] for part in ("apiVersion", "kind"))


def _items(document: Any) -> Iterator[Any]:
    if (
        isinstance(document, Mapping)
        and str(document.get("kind", "")).endswith("List")
        and isinstance(document.get("items"), list)
    ):
        kind, version = str(document["kind"]).removesuffix("List"), document.get("apiVersion")
        for item in document["items"]:
            # A list of one kind may leave the kind out of its items.
            yield {"apiVersion": version, "kind": kind, **item} if isinstance(item, Mapping) and kind else item
    elif document is not None:
        yield document


def _why_not(value: Mapping[str, Any], key: ObjectKey, found: Mapping[ObjectKey, Any]) -> str | None:
    if key.kind == "Secret" and not key.group:
        return (
            "its values are not copied: it stays as it is in the cluster, and what refers to it goes on doing so; "
            "to keep it in Git, encrypt it with SOPS and put it into a Bundle"
        )
    if key.group == API_GROUP:
        return "it is Spinfleet's own: put it where it belongs by hand"
    owners = value["metadata"].get("ownerReferences") or ()
    if controller := next((owner for owner in owners if isinstance(owner, Mapping) and owner.get("controller")), None):
        return f"made by {controller.get('kind')} {controller.get('name')}, which makes it again"
    if key in found:
        return "it stands twice; the first counts"
    return None


def _clean(value: Mapping[str, Any]) -> dict[str, Any]:
    obj = {name: below for name, below in value.items() if name != "status"}
    metadata = {name: below for name, below in value["metadata"].items() if name not in _SERVERS}
    for part in ("labels", "annotations"):
        pairs = {name: text for name, text in (metadata.pop(part, None) or {}).items() if not _is_tools(name)}
        if pairs:
            metadata[part] = pairs
    kept = [each for each in metadata.pop("finalizers", None) or () if each not in _FINALIZERS]
    if kept:
        metadata["finalizers"] = kept
    obj["metadata"] = metadata
    return obj


def _is_tools(name: str) -> bool:
    return name.startswith(_TOOLS) or name in _TOOL_LABELS


def _defined(values: Iterable[Any]) -> dict[tuple[str, str], bool]:
    """Give of the custom kinds that are defined among the objects whether they have a namespace, by group and kind."""
    found: dict[tuple[str, str], bool] = {}
    for value in values:
        if isinstance(value, Mapping) and is_definition(value):
            spec = mapping(value.get("spec"))
            names = mapping(spec.get("names"))
            found[str(spec.get("group")), str(names.get("kind"))] = spec.get("scope") != "Cluster"
    return found


def _is_namespaced(key: ObjectKey, defined: Mapping[tuple[str, str], bool]) -> bool | None:
    """Tell whether a kind has a namespace; None where nothing is known of it."""
    kind = (key.group, key.kind)
    if kind in defined or kind in CLUSTER_SCOPED:
        return defined.get(kind, False)
    return True if key.group in own_groups() | _KNOWN_GROUPS else None
