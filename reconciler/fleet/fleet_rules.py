"""What a Fleet document must keep beyond its schema: patterns that can be compiled, keys that are there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler import __version__
from reconciler.errors import InputError
from reconciler.fleet.documents import Document
from reconciler.fleet.ignore import pattern_fault
from reconciler.fleet.paths import beside
from reconciler.problems import Problem
from reconciler.tree import Tree

_FORBIDDEN_DEFAULTS = ("artifact", "manifest", "overrides")


def fleet_problems(document: Document, tree: Tree) -> list[Problem]:
    """Give what is wrong with the Fleet document. All of it is commit scope: it bears on every app."""
    if not document.valid:
        return []
    return [*_ignore(document), *_defaults(document), *_keys(document, tree), *_agent(document)]


def _agent(document: Document) -> Iterator[Problem]:
    least = str(document.spec.get("minimumAgentVersion", "0.0.0"))
    if _numbers(least) > _numbers(__version__):
        message = f"this fleet asks for Spinfleet {least} or newer, and this is {__version__}"
        yield document.problem(
            "/spec/minimumAgentVersion", "fleet.agent-too-old", message, "update this agent or command"
        )


def _numbers(version: str) -> tuple[int, ...]:
    """Give the numbers of a version; what follows them (`.dev1`, `rc1`) does not count."""
    found = re.match(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})", version)
    return tuple(int(part) for part in found.groups()) if found is not None else (0, 0, 0)


def _ignore(document: Document) -> Iterator[Problem]:
    for index, pattern in enumerate(document.spec.get("ignore") or ()):
        if fault := pattern_fault(pattern):
            message = f"pattern {pattern!r}: {fault}"
            yield document.problem(f"/spec/ignore/{index}", "fleet.ignore", message, "as in docs/** or *.tmp.yaml")


def _defaults(document: Document) -> Iterator[Problem]:
    placement = (document.spec.get("defaults") or {}).get("placement") or {}
    yield from document.selector_problems(placement.get("clusters"), "/spec/defaults/placement/clusters")
    for name in _FORBIDDEN_DEFAULTS:
        if name in (document.spec.get("defaults") or {}):
            yield document.problem(
                f"/spec/defaults/{name}", "fleet.default", f"{name} can't have a default", "remove it"
            )


def _keys(document: Document, tree: Tree) -> Iterator[Problem]:
    rules = (document.spec.get("artifacts") or {}).get("signatures") or ()
    for at, rule in enumerate(rules):
        pointer = f"/spec/artifacts/signatures/{at}"
        signers = len(rule.get("keys") or ()) + len(rule.get("identities") or ())
        if signers < rule.get("require", 1):
            message = f"{rule.get('require', 1)} signers are required and {signers} are named"
            yield document.problem(pointer, "fleet.signature", message, "name keys or identities, or lower require")
        for index, key in enumerate(rule.get("keys") or ()):
            if reason := _unusable(tree, beside(document.path, key["file"]), key["file"]):
                place = f"{pointer}/keys/{index}/file"
                hint = "name a PEM public key in the repository, relative to this file"
                yield document.problem(place, "fleet.key", reason, hint)


def _unusable(tree: Tree, path: str | None, written: str) -> str:
    if path is None or path not in tree.files:
        return f"there is no file {written!r}"
    try:
        data = tree.read(path)
    except InputError as error:
        return error.message
    if b"PRIVATE KEY" in data:
        return f"{written!r} holds a private key: it is compromised by being here"
    return "" if b"-----BEGIN PUBLIC KEY-----" in data else f"{written!r} is not a PEM public key"
