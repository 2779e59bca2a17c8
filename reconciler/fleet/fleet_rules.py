"""What a Fleet document must keep beyond its schema: patterns that can be compiled, keys that are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler import __version__
from reconciler.errors import InputError
from reconciler.fleet.documents import Document
from reconciler.fleet.ignore import pattern_fault
from reconciler.fleet.paths import beside
from reconciler.fleet.patterns import identity_fault
from reconciler.fleet.signature_rules import SignatureRule, SigningKey, rule_of
from reconciler.problems import Problem
from reconciler.tree import Tree

_FORBIDDEN_DEFAULTS = ("artifact", "manifest", "overrides")


def fleet_problems(document: Document, tree: Tree) -> list[Problem]:
    """Give what is wrong with the Fleet document. All of it is commit scope: it bears on every app."""
    if not document.valid:
        return []
    return [*_ignore(document), *_defaults(document), *_signatures(document, tree), *_agent(document)]


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
    yield from document.slip_warnings(document.spec.get("defaults"), "/spec/defaults")
    for name in _FORBIDDEN_DEFAULTS:
        if name in (document.spec.get("defaults") or {}):
            yield document.problem(
                f"/spec/defaults/{name}", "fleet.default", f"{name} can't have a default", "remove it"
            )


def _signatures(document: Document, tree: Tree) -> Iterator[Problem]:
    for at, rule in enumerate(_rules(document)):
        pointer = f"/spec/artifacts/signatures/{at}"
        yield from _rule(document, rule, pointer)
        for index, key in enumerate(rule.get("keys") or ()):
            if reason := _unusable_key(document, tree, key["file"]):
                hint = "name a PEM public key in the repository, relative to this file"
                yield document.problem(f"{pointer}/keys/{index}/file", "fleet.key", reason, hint)
        if "trustRoot" in rule and (reason := _unusable_root(document, tree, rule["trustRoot"])):
            hint = "name a trusted root in the repository, as `cosign trusted-root create` writes it"
            yield document.problem(f"{pointer}/trustRoot", "fleet.trust-root", reason, hint)


def _rule(document: Document, rule: Mapping[str, Any], pointer: str) -> Iterator[Problem]:
    """Give what is wrong with a rule by itself: it could never be kept, or it would be kept by too many."""
    signers = len(rule.get("keys") or ()) + len(rule.get("identities") or ())
    if signers < rule.get("require", 1):
        message = f"{rule.get('require', 1)} signers are required and {signers} are named"
        yield document.problem(pointer, "fleet.signature", message, "name keys or identities, or lower require")
    if "@" in rule["match"]:
        message = "a pattern is held against registry and repository, and would never match with a digest in it"
        yield document.problem(f"{pointer}/match", "fleet.signature", message, "as in ghcr.io/acme/**")
    if rule.get("transparencyLog") == "Require" and rule.get("keys") and "trustRoot" not in rule:
        message = "entries in a transparency log can be checked only with the log's own key"
        yield document.problem(pointer, "fleet.signature", message, "name a trustRoot")
    for index, identity in enumerate(rule.get("identities") or ()):
        if fault := identity_fault(identity.get("subjectPattern", "a")):
            place = f"{pointer}/identities/{index}/subjectPattern"
            message = f"{identity['subjectPattern']!r}: {fault}"
            hint = "* stands for anything within a path segment, ** crosses: https://github.com/acme/*/.github/workflows/release.yaml@refs/tags/*"
            yield document.problem(place, "fleet.identity", message, hint)


def _rules(document: Document) -> Sequence[Mapping[str, Any]]:
    return (document.spec.get("artifacts") or {}).get("signatures") or ()


def signature_rules(document: Document, tree: Tree) -> tuple[SignatureRule, ...]:
    """Give the rules of a sound Fleet document, with the files that they name read in."""
    found = []
    for rule in _rules(document):
        keys = [SigningKey(name=key["name"], pem=_text(document, tree, key["file"])) for key in rule.get("keys") or ()]
        root = _text(document, tree, rule["trustRoot"]) if "trustRoot" in rule else ""
        found.append(rule_of(rule, keys, root))
    return tuple(found)


def _text(document: Document, tree: Tree, written: str) -> str:
    return tree.read(beside(document.path, written) or "").decode(errors="replace")


def _content(document: Document, tree: Tree, written: str) -> bytes:
    path = beside(document.path, written)
    if path is None or path not in tree.files:
        raise InputError(f"there is no file {written!r}")
    return tree.read(path)


def _unusable_key(document: Document, tree: Tree, written: str) -> str:
    from reconciler.public_keys import load_public_key

    try:
        data = _content(document, tree, written)
        try:
            load_public_key(data)
        except InputError as error:
            return f"{written!r}: {error.message}"
    except InputError as error:
        return error.message
    return ""


def _unusable_root(document: Document, tree: Tree, written: str) -> str:
    try:
        data = _content(document, tree, written)
    except InputError as error:
        return error.message
    try:
        root = json.loads(data)
    except (ValueError, RecursionError):
        return f"{written!r} is not JSON"
    return "" if isinstance(root, dict) and "mediaType" in root else f"{written!r} is not a trusted root"
