"""Apps and bundles defined and held against one another: of a tree that is read after another, what a change bears on and no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from typing import TypeVar

from reconciler.fleet import facts
from reconciler.fleet.apps import Common, app_facts, define_app
from reconciler.fleet.bundles import bundle_facts, define_bundle
from reconciler.fleet.cache import Reader
from reconciler.fleet.cycles import cycles
from reconciler.fleet.documents import Document
from reconciler.fleet.facts import Fact
from reconciler.fleet.model import AppDefinition, BundleDefinition
from reconciler.fleet.references import Judgement, Surroundings, cycle_problem, judge, waiting_document
from reconciler.problems import Problem, has_errors

_Definition = TypeVar("_Definition", bound=AppDefinition | BundleDefinition)
_Documents = tuple[Document, ...]
_Names = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Made:
    """What the first document of a name defines, and the facts that this is made of."""

    definition: AppDefinition | BundleDefinition
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """One name: its documents, what they define, how they were judged, and both together in `linked`.

    `way` leads from a name of the cycle that it is in back to that name; empty where it is in none.
    """

    documents: _Documents
    made: _Made
    judgement: Judgement
    way: tuple[str, ...]
    linked: AppDefinition | BundleDefinition


@dataclass(frozen=True, kw_only=True, slots=True)
class Linked:
    """Apps and bundles by name, in file order, with the problems of their references.

    `problems` has those of each name that has some, and `referred` the facts that anything is made of. `graph` is who waits for whom,
    `ways` the way back of each name in a cycle.
    """

    apps: Mapping[str, AppDefinition] = field(default_factory=dict)
    bundles: Mapping[str, BundleDefinition] = field(default_factory=dict)
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    referred: frozenset[Fact] = frozenset()
    entries: Mapping[str, _Entry] = field(default_factory=dict)
    graph: _Names = field(default_factory=dict)
    ways: _Names = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What differs from the tree before: names with other documents, facts that definitions are made of, facts that they are judged by."""

    names: AbstractSet[str]
    made_of: AbstractSet[Fact]
    judged_by: AbstractSet[Fact]


def link(
    before: Linked,
    named: Mapping[str, _Documents],
    changes: Changes,
    reader: Reader,
    common: Common,
    around: Surroundings,
) -> Linked:
    """Define and judge the documents of each name. `before` is what that gave for the tree before."""
    known = before.entries
    touched = {name for name in changes.names if name in named}
    gone = {name for name in changes.names if name in known} - touched
    judged_by = changes.judged_by | facts.of_names(gone | {name for name in touched if name not in known})
    again = _based_on(changes.made_of, ((name, each.made.facts) for name, each in known.items())) - gone
    heard = _based_on(judged_by, ((name, each.judgement.facts) for name, each in known.items())) - gone
    made = {name: _made(named[name], reader, common) for name in again | touched}
    judgements = {name: judge(named[name], around) for name in heard | touched}
    graph, ways = _cycles(before, {name: each.waits_for for name, each in judgements.items()}, gone)
    turned = {name for name in before.ways.keys() | ways.keys() if before.ways.get(name) != ways.get(name)} - gone
    changed = {
        name: _entry(
            known.get(name),
            named[name],
            made[name] if name in made else known[name].made,
            judgements[name] if name in judgements else known[name].judgement,
            ways.get(name, ()),
        )
        for name in made.keys() | judgements.keys() | turned
    }
    return _with_changes(before, changed, gone, graph, ways)


def _based_on(other: AbstractSet[Fact], known: Iterable[tuple[str, tuple[Fact, ...]]]) -> set[str]:
    return {name for name, based_on in known if not other.isdisjoint(based_on)} if other else set()


def _made(documents: _Documents, reader: Reader, common: Common) -> _Made:
    first = documents[0]
    definition = define_app(first, reader, common) if first.kind == "App" else define_bundle(first, reader)
    each = (app_facts(one, reader, common) if one.kind == "App" else bundle_facts(one, reader) for one in documents)
    return _Made(definition, tuple(dict.fromkeys(fact for some in each for fact in some)))


def _entry(
    old: _Entry | None, documents: _Documents, made: _Made, judgement: Judgement, way: tuple[str, ...]
) -> _Entry:
    """Give what is known of a name now. What comes out as it was stays the same object: who reads it looks at identity first."""
    if old is not None and old.documents == documents:
        if made.definition == old.made.definition:
            made = replace(made, definition=old.made.definition)
        if (made.definition, judgement.problems, way) == (old.made.definition, old.judgement.problems, old.way):
            return _Entry(documents, made, judgement, way, old.linked)
    problems = (*judgement.problems, *((cycle_problem(waiting_document(documents), way),) if way else ()))
    return _Entry(documents, made, judgement, way, _with(made.definition, problems) if problems else made.definition)


def _with(definition: _Definition, problems: Iterable[Problem]) -> _Definition:
    together = tuple(sorted({*definition.problems, *problems}, key=Problem.sort_key))
    return replace(definition, problems=together, version="" if has_errors(together) else definition.version)


def _cycles(
    before: Linked, judged: Mapping[str, tuple[str, ...] | None], gone: AbstractSet[str]
) -> tuple[_Names, _Names]:
    """Give who waits for whom, and the way back of each name in a cycle: looked for where somebody waits for another than before."""
    other = {name: needs for name, needs in judged.items() if needs != before.graph.get(name)}
    if not other and before.graph.keys().isdisjoint(gone):
        return before.graph, before.ways
    graph = {name: needs for name, needs in {**before.graph, **other}.items() if needs is not None and name not in gone}
    return graph, {name: way for names, way in cycles(graph) for name in names}


def _with_changes(
    before: Linked, changed: Mapping[str, _Entry], gone: AbstractSet[str], graph: _Names, ways: _Names
) -> Linked:
    entries = {**before.entries, **changed}
    for name in gone:
        del entries[name]
    problems = {**before.problems, **{name: each.linked.problems for name, each in changed.items()}}
    same_facts = not gone and all(
        name in before.entries and before.entries[name].made.facts == each.made.facts for name, each in changed.items()
    )
    return Linked(
        apps=_of_kind(AppDefinition, before.apps, changed, gone),
        bundles=_of_kind(BundleDefinition, before.bundles, changed, gone),
        problems={name: each for name, each in problems.items() if each and name not in gone},
        referred=before.referred if same_facts else frozenset().union(*(each.made.facts for each in entries.values())),
        entries=entries,
        graph=graph,
        ways=ways,
    )


def _of_kind(
    kind: type[_Definition],
    before: Mapping[str, _Definition],
    changed: Mapping[str, _Entry],
    gone: AbstractSet[str],
) -> Mapping[str, _Definition]:
    """Give the definitions of a kind in file order; the very same mapping where all of them are as before."""
    new = {name: each.linked for name, each in changed.items() if isinstance(each.linked, kind)}
    left = {name for name in before.keys() & (gone | changed.keys()) if name not in new}
    if not left and all(before.get(name) is each for name, each in new.items()):
        return before
    together = {**before, **new}
    for name in left:
        del together[name]
    if not left and all(name in before and _place(before[name]) == _place(each) for name, each in new.items()):
        return together
    return dict(sorted(together.items(), key=lambda item: _place(item[1])))


def _place(definition: AppDefinition | BundleDefinition) -> tuple[str, int]:
    return definition.path, definition.line
