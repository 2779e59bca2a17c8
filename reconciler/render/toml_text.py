"""Values written as TOML 1.0: tables of texts, numbers, booleans and lists, each value on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
#: TOML, unlike JSON, wants this one escaped in a text.
_DELETE = "\x7f"


def table(header: str, values: Mapping[str, Any]) -> str:
    """Give a table under a header as `[key_value_store.cache]` or `[[variables_provider]]`, keys in the order given."""
    return "\n".join([header, *(f"{key(name)} = {value(each)}" for name, each in values.items()), ""])


def key(name: str) -> str:
    """Give a key, quoted where it must be."""
    return name if _BARE.fullmatch(name) else _text(name)


def value(each: Any) -> str:
    """Give a value on one line. Raises TypeError for what TOML has no word for, such as null."""
    if isinstance(each, str):
        return _text(each)
    if isinstance(each, bool):
        return "true" if each else "false"
    if isinstance(each, (int, float)):
        return repr(each)
    if isinstance(each, Mapping):
        return "{" + ", ".join(f"{key(str(name))} = {value(below)}" for name, below in each.items()) + "}"
    if isinstance(each, Sequence):
        return "[" + ", ".join(value(below) for below in each) + "]"
    raise TypeError(f"TOML has no {type(each).__name__}")


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace(_DELETE, "\\u007f")
