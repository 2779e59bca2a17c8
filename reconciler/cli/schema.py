"""`spinfleet schema`: the JSON Schemas, for editors."""

from __future__ import annotations

from typing import Any

import click

_SUFFIX = ".schema.json"
#: The schema of every kind at once, for files with documents of several kinds.
_ANY = "any"
_KINDS = ("Fleet", "Cluster", "App", "Bundle", "Rollout", "FleetSync")


@click.command()
@click.argument("kind", required=False)
def schema(kind: str | None) -> int:
    """Print the JSON Schema of a KIND (App, Bundle, Cluster, Fleet, …, any, spin-manifest-v2); without one, list them.

    What is printed is whole: an editor needs no other file. `any` holds each document against the schema of its kind, and
    takes documents that are not the fleet's.
    """
    import json

    from reconciler import data
    from reconciler.errors import InputError

    names = sorted([_ANY, *(path.name.removesuffix(_SUFFIX) for path in data.folder("schemas").glob(f"*{_SUFFIX}"))])
    if kind is None:
        click.echo("\n".join(names))
        return 0
    if kind.lower() not in names:
        raise InputError(f"there is no schema {kind!r}", hint=f"one of: {', '.join(names)}")
    click.echo(json.dumps(bundled(kind.lower()), indent=2, ensure_ascii=False))
    return 0


def bundled(name: str) -> dict[str, Any]:
    """Give a schema with what it refers to in other schemas beside its own definitions, as `<schema>.<definition>`.

    Its `$id` goes: editors resolve references against it, and no file stands there.
    """
    if name == _ANY:
        return _any()
    bundle = _Bundle(name)
    result = bundle.whole(name)
    # `schema common` has nothing but definitions.
    bundle.add_definitions(name)
    return {**result, "$defs": dict(sorted(bundle.definitions.items()))} if bundle.definitions else result


def _any() -> dict[str, Any]:
    """Give a schema that holds a document of our group against that of its kind; other documents pass."""
    bundle = _Bundle("")
    ours = {
        "type": "object",
        "required": ["apiVersion"],
        "properties": {"apiVersion": {"type": "string", "pattern": "^spinfleet\\.dev(/|$)"}},
    }
    kinds: list[dict[str, Any]] = []
    for kind in _KINDS:
        bundle.definitions[kind] = bundle.whole(kind.lower())
        of_kind = {"required": ["kind"], "properties": {"kind": {"const": kind}}}
        kinds.append({"if": of_kind, "then": {"$ref": f"#/$defs/{kind}"}})
    known = {"required": ["kind"], "properties": {"kind": {"enum": list(_KINDS)}}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Any document of a fleet, by its kind",
        "if": ours,
        "then": {**known, "allOf": kinds},
        "$defs": dict(sorted(bundle.definitions.items())),
    }


class _Bundle:
    """Schemas in one document: definitions of the schema `root` keep their names, others get that of their schema before it."""

    def __init__(self, root: str) -> None:
        """Hold nothing yet."""
        self.definitions: dict[str, Any] = {}
        self._root = root
        self._documents: dict[str, dict[str, Any]] = {}

    def whole(self, name: str) -> dict[str, Any]:
        """Give a schema as it stands in the bundle, without `$id` and its definitions."""
        apart = {"$id", "$defs"} if name == self._root else {"$id", "$defs", "$schema"}
        return {key: self._moved(each, name) for key, each in self._document(name).items() if key not in apart}

    def add_definitions(self, name: str) -> None:
        """Take in every definition of a schema, whether anything refers to it or not."""
        for key in self._document(name).get("$defs", {}):
            self._target(f"#/$defs/{key}", name)

    def _document(self, name: str) -> dict[str, Any]:
        from reconciler import data

        if name not in self._documents:
            self._documents[name] = data.schema(name)
        return self._documents[name]

    def _moved(self, node: Any, home: str) -> Any:
        """Give a part of schema `home` as it stands in the bundle."""
        if isinstance(node, list):
            return [self._moved(each, home) for each in node]
        if not isinstance(node, dict):
            return node
        return {
            key: self._target(value, home) if key == "$ref" else self._moved(value, home) for key, value in node.items()
        }

    def _target(self, reference: str, home: str) -> str:
        document, _, pointer = reference.partition("#/$defs/")
        home = document.removesuffix(_SUFFIX) or home
        key = pointer if home == self._root else f"{home}.{pointer}"
        if key not in self.definitions:
            self.definitions[key] = {}  # a definition may refer to itself
            self.definitions[key] = self._moved(self._document(home)["$defs"][pointer], home)
        return f"#/$defs/{key}"
