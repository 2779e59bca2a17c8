"""A schema compiled to closures that say yes fast: most documents are right, and jsonschema takes 0.5 ms to agree.

Only a yes counts: it means that jsonschema would find nothing (a differential test holds the two together). A no may be
wrong, where a keyword is not known here, and sends the document to jsonschema, which says what is the matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Accepts = Callable[[Any], bool]

_SAYS_NOTHING = frozenset(
    {"$schema", "$id", "$defs", "$comment", "title", "description", "default", "examples", "deprecated", "format"}
)
_TYPES: dict[str, Accepts] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
}


#: What `_object` and `_text` ask together.
_OF_OBJECTS = frozenset({"properties", "additionalProperties", "required"})
_OF_TEXTS = frozenset({"type", "pattern", "minLength", "maxLength"})


def _no(_: Any) -> bool:
    return False


def _all(parts: list[Accepts]) -> Accepts:
    """Give the predicate that all of some hold. Loops, not generators: this is asked of every value of every document."""
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda value: first(value) and second(value)

    def accepts(value: Any) -> bool:
        for part in parts:  # noqa: SIM110 - see above
            if not part(value):
                return False
        return True

    return accepts


def _text(schema: Mapping[str, Any]) -> Accepts:
    """Give what is asked of a text in one call."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", float("inf"))
    if "pattern" not in schema:
        return lambda value: isinstance(value, str) and least <= len(value) <= most
    search = re.compile(schema["pattern"]).search
    return lambda value: isinstance(value, str) and least <= len(value) <= most and search(value) is not None


