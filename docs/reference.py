"""Writes the field reference of docs/manifests.md and docs/fleet-format.md from the JSON Schemas.

`python -m docs.reference` rewrites what stands between the markers of each page; `--check` exits with 1 where that would
change something. A keyword of JSON Schema that is not known here is an error: no constraint may be left out in silence.
"""  # noqa: INP001 - a script beside the pages it writes; nothing imports it but its test

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from reconciler import data

Schema = Mapping[str, Any]

HERE = Path(__file__).parent
BEGIN, END = "<!-- fields: begin -->", "<!-- fields: end -->"

_KNOWN = frozenset(
    {
        "$schema", "$id", "$defs", "$ref", "title", "description", "default", "examples", "deprecated",
        "type", "const", "enum", "oneOf", "allOf", "not", "pattern", "properties", "required", "additionalProperties", "propertyNames",
        "items", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    }
)  # fmt: skip
_TYPES = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "object": "object",
}  # fmt: skip
#: A definition that is written out at one place and not among the shared ones.
_PLACES = {("app", "fields"): "app-spec"}
_MOST_EXAMPLES = 2
#: Text that Markdown would take for formatting or formulas: it is shown as code.
_CODE = re.compile(
    r"\$\{[^}]*\}|\{\{.*?\}\}|\{[^{}]*\}|\[\[[a-z_]+\]\]|\[[a-z_]+\.[A-Z]+\]|[^\s'\"]*\*[^\s'\";,]*|\$\$?"
)


@dataclass(frozen=True, slots=True)
class Part:
    """One schema on a page: its name, the heading, what its anchors and those of its definitions begin with.

    `before` stands before the paths in headings, where a page has several schemas with the same ones.
    """

    schema: str
    heading: str
    anchor: str
    shared: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its parts, and the heading of the definitions that several share (without one they follow each part)."""

    parts: tuple[Part, ...]
    language: str
    shared_heading: str = ""


PAGES = {
    "fleet-format.md": Page(
        tuple(
            Part(kind.lower(), kind, kind.lower(), "shared", f"{kind}: ")
            for kind in ("Fleet", "Cluster", "App", "Bundle", "Rollout", "FleetSync")
        ),
        "yaml",
        "Shared parts",
    ),
    "manifests.md": Page(
        (
            Part("spin-manifest-v2", "spin.toml, version 2", "v2", "v2"),
            Part("spin-manifest-v1", "spin.toml, version 1", "v1", "v1"),
            Part("runtime-config", "Runtime configuration", "runtime", "runtime"),
        ),
        "toml",
    ),
}


def generated(page: Page) -> str:
    """Give the reference of a page as Markdown."""
    writer = _Writer(page)
    for part in page.parts:
        writer.part(part)
        if not page.shared_heading:
            writer.definitions()
    if page.shared_heading:
        writer.lines += [f"### {page.shared_heading}", ""]
        writer.definitions()
    return "\n".join(writer.lines).rstrip() + "\n"


def renewed(text: str, page: Page) -> str:
    """Give a page's text with its reference as it should be. Raises ValueError where the markers are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{generated(page)}\n{END}{after}"


@cache
def _schema(name: str) -> Schema:
    return data.schema(name)


