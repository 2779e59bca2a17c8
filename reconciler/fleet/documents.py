"""Which documents of a file are the fleet's, and what they are called.

A file whose documents can't all be identified stops the whole commit: an app that can't be seen must not look removed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.fleet.doubtful import doubts
from reconciler.fleet.merge_patch import without_nulls
from reconciler.fleet.model import API_GROUP, API_VERSION
from reconciler.fleet.placement import selector_faults
from reconciler.fleet.variables import slips
from reconciler.fleet.yaml_reader import Document as YamlDocument
from reconciler.fleet.yaml_reader import read
from reconciler.problems import Problem, Severity, has_errors
from reconciler.schema_check import check, closest

KINDS = ("App", "Bundle", "Cluster", "Fleet", "FleetSync", "Rollout")
YAML_SUFFIXES = (".yaml", ".yml")
MANIFEST_SUFFIXES = (*YAML_SUFFIXES, ".json")
_LONGEST_NAME = 253
#: In one file of the fleet's documents; a Bundle's manifests may be larger. It keeps the reading of a file below a second.
_MOST_VALUES = 100_000
#: A text that has neither the group nor one of its kinds holds nothing for us, whatever it is: it is not even parsed.
_SPEAKS_OF_US = re.compile(rb"spinfleet\.dev|kind[\"']?\s*:\s*[\"']?(?:App|Bundle|Cluster|Fleet|FleetSync|Rollout)\b")
_NEAR = 0.8
_BEGINNING = 64
_IDENTITY = frozenset({"/apiVersion", "/kind", "/metadata", "/metadata/name"})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Document:
    """One identified document of the fleet. `problems` are what YAML and its schema say; `yaml` knows its places.

    Documents are told apart by identity: an unchanged file gives the same ones again.
    """

    kind: str
    name: str
    path: str
    blob: str
    yaml: YamlDocument
    problems: tuple[Problem, ...]
    #: Its spec as written: a null is kept, since in a merge patch it removes a default. Empty where there is none.
    written: Mapping[str, Any] = field(init=False, repr=False)
    #: Its spec without nulls; the very same where it has none.
    spec: Mapping[str, Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Both are asked for again and again.
        written = self.yaml.value.get("spec")
        object.__setattr__(self, "written", written if isinstance(written, dict) else {})
        object.__setattr__(self, "spec", without_nulls(self.written))

    @property
    def line(self) -> int:
        """The line it begins on."""
        return self.yaml.line

    @property
    def valid(self) -> bool:
        """True where neither YAML nor its schema found an error."""
        return not has_errors(self.problems)

    def problem(
        self, pointer: str, code: str, message: str, hint: str = "", *, severity: Severity = Severity.ERROR
    ) -> Problem:
        """Make a problem at a place of this document."""
        return replace(self.yaml.problem(code, message, pointer, hint), severity=severity)

    def selector_problems(self, selector: Mapping[str, Any] | None, pointer: str) -> list[Problem]:
        """Give what is wrong with a cluster selector of this document."""
        return [
            self.problem(place, "fleet.selector", message, "as in {key: env, operator: In, values: [prod]}")
            for place, message in selector_faults(selector or {}, pointer)
        ]

    def slip_warnings(self, value: Any, pointer: str) -> list[Problem]:
        """Tell of texts of this document that look like a cluster's variable and are none; `value` stands at a pointer."""
        if not any(sign in self.yaml.data for sign in (b"${", b"$(", b"{{")):
            return []
        return [
            self.warning(
                pointer + each.pointer,
                "fleet.variable-form",
                f"{each.text!r} stays as it is: only ${{cluster.NAME}} is replaced",
                each.hint,
            )
            for each in slips(value)
        ]

    def warning(self, pointer: str, code: str, message: str, hint: str = "") -> Problem:
        """Make a problem that refuses nothing."""
        return self.problem(pointer, code, message, hint, severity=Severity.WARNING)


@dataclass(frozen=True, slots=True)
class FileContent:
    """What one file holds for the fleet. `unidentified` are errors because of which the whole commit can't be trusted."""

    documents: tuple[Document, ...]
    unidentified: tuple[Problem, ...]


def may_hold_documents(data: bytes) -> bool:
    """Tell whether a file may hold documents of the fleet; where not, it is not even parsed."""
    return _SPEAKS_OF_US.search(_narrow(data)) is not None


