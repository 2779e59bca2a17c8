"""Structural schemas (those of CustomResourceDefinitions) compiled to closures.

Source of the rules: apiextensions-apiserver, which refuses unknown fields where validation is strict, fills in defaults, and then
validates. Rules in CEL (x-kubernetes-validations) are not run here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.openapi.findings import Findings, Way, place, shown
from reconciler.openapi.formats import format_fault
from reconciler.openapi.patterns import REFUSED_COST, Pattern, PatternError, compile_pattern
from reconciler.openapi.types import Check, tell_repeated, tell_same_keys

_WORDS = {
    "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false",
}  # fmt: skip
#: What compiling a schema costs, in values held against one.
_COMPILING = 150
#: Names looked up in the time that a value held against a schema takes.
_NAMES_A_STEP = 10
_IDENTITY = ("apiVersion", "kind", "metadata")


def structural(schema: Any, *, root: bool = False) -> Check:
    """Give the check of a schema. Of a `root` the identity (apiVersion, kind, metadata) is looked at elsewhere.

    Each part is compiled when it first meets a value: definitions are large, and objects use little of them.
    """
    if not isinstance(schema, dict):
        return _anything
    compiled: list[Check] = []

    def check(value: Any, way: Way, findings: Findings) -> None:
        findings.step()
        if not compiled:
            findings.step(_COMPILING)
            compiled.append(_compiled(schema, root=root))
        compiled[0](value, way, findings)

    return check


def _compiled(schema: Mapping[str, Any], *, root: bool) -> Check:
    parts = [*_value_rules(schema), *_alternatives(schema)]
    shape = _shape(schema, root=root)
    nullable = schema.get("nullable") is True

    def check(value: Any, way: Way, findings: Findings) -> None:
        if value is None and nullable:
            return
        if not shape(value, way, findings):
            return
        for part in parts:
            part(value, way, findings)

    return check


def _anything(value: Any, way: Way, findings: Findings) -> None:
    """Take whatever there is."""


def _shape(schema: Mapping[str, Any], *, root: bool) -> Any:
    """Give what looks at type and children, and tells whether the value is of the type at all."""
    kind = schema.get("type")
    if schema.get("x-kubernetes-int-or-string") is True:
        return _int_or_string
    # Without a type (in alternatives) a schema may say something of both.
    inside: dict[str, Check] = {}
    if kind in (None, "object"):
        inside["object"] = _object(schema, root=root)
    if kind in (None, "array"):
        inside["array"] = _array(schema)

    def shape(value: Any, way: Way, findings: Findings) -> bool:
        if kind is not None and not _is(value, kind):
            findings.mistyped(way, _WORDS.get(str(kind), str(kind)), value)
            return False
        part = inside.get("object" if type(value) is dict else "array" if type(value) is list else "")
        if part is not None:
            part(value, way, findings)
        return True

    return shape


def _is(value: Any, kind: Any) -> bool:
    match kind:
        case "object":
            return type(value) is dict
        case "array":
            return type(value) is list
        case "string":
            return type(value) is str
        case "boolean":
            return type(value) is bool
        case "integer":
            return type(value) is int
        case "number":
            return type(value) in {int, float}
        case _:
            return True


def _int_or_string(value: Any, way: Way, findings: Findings) -> bool:
    if type(value) in {int, str}:
        return True
    findings.mistyped(way, "a whole number or text", value)
    return False


def _object(schema: Mapping[str, Any], *, root: bool) -> Check:
    properties = schema.get("properties") if isinstance(schema.get("properties"), dict) else {}
    known = {name: structural(each) for name, each in (properties or {}).items()}
    # A null that isn't allowed gives way to the default, where there is one.
    filled = {
        name for name, each in (properties or {}).items() if not _nullable(each) and _has_default(properties, name)
    }
    identity = frozenset(_IDENTITY if root or schema.get("x-kubernetes-embedded-resource") is True else ())
    required = [
        name for name in _names(schema, "required") if not _has_default(properties, name) and name not in identity
    ]
    other = schema.get("additionalProperties")
    others = structural(other) if isinstance(other, dict) else _anything
    # Alternatives say nothing of fields that they don't name; the schema around them does.
    closed = (
        other in (None, False) and "type" in schema and schema.get("x-kubernetes-preserve-unknown-fields") is not True
    )

    def check(value: Any, way: Way, findings: Findings) -> None:
        for name, below in value.items():
            if name in identity:
                continue
            part = known.get(name)
            if part is not None:
                if below is not None or name not in filled:
                    part(below, (way, name), findings)
            elif not closed:
                others(below, (way, name), findings)
            else:
                findings.unknown(way, name, known)
        findings.step(len(required) // _NAMES_A_STEP)
        for name in required:
            if name not in value:
                findings.missing(way, name)

    return check


def _nullable(schema: Any) -> bool:
    return isinstance(schema, dict) and schema.get("nullable") is True


def _has_default(properties: Any, name: str) -> bool:
    return isinstance(properties, dict) and isinstance(properties.get(name), dict) and "default" in properties[name]


def _names(schema: Mapping[str, Any], keyword: str) -> list[str]:
    found = schema.get(keyword)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _array(schema: Mapping[str, Any]) -> Check:
    items = structural(schema.get("items"))
    kind, below = schema.get("x-kubernetes-list-type"), schema.get("items")
    properties = below.get("properties") if isinstance(below, dict) else None
    keys = {
        name: properties[name].get("default") if _has_default(properties, name) and properties else None
        for name in _names(schema, "x-kubernetes-list-map-keys")
    }

    def check(value: Any, way: Way, findings: Findings) -> None:
        for index, each in enumerate(value):
            items(each, (way, index), findings)
        if kind == "set":
            tell_repeated(value, way, findings)
        elif kind == "map" and keys:
            findings.step(len(value) * len(keys) // _NAMES_A_STEP)
            tell_same_keys(value, keys, way, findings)

    return check


def _value_rules(schema: Mapping[str, Any]) -> Iterator[Check]:
    """Give the rules that look at a value alone."""
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        yield _enumeration(schema["enum"])
    if isinstance(schema.get("pattern"), str):
        yield _pattern(schema["pattern"])
    if isinstance(schema.get("format"), str):
        yield _format(schema["format"])
    for keyword, kind, word in (
        ("Length", str, "characters"),
        ("Items", list, "items"),
        ("Properties", dict, "fields"),
    ):
        least, most = schema.get(f"min{keyword}"), schema.get(f"max{keyword}")
        if _is_number(least) or _is_number(most):
            yield _size(kind, word, least, most)
    if any(_is_number(schema.get(name)) for name in ("minimum", "maximum", "multipleOf")):
        yield _range(schema)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _enumeration(values: Sequence[Any]) -> Check:
    names = [each for each in values if isinstance(each, str)]
    scalars = frozenset((isinstance(each, bool), each) for each in values if not isinstance(each, (dict, list)))
    others = [each for each in values if isinstance(each, (dict, list))]

    def check(value: Any, way: Way, findings: Findings) -> None:
        # True is no 1, and 1.0 is.
        if (value in others) if isinstance(value, (dict, list)) else (isinstance(value, bool), value) in scalars:
            return
        if isinstance(value, str) and len(names) == len(values):
            findings.not_among(way, value, names)
        else:
            among = ", ".join(shown(each) for each in values[:20])
            findings.add(way, "value", f"{place(way)} can't be {shown(value)}", f"one of: {among}")

    return check


def _pattern(written: str) -> Check:
    compiled: list[Pattern | None] = []

    def check(value: Any, way: Way, findings: Findings) -> None:
        if not isinstance(value, str):
            return
        if not compiled:
            compiled.append(pattern_of(written, findings))
        pattern = compiled[0]
        if pattern is None:
            return  # told where the definition is looked at
        findings.step(len(value) // 4)
        if not pattern.matches(value):
            shortened = written if len(written) <= 100 else f"{written[:99]}…"
            findings.add(way, "format", f"{place(way)}: {shown(value)} does not match the pattern {shortened}")

    return check


def pattern_of(written: str, findings: Findings) -> Pattern | None:
    """Give a pattern, or None where it can't be compiled; what it cost is counted."""
    try:
        pattern = compile_pattern(written)
    except PatternError:
        findings.step(REFUSED_COST)
        return None
    findings.step(pattern.cost)
    return pattern