@dataclass(frozen=True, slots=True)
class _Node:
    """A part of a schema. `home` is the schema that its references count from.

    Where it is a definition, `key` says which, and `beside` which keywords stood beside the reference.
    """

    schema: Schema
    home: str
    key: tuple[str, str] | None = None
    beside: frozenset[str] = frozenset()

    def part(self, schema: Schema) -> _Node:
        """Give what a schema inside this one is, with what it refers to; what stands beside a reference counts first."""
        if unknown := set(schema) - _KNOWN:
            raise ValueError(f"the reference has no words for {', '.join(sorted(unknown))}")
        if "$ref" not in schema:
            return _Node(schema, self.home)
        document, _, name = schema["$ref"].partition("#/$defs/")
        home = document.removesuffix(".schema.json") or self.home
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = _Node({}, home).part(_schema(home)["$defs"][name])
        return _Node({**target.schema, **beside}, target.home, (home, name), frozenset(beside))

    @property
    def fields(self) -> Schema:
        """The fields of an object, by name."""
        found: Schema = self.schema.get("properties", {})
        return found

    @property
    def values(self) -> _Node | None:
        """What the values of a map by name are, or None for anything else."""
        more = self.schema.get("additionalProperties")
        return self.part(more) if isinstance(more, dict) else None

    @property
    def alternatives(self) -> list[_Node]:
        """What it may be, one of them."""
        return [self.part(each) for each in self.schema.get("oneOf", ())]

    @property
    def structured(self) -> bool:
        """Whether it is an object with fields, or may be one."""
        return bool(self.fields) or any(each.structured and each.key is None for each in self.alternatives)

    @property
    def named(self) -> bool:
        """Whether it is a definition that deserves a place of its own: one with fields, or with a form that is explained once."""
        has_form = "pattern" in self.schema or any("pattern" in each.schema for each in self.alternatives)
        return self.key is not None and (self.structured or has_form)


