"""What an API server refuses of a CustomResourceDefinition beyond its type.

Source: apiextensions-apiserver, validation of definitions and of structural schemas. Rules in CEL are not looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.openapi.findings import Findings, Way, place, shown
from reconciler.openapi.grammar import DNS_LABEL_1035, is_dns_label, is_subdomain
from reconciler.openapi.patterns import REFUSED_COST, PatternError, compile_pattern
from reconciler.openapi.structural import structural

#: JSON Schema keywords that the type has and a structural schema may not use.
_FORBIDDEN = (
    "$ref",
    "definitions",
    "dependencies",
    "additionalItems",
    "patternProperties",
    "id",
    "deprecated",
    "discriminator",
)
#: Keywords that belong to the schema and not to its allOf, anyOf, oneOf and not.
_NOT_IN_ALTERNATIVES = (
    "additionalProperties", "type", "description", "default", "title", "nullable", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource", "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type",
)  # fmt: skip
#: What looking at one schema costs, in values held against one.
_LOOKING = 10
_ALTERNATIVES = ("allOf", "anyOf", "oneOf")


def definition_findings(definition: Mapping[str, Any], findings: Findings) -> None:
    """Add what is wrong with a definition. Values of the wrong type are told by its type's check and passed over here."""
    spec = definition.get("spec")
    if not isinstance(spec, dict):
        return
    way: Way = (None, "spec")
    _names(definition, spec, findings)
    if spec.get("preserveUnknownFields") is True:
        message = "spec.preserveUnknownFields must be false"
        hint = "set x-kubernetes-preserve-unknown-fields: true in the schema, where it is meant"
        findings.add((way, "preserveUnknownFields"), "definition", message, hint)
    versions = spec.get("versions")
    if not isinstance(versions, list) or not all(isinstance(each, dict) for each in versions):
        return
    _versions(versions, (way, "versions"), findings)
    for index, version in enumerate(versions):
        at: Way = ((way, "versions"), index)
        schema = version.get("schema")
        if not isinstance(schema, dict) or not isinstance(schema.get("openAPIV3Schema"), dict):
            if schema is None or (isinstance(schema, dict) and schema.get("openAPIV3Schema") is None):
                findings.add(at, "definition", f"{place(at)} has no schema.openAPIV3Schema", "every version needs one")
            continue
        below: Way = ((at, "schema"), "openAPIV3Schema")
        _schema(schema["openAPIV3Schema"], below, findings, root=True)


def _names(definition: Mapping[str, Any], spec: Mapping[str, Any], findings: Findings) -> None:
    names, group, way = spec.get("names"), spec.get("group"), ((None, "spec"), "names")
    if not isinstance(names, dict) or not isinstance(group, str):
        return
    if not is_subdomain(group) or "." not in group:
        message = f"spec.group: {shown(group)} must be a domain name with a dot"
        findings.add(((None, "spec"), "group"), "definition", message, "as in example.com")
    plural, name = names.get("plural"), definition["metadata"]["name"]
    if isinstance(plural, str) and name != f"{plural}.{group}":
        message = f"metadata.name must be {plural}.{group}: plural and group"
        findings.add(((None, "metadata"), "name"), "definition", message, f"write {plural}.{group}")
    for field in ("plural", "singular"):
        value = names.get(field)
        if isinstance(value, str) and value and DNS_LABEL_1035.fullmatch(value) is None:
            message = f"spec.names.{field}: {shown(value)} is not a DNS label"
            findings.add(
                (way, field), "definition", message, "lower case letters, digits and -, beginning with a letter"
            )
    for field in ("kind", "listKind"):
        value = names.get(field)
        if isinstance(value, str) and value and DNS_LABEL_1035.fullmatch(value.lower()) is None:
            message = f"spec.names.{field}: {shown(value)} can't be a kind"
            findings.add((way, field), "definition", message, "letters, digits and -, beginning with a letter")


def _versions(versions: list[dict[str, Any]], way: Way, findings: Findings) -> None:
    storage = [index for index, each in enumerate(versions) if each.get("storage") is True]
    if len(storage) != 1:
        told = "no version is" if not storage else f"{len(storage)} versions are"
        findings.add(
            way, "definition", f"{told} marked storage: true, and exactly one must be", "mark the one that is kept"
        )
    seen: dict[str, int] = {}
    for index, each in enumerate(versions):
        name = each.get("name")
        if not isinstance(name, str):
            continue
        if not is_dns_label(name):
            message = f"{place(((way, index), 'name'))}: {shown(name)} is not a DNS label"
            findings.add(((way, index), "name"), "definition", message, "as in v1 or v1alpha1")
        if (first := seen.setdefault(name, index)) != index:
            message = f"version {shown(name)} stands already at [{first}]"
            findings.add(((way, index), "name"), "definition", message, "remove one of them")


def _schema(schema: Any, way: Way, findings: Findings, *, root: bool = False) -> None:
    """Look at a schema that says of what type a value is."""
    if not isinstance(schema, dict):
        return
    findings.step(_LOOKING)
    _type(schema, way, findings, root=root)
    _keywords(schema, way, findings)
    for name, below in _children(schema, way):
        _schema(below, name, findings)
    for part, at in _branches(schema, way):
        _value_schema(part, at, findings, int_or_string=schema.get("x-kubernetes-int-or-string") is True)
    if root and isinstance(schema.get("properties"), dict):
        _metadata(schema["properties"].get("metadata"), ((way, "properties"), "metadata"), findings)
    if "default" in schema:
        _default(schema, way, findings)


