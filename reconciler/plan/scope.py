"""Whether an object has a namespace: what only the API server can tell of custom kinds that nothing in the fleet defines.

A Bundle's default namespace is put on each of its objects that may need one. Where the server then says that the kind has none, the
namespace goes before the object is wanted: its identity must be the one it has in the cluster. Pure: what is served is given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from reconciler.plan.model import ObjectKey, key_of

#: Whether a kind is namespaced, by group, kind and apiVersion; None where it is not served.
IsNamespaced = Callable[[str, str, str], bool | None]


def in_scope(
    objects: Iterable[Mapping[str, Any]], defaulted: Collection[ObjectKey], is_namespaced: IsNamespaced
) -> tuple[dict[ObjectKey, Mapping[str, Any]], frozenset[ObjectKey]]:
    """Give objects by the key they were rendered with, without a default namespace where their kind has none; and the keys not told.

    `defaulted` are the keys of objects whose namespace is a default. One whose kind is not served keeps it until that is known.
    """
    found: dict[ObjectKey, Mapping[str, Any]] = {}
    untold = set[ObjectKey]()
    for obj in objects:
        key = key_of(obj)
        namespaced = is_namespaced(key.group, key.kind, obj["apiVersion"]) if key in defaulted else True
        if namespaced is None:
            untold.add(key)
        found[key] = obj if namespaced is not False else _without_namespace(obj)
    return found, frozenset(untold)


def _without_namespace(obj: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {name: value for name, value in obj["metadata"].items() if name != "namespace"}
    return {**obj, "metadata": metadata}