class _Writer:
    """Writes a page's reference: for each object a section with a table of its fields, then the objects inside it."""

    def __init__(self, page: Page) -> None:
        self.lines: list[str] = []
        self._page = page
        self._shared = page.parts[0].shared
        self._before = ""
        self._waiting: list[tuple[str, _Node]] = []
        self._written: set[str] = set()

    def part(self, part: Part) -> None:
        """Write one schema."""
        schema, self._shared, self._before = _schema(part.schema), part.shared, part.before
        node = _Node({}, part.schema).part(schema)
        intro = schema.get("description") or schema.get("title", "").partition(": ")[2]
        self._heading(3, part.anchor, part.heading)
        self.lines += [_sentence(intro[:1].upper() + intro[1:]), ""]
        self._fields(node, part.anchor, "")

    def definitions(self) -> None:
        """Write the definitions that what is written so far refers to, and those that they refer to."""
        self._before = ""
        while self._waiting:
            anchor, node = self._waiting.pop(0)
            title = node.key[1] if node.key else anchor
            self._section(node, anchor, "", title)

    def _heading(self, level: int, anchor: str, text: str) -> None:
        self.lines += [f'{"#" * level} <a id="{anchor}"></a>{text}', ""]

    def _section(self, node: _Node, anchor: str, path: str, title: str) -> None:
        self._heading(4, anchor, title)
        if text := node.schema.get("description", ""):
            self.lines += [_sentence(text), ""]
        if node.structured:
            self._fields(node, anchor, path)
            return
        self.lines += [f"{self._plain(node, anchor).capitalize()}. {self._details(node)}".rstrip(), ""]

    def _fields(self, node: _Node, anchor: str, path: str) -> None:
        """Write what stands in an object, or in each of the objects that it may be."""
        if node.fields:
            self._table(node, anchor, path)
            return
        objects = [each for each in node.alternatives if each.fields and not each.named]
        for each in node.alternatives:
            if each not in objects:
                self.lines += [f"- {self._alternative(each, anchor)}", ""]
        for each in objects:
            label = _label(each) if len(objects) > 1 else ""
            self.lines += [f"- an object{f' with {label[1]}' if label else ''}: {_lower(_sentence(_text(each)))}", ""]
            self._table(each, f"{anchor}-{label[0]}" if label else anchor, path)

    def _alternative(self, node: _Node, anchor: str) -> str:
        text = _text(node)
        return f"{self._words(node, anchor)}{f': {_lower(_sentence(text))}' if text and not node.named else ''}"

    def _table(self, node: _Node, anchor: str, path: str) -> None:
        below: list[tuple[_Node, str, str]] = []
        self.lines += ["| field | type | default | what it says |", "|---|---|---|---|"]
        for name, schema in node.fields.items():
            each, at = node.part(schema), _anchor(f"{anchor}-{name}")
            words = self._words(each, at)
            inside = _inside(each, f"{path}.{name}".lstrip("."), at)
            if inside is not None:
                below.append((inside[0], at, inside[1]))
            default = "**required**" if name in node.schema.get("required", ()) else self._default(each)
            # Where the object has a section, that is what the anchor leads to.
            anchored = "" if inside is not None or at in self._written else f'<a id="{at}"></a>'
            field = f"{path}.{name}".lstrip(".") + (".<name>" if each.values is not None else "")
            cells = [f"{anchored}`{field}`", words, default, self._what(each)]
            self.lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        self.lines.append("")
        if notes := _notes(node.schema):
            self.lines += [notes, ""]
        for each, at, inner in below:
            self._section(each, at, inner, f"{self._before}`{inner}`")

    def _what(self, node: _Node) -> str:
        deprecated = "Deprecated. " if node.schema.get("deprecated") else ""
        # The form and the examples of a definition stand where the definition is.
        own = not node.named or "examples" in node.beside
        details = self._examples(node) if node.named and own else self._details(node) if own else ""
        return " ".join(filter(None, [deprecated + _sentence(_text(node)), details]))

    def _details(self, node: _Node) -> str:
        """Give the form and examples of a value."""
        values = node.values or node
        names = node.schema.get("propertyNames", {}).get("pattern")
        forms = [each.schema["pattern"] for each in (values, *values.alternatives) if "pattern" in each.schema]
        shown = [f"Names: `{names}`." if names else ""]
        shown += [f"Form: `{form}`." for form in forms if values is node or not values.named]
        return " ".join(filter(None, [*shown, self._examples(node)]))

    def _examples(self, node: _Node) -> str:
        examples = () if "const" in node.schema else node.schema.get("examples", ())
        found = [f"`{self._literal(each)}`" for each in examples[:_MOST_EXAMPLES]]
        return f"For example {' or '.join(found)}." if found else ""

    def _default(self, node: _Node) -> str:
        return f"`{self._literal(node.schema['default'])}`" if "default" in node.schema else ""

    def _words(self, node: _Node, anchor: str) -> str:
        """Say what a value is; an object with fields links to its section."""
        if node.key in _PLACES and anchor != _PLACES[node.key]:
            return f"[as App's spec](#{_PLACES[node.key]})"
        if node.named and node.key not in _PLACES:
            return self._link(node)
        return self._plain(node, anchor)

    def _plain(self, node: _Node, anchor: str) -> str:
        if node.alternatives:
            return " or ".join(dict.fromkeys(self._words(each, anchor) for each in node.alternatives))
        schema = node.schema
        if "const" in schema:
            return f"`{self._literal(schema['const'])}`"
        if "enum" in schema:
            return _either([f"`{self._literal(each)}`" for each in schema["enum"]])
        if isinstance(schema["type"], list):
            return _either([_TYPES[each] for each in schema["type"]])
        if schema["type"] == "array":
            items = self._words(node.part(schema["items"]), anchor)
            return "; ".join([f"list of {_plural(items)}", *_bounds(schema, "Items", "entries", "at least one entry")])
        if node.values is not None:
            return self._words(node.values, anchor)
        if node.fields:
            return f"[object](#{anchor})"
        needed = _either([f"`{name}`" for name in schema.get("required", ())])
        words = f"object with {needed}" if needed else _ranged(_TYPES[schema["type"]], schema)
        return ", ".join([words, *_bounds(schema, "Length", "characters", "not empty")])

    def _link(self, node: _Node) -> str:
        anchor = self._anchor_of(node)
        if anchor not in self._written and node.key is not None:
            self._written.add(anchor)
            # The definition itself, without what stands beside this reference.
            home, name = node.key
            whole = _Node({}, home).part(_schema(home)["$defs"][name])
            self._waiting.append((anchor, _Node(whole.schema, whole.home, node.key)))
        return f"[{node.key[1] if node.key else 'object'}](#{anchor})"

    def _anchor_of(self, node: _Node) -> str:
        return _anchor(f"{self._shared}-{node.key[1] if node.key else ''}")

    def _literal(self, value: Any) -> str:
        if self._page.language == "toml":
            return toml(value)
        text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
        return text.removesuffix("...\n").strip()


