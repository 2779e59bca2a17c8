"""`spinfleet schema`: the JSON Schemas, for editors."""

from __future__ import annotations

from typing import Any

import click

_SUFFIX = ".schema.json"


@click.command()
@click.argument("kind", required=False)
def schema(kind: str | None) -> int:
    """Print the JSON Schema of a KIND (App, Bundle, Cluster, Fleet, …, spin-manifest-v2); without one, list them.

    What is printed is whole: an editor needs no other file.
    """
    import json

    from reconciler import data
    from reconciler.errors import InputError

    names = sorted(path.name.removesuffix(_SUFFIX) for path in data.folder("schemas").glob(f"*{_SUFFIX}"))
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
    from reconciler import data

    documents: dict[str, dict[str, Any]] = {}
    definitions: dict[str, Any] = {}

    def moved(node: Any, home: str) -> Any:
        """Give a part of schema `home` as it stands in the bundle."""
        if isinstance(node, list):
            return [moved(each, home) for each in node]
        if not isinstance(node, dict):
            return node
        return {key: target(value, home) if key == "$ref" else moved(value, home) for key, value in node.items()}

    def target(reference: str, home: str) -> str:
        document, _, pointer = reference.partition("#/$defs/")
        home = document.removesuffix(_SUFFIX) or home
        key = pointer if home == name else f"{home}.{pointer}"
        if key not in definitions:
            definitions[key] = {}  # a definition may refer to itself
            whole = documents.setdefault(home, data.schema(home))
            definitions[key] = moved(whole["$defs"][pointer], home)
        return f"#/$defs/{key}"

    document = data.schema(name)
    result: dict[str, Any] = moved({key: each for key, each in document.items() if key not in {"$id", "$defs"}}, name)
    # `schema common` has nothing but definitions.
    for key in document.get("$defs", {}):
        target(f"#/$defs/{key}", name)
    return {**result, "$defs": dict(sorted(definitions.items()))} if definitions else result