class Compiler:
    """Compiles the schemas of one set; references reach only these."""

    def __init__(self, schemas: Mapping[str, Mapping[str, Any]]) -> None:
        """Take the schema documents by the name that references use (`app.schema.json`)."""
        self._schemas = schemas
        self._known: dict[str, Accepts] = {}

    def compile(self, document: str) -> Accepts:
        """Give the predicate of a whole schema document."""
        return self._reference(document, "#")

    def _reference(self, document: str, reference: str) -> Accepts:
        name, _, pointer = reference.partition("#")
        name = name or document
        key = f"{name}#{pointer}"
        if key not in self._known:
            target = self._found(name, pointer)
            # A schema may refer to itself: calls go through the table until it is complete.
            self._known[key] = lambda value: self._known[key](value)  # noqa: PLW0108 - looked up when called, not now
            self._known[key] = self._schema(name, target)
        return self._known[key]

    def _found(self, name: str, pointer: str) -> Any:
        target: Any = self._schemas.get(name)
        for part in pointer.split("/")[1:]:
            target = target.get(part) if isinstance(target, dict) else None
        return target

    def _target(self, document: str, schema: Any) -> Any:
        """Give what a schema that is only a reference refers to."""
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema
        name, _, pointer = schema["$ref"].partition("#")
        return self._found(name or document, pointer)

    def _schema(self, document: str, schema: Any) -> Accepts:
        if schema is True:
            return lambda _: True
        if not isinstance(schema, dict):
            return _no
        parts, together = [], _SAYS_NOTHING | _OF_OBJECTS
        if schema.get("type") == "string":
            parts.append(_text(schema))
            together |= _OF_TEXTS
        elif schema.get("type") == "object" or not _OF_OBJECTS.isdisjoint(schema):
            parts.append(self._object(document, schema))
            together |= {"type"} if schema.get("type") == "object" else frozenset()
        for keyword, value in schema.items():
            if keyword not in together:
                build = getattr(self, f"_on_{keyword.removeprefix('$')}", None)
                parts.append(build(document, value) if build is not None else _no)
        return _all(parts)

    def _object(self, document: str, schema: Mapping[str, Any]) -> Accepts:
        """Give what is asked of most values in one call: the type, the fields that must be there, and each field."""
        known = {
            name: None if each is True else self._schema(document, each)
            for name, each in (schema.get("properties") or {}).items()
        }
        rest = schema.get("additionalProperties", True)
        other = None if rest is True else self._schema(document, rest)
        unlike, wanted = schema.get("type") != "object", frozenset(schema.get("required") or ())

        def accepts(value: Any) -> bool:
            if not isinstance(value, dict):
                return unlike
            if not wanted <= value.keys():
                return False
            for name, below in value.items():
                part = known.get(name, other)
                if part is not None and not part(below):
                    return False
            return True

        return accepts

    def _on_ref(self, document: str, reference: str) -> Accepts:
        return self._reference(document, reference)

    def _on_type(self, _: str, names: Any) -> Accepts:
        tests = [_TYPES[name] for name in ([names] if isinstance(names, str) else names)]
        return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)

    def _on_items(self, document: str, schema: Any) -> Accepts:
        part = self._schema(document, schema)

        def accepts(value: Any) -> bool:
            if isinstance(value, list):
                for each in value:
                    if not part(each):
                        return False
            return True

        return accepts

    def _on_enum(self, _: str, values: list[Any]) -> Accepts:
        texts = frozenset(each for each in values if isinstance(each, str))
        if len(texts) == len(values):
            return lambda value: isinstance(value, str) and value in texts
        return lambda value: any(type(value) is type(each) and value == each for each in values)

    def _on_const(self, _: str, wanted: Any) -> Accepts:
        return lambda value: type(value) is type(wanted) and value == wanted

    def _on_pattern(self, _: str, pattern: str) -> Accepts:
        search = re.compile(pattern).search
        return lambda value: not isinstance(value, str) or search(value) is not None

    def _on_minLength(self, _: str, least: int) -> Accepts:  # noqa: N802 - named as the keyword
        return lambda value: not isinstance(value, str) or len(value) >= least

    def _on_maxLength(self, _: str, most: int) -> Accepts:  # noqa: N802 - named as the keyword
        return lambda value: not isinstance(value, str) or len(value) <= most

    def _on_minItems(self, _: str, least: int) -> Accepts:  # noqa: N802 - named as the keyword
        return lambda value: not isinstance(value, list) or len(value) >= least

    def _on_maxItems(self, _: str, most: int) -> Accepts:  # noqa: N802 - named as the keyword
        return lambda value: not isinstance(value, list) or len(value) <= most

    def _on_minProperties(self, _: str, least: int) -> Accepts:  # noqa: N802 - named as the keyword
        return lambda value: not isinstance(value, dict) or len(value) >= least

    def _on_maxProperties(self, _: str, most: int) -> Accepts:  # noqa: N802 - named as the keyword
        return lambda value: not isinstance(value, dict) or len(value) <= most

    def _on_minimum(self, _: str, least: float) -> Accepts:
        return lambda value: not _TYPES["number"](value) or value >= least

    def _on_maximum(self, _: str, most: float) -> Accepts:
        return lambda value: not _TYPES["number"](value) or value <= most

    def _on_propertyNames(self, document: str, schema: Any) -> Accepts:  # noqa: N802 - named as the keyword
        part = self._schema(document, schema)
        return lambda value: not isinstance(value, dict) or all(part(name) for name in value)

    def _on_allOf(self, document: str, schemas: list[Any]) -> Accepts:  # noqa: N802 - named as the keyword
        return _all([self._schema(document, each) for each in schemas])

    def _on_anyOf(self, document: str, schemas: list[Any]) -> Accepts:  # noqa: N802 - named as the keyword
        parts = [self._schema(document, each) for each in schemas]
        return lambda value: any(part(value) for part in parts)

    def _on_oneOf(self, document: str, schemas: list[Any]) -> Accepts:  # noqa: N802 - named as the keyword
        """Say yes only where the alternatives can't both fit: then one that fits is the only one."""
        targets = [self._target(document, each) for each in schemas]
        if not all(_apart(one, other) for number, one in enumerate(targets) for other in targets[:number]):
            return _no
        return self._on_anyOf(document, schemas)

    def _on_not(self, _: str, schema: Any) -> Accepts:
        """Say yes only to `not: {required: […]}`; a no of anything else proves nothing."""
        if not isinstance(schema, dict) or set(schema) != {"required"}:
            return _no
        names = schema["required"]
        return lambda value: isinstance(value, dict) and not all(name in value for name in names)


def _apart(one: Any, other: Any) -> bool:
    """Tell whether nothing can fit two schemas: they take other types, or each object that fits one has a field the other refuses."""
    kinds, others = _kinds(one), _kinds(other)
    if not kinds or not others:
        return False
    if not set(kinds) & set(others):
        return True
    return kinds == others == ["object"] and (_refuses(one, other) or _refuses(other, one))


def _refuses(strict: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Tell whether a schema refuses a field that another requires."""
    known = strict.get("properties") or {}
    return strict.get("additionalProperties") is False and any(
        name not in known for name in other.get("required") or ()
    )


def _kinds(schema: Any) -> list[str]:
    """Give the types that a schema takes, or an empty list where it can't be seen at a glance."""
    if not isinstance(schema, dict):
        return []
    if "const" in schema or "enum" in schema:
        values = [schema["const"]] if "const" in schema else schema["enum"]
        names = {bool: "boolean", str: "string", int: "number", float: "number", type(None): "null"}
        return sorted({names.get(type(each), "") for each in values})
    kind = schema.get("type")
    if isinstance(kind, str):
        return ["number" if kind == "integer" else kind]
    return sorted({"number" if each == "integer" else each for each in kind}) if isinstance(kind, list) else []