def _type(schema: Mapping[str, Any], way: Way, findings: Findings, *, root: bool) -> None:
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string") is True:
        if kind is not None:
            message = f"{place(way)}: x-kubernetes-int-or-string stands in place of a type"
            findings.add((way, "type"), "definition", message, "remove type")
    elif kind is None or kind == "":
        # Of a whole kind it goes without saying.
        if schema.get("x-kubernetes-preserve-unknown-fields") is not True and not root:
            findings.add(way, "definition", f"{place(way)} has no type", "every schema says of what type a value is")
    elif root and kind != "object":
        findings.add((way, "type"), "definition", f"{place(way)}: the type of a kind is object", "write type: object")
    elif isinstance(kind, str) and kind not in {"object", "array", "string", "integer", "number", "boolean"}:
        hint = "one of: array, boolean, integer, number, object, string"
        findings.add((way, "type"), "definition", f"{place(way)}: there is no type {shown(kind)}", hint)
    if kind == "array" and not isinstance(schema.get("items"), dict):
        findings.add(
            way,
            "definition",
            f"{place(way)}: a list needs items",
            "say what its items are; a list of schemas is not one",
        )


def _keywords(schema: Mapping[str, Any], way: Way, findings: Findings) -> None:
    for name in _FORBIDDEN:
        if schema.get(name) is not None:
            message = f"{place((way, name))}: a definition's schema can't have {name}"
            findings.add((way, name), "definition", message, "write out what is meant")
    if schema.get("uniqueItems") is True:
        hint = "write x-kubernetes-list-type: set"
        findings.add((way, "uniqueItems"), "definition", f"{place(way)}: uniqueItems can't be true", hint)
    if isinstance(schema.get("properties"), dict) and schema.get("additionalProperties"):
        message = f"{place(way)} has properties and additionalProperties, which exclude each other"
        findings.add((way, "additionalProperties"), "definition", message, "keep one of the two")
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        message = f"{place(way)}: x-kubernetes-preserve-unknown-fields is true or left out"
        findings.add((way, "x-kubernetes-preserve-unknown-fields"), "definition", message, "remove it")
    if schema.get("x-kubernetes-list-type") == "map" and not schema.get("x-kubernetes-list-map-keys"):
        message = f"{place(way)}: a list of type map needs x-kubernetes-list-map-keys"
        findings.add(way, "definition", message, "name the fields that tell items apart")
    _patterns(schema, way, findings)


def _patterns(schema: Mapping[str, Any], way: Way, findings: Findings) -> None:
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return
    try:
        findings.step(compile_pattern(pattern).cost)
    except PatternError as error:
        findings.step(REFUSED_COST)
        at = (way, "pattern")
        if error.too_large:
            findings.warn(at, "definition", f"{place(at)} is too large to be tried: values are not held against it")
        else:
            message = f"{place(at)} is no regular expression of RE2: {str(error)[:200]}"
            findings.add(at, "definition", message, "RE2 has no look-ahead, look-behind or back-references")


def _children(schema: Mapping[str, Any], way: Way) -> Iterator[tuple[Way, Any]]:
    if isinstance(schema.get("properties"), dict):
        for name, below in schema["properties"].items():
            yield ((way, "properties"), name), below
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield (way, name), schema[name]


def _branches(schema: Mapping[str, Any], way: Way) -> Iterator[tuple[Any, Way]]:
    for name in _ALTERNATIVES:
        if isinstance(schema.get(name), list):
            yield from ((each, ((way, name), index)) for index, each in enumerate(schema[name]))
    if isinstance(schema.get("not"), dict):
        yield schema["not"], (way, "not")


def _value_schema(schema: Any, way: Way, findings: Findings, *, int_or_string: bool = False) -> None:
    """Look at a schema inside allOf, anyOf, oneOf or not: it narrows values and can't say what they are."""
    if not isinstance(schema, dict):
        return
    findings.step(_LOOKING)
    for name in _NOT_IN_ALTERNATIVES:
        if schema.get(name):
            if name == "type" and int_or_string and schema["type"] in ("integer", "string"):
                continue
            message = f"{place((way, name))}: {name} can't stand inside allOf, anyOf, oneOf or not"
            findings.add((way, name), "definition", message, "write it in the schema around them")
    _patterns(schema, way, findings)
    for at, below in _children(schema, way):
        _value_schema(below, at, findings)
    for part, at in _branches(schema, way):
        _value_schema(part, at, findings, int_or_string=int_or_string)


def _metadata(schema: Any, way: Way, findings: Findings) -> None:
    """Of metadata a definition may restrict the name alone."""
    if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
        return
    for name in schema["properties"]:
        if name not in {"name", "generateName"}:
            message = f"{place(way)}: of metadata only name and generateName can be restricted, not {shown(name)}"
            findings.add(((way, "properties"), name), "definition", message, "remove it: the server knows metadata")


def _default(schema: Mapping[str, Any], way: Way, findings: Findings) -> None:
    default = schema["default"]
    if default is None:
        return
    if not findings.agrees(structural(schema), default, way):
        message = f"{place((way, 'default'))}: {shown(default)} does not fit the schema that it stands in"
        findings.add((way, "default"), "definition", message, "correct one of the two")
