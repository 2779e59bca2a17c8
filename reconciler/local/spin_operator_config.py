"""The Spin runtime config that SpinKube's operator writes for an app (spin-operator, internal/runtimeconfig)."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.errors import InputError
from reconciler.local.spin_operator_objects import APP_NAME_LABEL, owner_reference

FILE = "runtime-config.toml"
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Source:
    """A ConfigMap or Secret that an option's value comes from."""

    kind: str
    name: str


def sources(app: Mapping[str, Any]) -> frozenset[Source]:
    """Give what must be fetched before the config of an app can be written."""
    found = set()
    for option in _options(app["spec"].get("runtimeConfig") or {}):
        source = option.get("valueFrom") or {}
        if reference := source.get("configMapKeyRef"):
            found.add(Source("ConfigMap", reference["name"]))
        elif reference := source.get("secretKeyRef"):
            found.add(Source("Secret", reference["name"]))
    return frozenset(found)


def runtime_config(app: Mapping[str, Any], fetched: Mapping[Source, Mapping[str, Any]]) -> str:
    """Give the TOML text of an app's config; empty where it is loaded from a Secret of the user's own.

    Every option is written as a string, whatever Spin expects. Raises InputError for two stores of one name.
    """
    config = app["spec"].get("runtimeConfig") or {}
    if config.get("loadFromSecret"):
        return ""
    lines = ["[[config_provider]]", "type = 'env'", "prefix = 'SPIN_VARIABLE_'"]
    for table, sort, entries in (
        ("key_value_store", "key value store", config.get("keyValueStores") or ()),
        ("sqlite_database", "sqlite database", config.get("sqliteDatabases") or ()),
    ):
        lines += _tables(table, sort, entries, fetched)
    if compute := config.get("llmCompute"):
        lines += ["", "[llm_compute]", *_values(compute, fetched)]
    return "\n".join(lines) + "\n"


def secret(app: Mapping[str, Any], toml: str) -> dict[str, Any]:
    """Give the Secret that holds the config, named after a checksum of it, so that a change of it rolls the pods."""
    data = toml.encode()
    metadata = app["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"{metadata['name']}-{zlib.adler32(data):x}",
            "namespace": metadata["namespace"],
            "labels": {APP_NAME_LABEL: metadata["name"]},
            "ownerReferences": [owner_reference(app, controller=False)],
        },
        "data": {FILE: base64.b64encode(data).decode()},
    }


def _options(config: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    if config.get("loadFromSecret"):
        return
    entries = [*(config.get("keyValueStores") or ()), *(config.get("sqliteDatabases") or ())]
    if config.get("llmCompute"):
        entries.append(config["llmCompute"])
    for entry in entries:
        yield from entry.get("options") or ()


def _tables(
    table: str, sort: str, entries: Iterable[Mapping[str, Any]], fetched: Mapping[Source, Mapping[str, Any]]
) -> list[str]:
    named: dict[str, list[str]] = {}
    for entry in entries:
        if entry["name"] in named:
            raise InputError(f"duplicate definition for {sort} with name: {entry['name']}")
        named[entry["name"]] = _values(entry, fetched)
    lines = ["", f"[{table}]"] if named else []
    for position, name in enumerate(sorted(named)):
        lines += [*([""] if position else []), f"[{table}.{_key(name)}]", *named[name]]
    return lines


def _values(entry: Mapping[str, Any], fetched: Mapping[Source, Mapping[str, Any]]) -> list[str]:
    values = {"type": entry["type"]}
    for option in entry.get("options") or ():
        values[option["name"]] = option.get("value") or _fetched(option.get("valueFrom") or {}, fetched)
    return [f"{_key(name)} = {_string(values[name])}" for name in sorted(values)]


def _fetched(source: Mapping[str, Any], fetched: Mapping[Source, Mapping[str, Any]]) -> str:
    """Give a referred value; a key that is not there is an empty one, as for the operator."""
    if reference := source.get("configMapKeyRef"):
        data = fetched[Source("ConfigMap", reference["name"])].get("data") or {}
        return str(data.get(reference["key"]) or "")
    if reference := source.get("secretKeyRef"):
        data = fetched[Source("Secret", reference["name"])].get("data") or {}
        return base64.b64decode(data.get(reference["key"]) or "").decode("utf-8", "replace")
    return ""


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    """Write a TOML string: literal where it can be, else basic (TOML 1.0, Strings)."""
    if "'" not in text and all(character.isprintable() or character == "\t" for character in text):
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(_escape(character) for character in escaped) + '"'


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