def _narrow(data: bytes) -> bytes:
    """Give a text as it would be in UTF-8, as far as it is ASCII: one saved as UTF-16 is refused, not passed over."""
    return data.replace(b"\0", b"") if b"\0" in data[:_BEGINNING] else data


def documents_of(data: bytes, path: str, blob: str) -> FileContent:
    """Give the fleet's documents of a YAML file."""
    if not may_hold_documents(data):
        return FileContent((), ())
    source = read(data, path, most=_MOST_VALUES)
    # A template or a manifest of something else may be no YAML at all: that is nothing to us if it never names the group.
    unidentified = list(source.problems) if API_GROUP.encode() in _narrow(data) else []
    found: list[Document] = []
    for document in source.documents:
        identified = _identify(document, path, blob)
        if isinstance(identified, Document):
            found.append(identified)
        elif identified is not None:
            unidentified += [identified, *document.problems, *_of_nameless(document, identified)]
    return FileContent(tuple(found), tuple(unidentified))


def _identify(document: YamlDocument, path: str, blob: str) -> Document | Problem | None:
    """Give the document, or why it can't be identified, or None where it is not of our group."""
    value = document.value
    if not isinstance(value, dict):
        return None
    version, kind = value.get("apiVersion"), value.get("kind")
    if not isinstance(version, str) or version.partition("/")[0] != API_GROUP:
        return _meant_to_be_ours(document, version, kind)
    if version != API_VERSION:
        return document.problem(
            "fleet.unknown-version", f"apiVersion {version!r} is not known", "/apiVersion", f"write {API_VERSION}"
        )
    if not isinstance(kind, str) or kind not in KINDS:
        hint = closest(str(kind), KINDS) or f"one of: {', '.join(KINDS)}"
        return document.problem("fleet.unknown-kind", f"kind {kind!r} is not known", "/kind", hint)
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        at = "/metadata/name" if isinstance(metadata, dict) and "name" in metadata else "/metadata"
        return document.problem("fleet.no-name", f"this {kind} has no metadata.name", at, "give it a name")
    if any(_blurs_identity(problem) for problem in document.problems):
        return document.problem("fleet.no-name", f"what this {kind} is called can't be told", "/metadata/name")
    whole = without_nulls(value)
    found = {
        *document.problems,
        *(_of_namespace(each) for each in check(whole, kind.lower(), path=path, places=document.place, prefix="fleet")),
    }
    # Those of a Cluster are told by `check.known`, with what else is doubtful of it.
    if kind != "Cluster" and not has_errors([*found]):
        found.update(
            replace(document.problem(code, message, f"/spec{pointer}", hint), severity=Severity.WARNING)
            for pointer, code, message, hint in doubts(kind, whole.get("spec") or {})
        )
    problems = tuple(sorted(found, key=Problem.sort_key))
    return Document(kind=kind, name=name, path=path, blob=blob, yaml=document, problems=problems)


def _of_namespace(problem: Problem) -> Problem:
    """Say where a namespace is written: in every other object it stands in the metadata."""
    if problem.pointer != "/metadata/namespace" or problem.code != "fleet.unknown-field":
        return problem
    return replace(problem, hint="an App or a Bundle says it as spec.namespace; others have none")


def _of_nameless(document: YamlDocument, identified: Problem) -> Iterator[Problem]:
    """Give what else is wrong with a document without a name: a misspelt `name` is among it."""
    if identified.code != "fleet.no-name":
        return
    value, kind = without_nulls(document.value), document.value["kind"].lower()
    found = check(value, kind, path=identified.path, places=document.place, prefix="fleet")
    yield from (problem for problem in found if problem.pointer != identified.pointer)


def _blurs_identity(problem: Problem) -> bool:
    return problem.code == "yaml.duplicate-key" and problem.pointer in _IDENTITY


def _meant_to_be_ours(document: YamlDocument, version: Any, kind: Any) -> Problem | None:
    """Say so where a misspelt or missing apiVersion hides a document: its app would look removed."""
    if not isinstance(kind, str) or kind not in KINDS or "spec" not in document.value:
        return None
    if not isinstance(version, str):
        return document.problem("fleet.unknown-version", "apiVersion is missing", "", f"add apiVersion: {API_VERSION}")
    group = version.partition("/")[0]
    if len(group) > 2 * len(API_GROUP) or difflib.SequenceMatcher(None, group, API_GROUP).ratio() < _NEAR:
        return None
    hint = f"did you mean {API_VERSION!r}?"
    return document.problem("fleet.unknown-version", f"apiVersion is {version!r}", "/apiVersion", hint)
