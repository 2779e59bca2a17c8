"""YAML as people read and edit it, which means to every reader what it meant here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from reconciler.fleet.scalars import NumberError, resolve


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the shape that PyYAML calls
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    """Quote what another reader of YAML would take for something else than text: `y` and `010`, say."""
    try:
        plain = resolve(text) == text
    except NumberError:
        plain = False
    style = None if plain else '"'
    if plain and "\n" in text and text.isprintable() is False and not text.startswith((" ", "\n")):
        style = "|"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def yaml_text(document: Mapping[str, Any]) -> str:
    """Give a document as YAML, its fields in the order in which they stand."""
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)


def schema_line(path: str, kind: str) -> str:
    """Give the comment by which an editor finds the schema of a document; `path` is the document's own."""
    up = "../" * path.count("/")
    return f"# yaml-language-server: $schema={up}schemas/{kind.lower()}.schema.json\n"