def _format(name: str) -> Check:
    def check(value: Any, way: Way, findings: Findings) -> None:
        fault = format_fault(name, value)
        if fault:
            findings.add(way, "format", f"{place(way)}: {shown(value)} is not {fault}")

    return check


def _size(kind: type, word: str, least: Any, most: Any) -> Check:
    def check(value: Any, way: Way, findings: Findings) -> None:
        if type(value) is not kind:
            return
        sized: Any = value
        size = len(sized)
        if _is_number(least) and size < least:
            findings.add(way, "value", f"{place(way)} has {size} {word} and needs at least {least}")
        if _is_number(most) and size > most:
            findings.add(way, "value", f"{place(way)} has {size} {word}, and at most {most} are allowed")

    return check


def _range(schema: Mapping[str, Any]) -> Check:
    least, most, step = (schema.get(name) for name in ("minimum", "maximum", "multipleOf"))

    def check(value: Any, way: Way, findings: Findings) -> None:
        if not _is_number(value):
            return
        if least is not None and (value < least or (value == least and schema.get("exclusiveMinimum") is True)):
            word = "above" if schema.get("exclusiveMinimum") is True else "at least"
            findings.add(way, "value", f"{place(way)} is {value} and must be {word} {least}")
        if most is not None and (value > most or (value == most and schema.get("exclusiveMaximum") is True)):
            word = "below" if schema.get("exclusiveMaximum") is True else "at most"
            findings.add(way, "value", f"{place(way)} is {value} and must be {word} {most}")
        if isinstance(step, int) and step > 0 and isinstance(value, int) and value % step:
            findings.add(way, "value", f"{place(way)} is {value} and must be a multiple of {step}")

    return check


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Check]:
    """Give the rules of allOf, anyOf, oneOf and not."""
    if schema.get("x-kubernetes-int-or-string") is True:
        # Beside it stand the two types, and nothing else (structural schemas allow no other use).
        schema = {key: each for key, each in schema.items() if key != "anyOf"}
    if isinstance(schema.get("allOf"), list):
        yield from (structural(each) for each in schema["allOf"])
    for keyword in ("anyOf", "oneOf"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            yield _choice(
                [structural(each) for each in schema[keyword]], schema[keyword], exactly_one=keyword == "oneOf"
            )
    if isinstance(schema.get("not"), dict):
        yield _not(structural(schema["not"]))


def _choice(branches: Sequence[Check], schemas: Sequence[Any], *, exactly_one: bool) -> Check:
    def check(value: Any, way: Way, findings: Findings) -> None:
        fitting = sum(1 for each in branches if findings.agrees(each, value, way))
        if fitting == 0:
            findings.add(way, "value", f"{place(way)} fits none of the alternatives there are", _wanted(schemas))
        elif exactly_one and fitting > 1:
            findings.add(way, "value", f"{place(way)} fits {fitting} alternatives, and must fit one", _wanted(schemas))

    return check


def _wanted(schemas: Sequence[Any]) -> str:
    """Say what alternatives ask for, where each asks for fields."""
    asked = [", ".join(_names(each, "required")) if isinstance(each, dict) else "" for each in schemas]
    return f"one of: {'; '.join(asked[:10])}" if all(asked) else ""


def _not(branch: Check) -> Check:
    def check(value: Any, way: Way, findings: Findings) -> None:
        if findings.agrees(branch, value, way):
            findings.add(way, "value", f"{place(way)} is what its definition forbids (`not`)")

    return check
