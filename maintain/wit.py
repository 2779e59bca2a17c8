"""Reading WIT packages as far as it takes to tell what a world imports and what its interfaces offer (source: the component model's WIT.md)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PACKAGE = re.compile(r"\bpackage\s+([\w-]+\s*:\s*[^;{\s]+)\s*;")
_SPACE = re.compile(r"\s+")
_BLOCK = re.compile(r"((?:@\w+\([^)]*\)\s*)*)\b(interface|world)\s+([\w%-]+)\s*\{")
_UNSTABLE = re.compile(r"@unstable\(\s*feature\s*=\s*([\w-]+)\s*\)")
_STATEMENT = re.compile(r"((?:@\w+\([^)]*\)\s*)*)(include|import|export|use)\s+([^\s{;]+)")
_RESOURCE = re.compile(r"\bresource\s+([\w%-]+)\s*(?:;|\{([^}]*)\})")
_FUNCTION = re.compile(r"([\w%-]+)\s*:\s*(static\s+)?(?:async\s+)?func\b")
_CONSTRUCTOR = re.compile(r"\bconstructor\s*\(")


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of an interface or world: its full name, and the feature that it is gated by, "" for none."""

    name: str
    feature: str = ""


@dataclass(slots=True)
class Package:
    """Worlds and interfaces by full name (`wasi:cli/imports@0.2.6`), what each interface offers, and in which file each stands."""

    worlds: dict[str, dict[str, list[Reference]]] = field(default_factory=dict)
    interfaces: dict[str, list[Reference]] = field(default_factory=dict)
    offers: dict[str, frozenset[str]] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


def read(files: Mapping[str, str]) -> Package:
    """Read WIT files by path. Files of one folder are one package."""
    texts = {path: _COMMENT.sub(" ", text) for path, text in files.items()}
    names = {
        path.rpartition("/")[0]: _SPACE.sub("", found[1])
        for path, text in texts.items()
        if (found := _PACKAGE.search(text))
    }
    package = Package()
    for path, text in sorted(texts.items()):
        own = _PACKAGE.search(text)
        add(package, path, text, _SPACE.sub("", own[1]) if own else names.get(path.rpartition("/")[0], ""))
    return package


def add(package: Package, path: str, text: str, name: str) -> None:
    """Add the worlds and interfaces of one text to a package."""
    for kind, block, body in _blocks(_COMMENT.sub(" ", text)):
        full = _full(block, name)
        package.places[full] = path
        statements = [
            (verb, Reference(_full(target.removeprefix("%"), name), feature))
            for verb, target, feature in _statements(body)
        ]
        if kind == "world":
            found: dict[str, list[Reference]] = {"include": [], "import": [], "export": [], "use": []}
            for verb, reference in statements:
                found[verb].append(reference)
            package.worlds[full] = found
        else:
            package.interfaces[full] = [reference for verb, reference in statements if verb == "use"]
            package.offers[full] = frozenset(_offered(body))


def imports(package: Package, world: str) -> dict[str, str]:
    """Give what a world imports, what its imports use included: full name to the features (a comma between) that gate it."""
    found: dict[str, str] = {}

    def note(name: str, feature: str) -> None:
        if name in package.interfaces and (name not in found or (found[name] and not feature)):
            found[name] = feature
            for used in package.interfaces[name]:
                note(used.name, _both(feature, used.feature))

    def visit(name: str, feature: str) -> None:
        parts = package.worlds.get(name)
        if parts is None:
            raise LookupError(f"no world {name}")
        for each in parts["include"]:
            visit(each.name, _both(feature, each.feature))
        for each in (*parts["import"], *parts["use"]):
            note(each.name, _both(feature, each.feature))

    visit(world, "")
    return found


def _both(outer: str, inner: str) -> str:
    return ",".join(dict.fromkeys(filter(None, (*outer.split(","), inner))))


def _blocks(text: str) -> Iterator[tuple[str, str, str]]:
    for found in _BLOCK.finditer(text):
        depth, at = 1, found.end()
        while depth and at < len(text):
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        yield found[2], found[3].removeprefix("%"), text[found.end() : at - 1]


def _statements(body: str) -> Iterator[tuple[str, str, str]]:
    """Give (verb, target, feature) of statements that name an interface or a world."""
    for found in _STATEMENT.finditer(body):
        target = found[3].removesuffix(":")
        if found[3].endswith(":") and found[2] in {"import", "export"}:
            continue  # a function or an interface written in place
        gate = _UNSTABLE.search(found[1])
        yield found[2], target.partition(".{")[0].rstrip("."), gate[1] if gate else ""


def _offered(body: str) -> Iterator[str]:
    """Give an interface's functions and resources, named as binaries name them; those behind a feature count as well."""
    for found in _RESOURCE.finditer(body):
        name, inside = found[1].removeprefix("%"), found[2] or ""
        yield f"[resource]{name}"
        if _CONSTRUCTOR.search(inside):
            yield f"[constructor]{name}"
        for each in _FUNCTION.finditer(inside):
            yield f"[{'static' if each[2] else 'method'}]{name}.{each[1].removeprefix('%')}"
    for each in _FUNCTION.finditer(_RESOURCE.sub(" ", body)):
        yield each[1].removeprefix("%")


def _full(name: str, package: str) -> str:
    """Give a name with its package: `types` in wasi:io@0.2.0 is `wasi:io/types@0.2.0`."""
    if "/" in name or ":" in name:
        return name
    base, _, version = package.partition("@")
    return f"{base}/{name}" + (f"@{version}" if version else "")