def toml(value: Any) -> str:
    """Give a JSON value as TOML writes it in one line."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {toml(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(toml(each) for each in value)}]"
    return json.dumps(value, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _inside(node: _Node, path: str, anchor: str) -> tuple[_Node, str] | None:
    """Give the object that a field holds, alone, in a list or by name, with its path; None where it has no section here."""
    if node.key in _PLACES and anchor == _PLACES[node.key]:
        return node, path
    if node.named:
        return None
    if node.structured:
        return node, path
    if node.values is not None:
        return _inside(node.values, f"{path}.<name>", anchor)
    if node.schema.get("type") == "array":
        return _inside(node.part(node.schema["items"]), f"{path}[]", anchor)
    return None


def _label(node: _Node) -> tuple[str, str]:
    """Give what tells an object from the others that might stand in its place: for an anchor, and in words."""
    kind = node.fields.get("type", {}).get("const")
    if kind is not None:
        return _anchor(kind), f'`type = "{kind}"`'
    name = node.schema["required"][0]
    return _anchor(name), f"`{name}`"


def _notes(schema: Schema) -> str:
    """Say what holds for an object's fields together."""
    notes = []
    if groups := _exclusive(schema):
        notes.append(f"At most one of {_either([f'`{name}`' for name in groups])} stands.")
    if schema.get("maxProperties") == schema.get("minProperties") == 1:
        notes.append("Exactly one of these fields stands.")
    if "additionalProperties" not in schema:
        notes.append("Further fields may stand beside them.")
    return " ".join(notes)


def _exclusive(schema: Schema) -> list[str]:
    """Give the fields of which allOf lets only one stand. Raises ValueError where it says something else."""
    pairs = [each["not"]["required"] for each in schema.get("allOf", ())]
    names = sorted({name for pair in pairs for name in pair})
    if any(len(pair) != 2 for pair in pairs) or len(pairs) != len(names) * (len(names) - 1) // 2:
        raise ValueError("the reference has words for allOf only where each two of some fields exclude one another")
    return names


def _ranged(words: str, schema: Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None and most is None:
        return words
    if least is None:
        return f"{words} up to {most}"
    return f"{words} from {least}" if most is None else f"{words} from {least} to {most}"


def _bounds(schema: Schema, noun: str, unit: str, some: str) -> list[str]:
    """Say how long a text or a list may be; `some` is what one says of at least one."""
    least, most = schema.get(f"min{noun}", 0), schema.get(f"max{noun}")
    bounds = [some if least == 1 else f"at least {least} {unit}" if least else ""]
    bounds.append(f"at most {most} {unit}" if most is not None else "")
    return [each for each in bounds if each]


def _plural(words: str) -> str:
    return re.sub(r"^(\[?)object\b", r"\1objects", words)


def _either(words: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _text(node: _Node) -> str:
    """Give a description: its own, or that of the values of a map or list."""
    return str(node.schema.get("description", ""))


def _sentence(text: str) -> str:
    """Give a description as Markdown: what would be taken for formatting as code, a full stop at the end."""
    shown = "".join(each if code else _coded(each) for each, code in _spans(text))
    return shown if not shown or shown.endswith((".", "…")) else f"{shown}."


def _spans(text: str) -> Iterator[tuple[str, bool]]:
    for number, each in enumerate(re.split(r"(`[^`]*`)", text)):
        yield each, number % 2 == 1


def _coded(text: str) -> str:
    return _CODE.sub(lambda found: f"`{found[0]}`", text).replace("<", "&lt;")


def _lower(text: str) -> str:
    """Give a sentence as it goes on after a colon; abbreviations and names stay."""
    return text[:1].lower() + text[1:] if re.match(r"[A-Z][a-z]* [a-z]|[A-Z] ", text) else text


def _anchor(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def main(arguments: Sequence[str]) -> int:
    """Rewrite the pages, or with --check tell which are stale."""
    stale = []
    for name, page in PAGES.items():
        path = HERE / name
        text = path.read_text(encoding="utf-8")
        wanted = renewed(text, page)
        if text != wanted:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(wanted, encoding="utf-8")
    if "--check" in arguments and stale:
        sys.stderr.write(f"stale: {', '.join(stale)}; run python -m docs.reference\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
