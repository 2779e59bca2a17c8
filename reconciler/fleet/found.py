"""Which documents of a tree count, by kind and by name; from one tree to the next at the cost of the files that differ."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.fleet.cache import Ignored, Reader
from reconciler.fleet.documents import YAML_SUFFIXES, Document
from reconciler.problems import Problem

#: Kinds that share one space of names, since dependsOn names either, and of which there are many.
NAMED = ("App", "Bundle")
#: The others: few, and looked through whole.
_FEW = ("Cluster", "Fleet", "FleetSync", "Rollout")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The documents that count: those of files that are not ignored.

    `fleets` are all Fleet documents, ignored or not: the one nearest to the root has the patterns. `few` has the documents of the other
    kinds by kind, in file order; `named` the Apps and Bundles by name, Apps first, in file order. `unidentified` are, by path, errors
    because of which the whole commit can't be trusted. `silent` are the paths of YAML files without a document. `changed` are the names that
    had or have other documents in the tree before.
    """

    patterns: tuple[str, ...] = ()
    fleets: tuple[Document, ...] = ()
    few: Mapping[str, tuple[Document, ...]] = field(default_factory=lambda: dict.fromkeys(_FEW, ()))
    named: Mapping[str, tuple[Document, ...]] = field(default_factory=dict)
    unidentified: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    silent: frozenset[str] = frozenset()
    changed: frozenset[str] = frozenset()

    def of(self, kind: str) -> tuple[Document, ...]:
        """Give the documents of one of the few kinds, in file order."""
        return self.few[kind]


def find(reader: Reader, before: Found) -> Found:
    """Find the documents of a tree. `before` is what was found in the one that the reader knows; sets which paths the reader ignores."""
    changed: Collection[str] = [path for path in reader.changed if path.endswith(YAML_SUFFIXES)]
    fleets = _fleets(reader, changed, before.fleets)
    known = before.named
    ignored = reader.ignored = Ignored(_patterns(fleets))
    if ignored.patterns != before.patterns:
        # Every file counts or not by other rules: what was read of it is known all the same.
        before, changed = Found(), [path for path in reader.files if path.endswith(YAML_SUFFIXES)]
    paths, gone = [path for path in changed if path in reader.files and not ignored(path)], frozenset(changed)
    contents = {path: reader.documents(path) for path in paths}
    new = [each for content in contents.values() for each in content.documents]
    silent = [path for path, each in contents.items() if not each.documents and not each.unidentified]
    named, touched = _named(reader, before.named, gone, [each for each in new if each.kind in NAMED])
    kept = {path: problems for path, problems in before.unidentified.items() if path not in gone}
    return Found(
        patterns=ignored.patterns,
        fleets=fleets,
        few={kind: _replaced(before.few[kind], gone, [each for each in new if each.kind == kind]) for kind in _FEW},
        named=named,
        unidentified=kept | {path: each.unidentified for path, each in contents.items() if each.unidentified},
        silent=(before.silent - gone).union(silent),
        changed=frozenset(name for name in touched.union(known) if known.get(name) != named.get(name))
        if known is not before.named
        else touched,
    )


def in_file_order(documents: Iterable[Document]) -> tuple[Document, ...]:
    """Give documents by path, and by their place in it."""
    return tuple(sorted(documents, key=place_of))


def place_of(document: Document) -> tuple[str, int]:
    """Give what orders documents: the path, and which of its file it is."""
    return document.path, document.yaml.index


def _patterns(fleets: Iterable[Document]) -> Iterable[str]:
    nearest = min(fleets, key=lambda each: (each.path.count("/"), *place_of(each)), default=None)
    return nearest.spec.get("ignore") or () if nearest is not None and nearest.valid else ()


def _fleets(reader: Reader, changed: Collection[str], before: tuple[Document, ...]) -> tuple[Document, ...]:
    contents = (reader.documents(path) for path in changed if path in reader.files)
    return _replaced(
        before, frozenset(changed), [each for content in contents for each in content.documents if each.kind == "Fleet"]
    )


def _replaced(before: tuple[Document, ...], gone: frozenset[str], new: list[Document]) -> tuple[Document, ...]:
    """Give documents with those of some paths replaced; the same value again where there were none and are none."""
    kept = [each for each in before if each.path not in gone]
    return before if len(kept) == len(before) and not new else in_file_order([*kept, *new])


def _named(
    reader: Reader, before: Mapping[str, tuple[Document, ...]], gone: frozenset[str], new: list[Document]
) -> tuple[Mapping[str, tuple[Document, ...]], frozenset[str]]:
    """Give the documents by name, and the names that a changed file has or had."""
    by_name: dict[str, list[Document]] = {}
    for each in new:
        by_name.setdefault(each.name, []).append(each)
    found = dict(before)
    left = {each.name for path in gone for each in reader.earlier(path).documents if each.name in before}
    touched = frozenset(by_name.keys() | left)
    for name in touched:
        documents = [each for each in before.get(name, ()) if each.path not in gone] + by_name.get(name, [])
        if documents:
            found[name] = tuple(sorted(documents, key=lambda each: (each.kind, *place_of(each))))
        else:
            del found[name]
    return found, touched
