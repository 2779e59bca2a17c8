"""`spinfleet schema`: the JSON Schemas, for editors."""

from __future__ import annotations

import click


@click.command()
@click.argument("kind", required=False)
def schema(kind: str | None) -> int:
    """Print the JSON Schema of a KIND (App, Bundle, Cluster, Fleet, …, spin-manifest-v2); without one, list them."""
    import json

    from reconciler import data
    from reconciler.errors import InputError

    names = sorted(path.name.removesuffix(".schema.json") for path in data.folder("schemas").glob("*.schema.json"))
    if kind is None:
        click.echo("\n".join(names))
        return 0
    if kind.lower() not in names:
        raise InputError(f"there is no schema {kind!r}", hint=f"one of: {', '.join(names)}")
    click.echo(json.dumps(data.schema(kind.lower()), indent=2, ensure_ascii=False))
    return 0
