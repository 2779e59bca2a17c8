"""From JSON Schema errors to problems that a person can act on: all at once, each with its place and a hint."""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from reconciler import data
from reconciler.problems import Problem
from reconciler.schema_accept import Accepts, Compiler

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import ValidationError

#: Gives the line and column (from 1) of a JSON Pointer, or None where the place is not known.
Places = Callable[[str], tuple[int, int] | None]

_TYPE_WORDS = {
    "object": "a mapping", "array": "a list", "string": "text", "integer": "a whole number", "number": "a number",
    "boolean": "true or false", "null": "nothing",
}  # fmt: skip
_SHARED = ("common", "app")
#: Of one document; nobody reads more, and finding hints for each would take seconds.
_MOST_PROBLEMS = 200
#: Names that a hint is looked for among.
_MOST_NAMES = 100
_LONGEST_NAME = 100
#: Shorter names begin too many others.
_SHORTEST_BEGINNING = 3


@cache
def validator(name: str) -> Draft202012Validator:
    """Give the validator of `schemas/<name>.schema.json`. References reach only our own schemas: nothing is ever fetched."""
    # 6 MB and 0.1 s that only what is not valid should cost.
    from jsonschema import Draft202012Validator
    from referencing import Registry, Resource

    shared = [(f"{each}.schema.json", Resource.from_contents(data.schema(each))) for each in _SHARED]
    registry: Registry[Any] = Registry().with_resources(shared)
    return Draft202012Validator(data.schema(name), registry=registry)


@cache
def _accepts(name: str) -> Accepts:
    schemas = {f"{each}.schema.json": data.schema(each) for each in {*_SHARED, name}}
    return Compiler(schemas).compile(f"{name}.schema.json")


def check(
    instance: Any, schema: str, *, path: str, places: Places, prefix: str, base: str = "", quoting: bool = True
) -> tuple[Problem, ...]:
    """Hold a document against a schema and give every error as a problem.

    `prefix` begins the codes (`fleet`, `spin.parse`); `base` is the pointer of `instance` in its document. `quoting` says
    whether messages quote values of a wrong type: a text without its quotes may be a secret.
    """
    if _accepts(schema)(instance):
        return ()
    found: list[Problem] = []
    for error in validator(schema).iter_errors(instance):
        if len(found) >= _MOST_PROBLEMS:
            break
        for leaf in _leaves(error):
            found += list(_problems(leaf, path, places, prefix, base, quoting=quoting))
    unique = {(problem.pointer, problem.code, problem.message): problem for problem in found}
    return tuple(sorted(unique.values(), key=Problem.sort_key))


def pointer_of(parts: Sequence[str | int]) -> str:
    """Give the JSON Pointer (RFC 6901) of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def closest(name: str, names: Sequence[str]) -> str:
    """Give `did you mean …?` for a misspelt name, or an empty string."""
    among = names[:_MOST_NAMES]
    if len(name) > _LONGEST_NAME:
        return ""
    near = difflib.get_close_matches(name, [each for each in among if len(each) <= _LONGEST_NAME], n=1, cutoff=0.6)
    # What is written out or in other capitals: `Application` for App, `app` for App.
    near = near or [
        each for each in among if len(each) >= _SHORTEST_BEGINNING and name.lower().startswith(each.lower())
    ]
    return f"did you mean {near[0]!r}?" if near else ""


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """Of alternatives (anyOf, oneOf), tell about the one that was most likely meant: the one that fails deepest inside."""
    if error.validator not in {"anyOf", "oneOf"} or not error.context:
        yield error
        return
    branches: dict[Any, list[ValidationError]] = {}
    for each in error.context:
        branches.setdefault(each.schema_path[0], []).append(each)
    if (kinds := _kinds(error)) is not None:
        name, values = kinds
        wanted = error.instance[name] if isinstance(error.instance, dict) and name in error.instance else None
        if wanted in values:
            for each in branches.get(values.index(wanted), ()):
                yield from _leaves(each)
        else:
            yield error
        return
    fitting = [
        group
        for group in branches.values()
        if not any(each.validator in {"type", "const", "enum"} and not each.path for each in group)
    ]
    if not fitting:
        yield error
        return
    for each in min(fitting, key=len):
        yield from _leaves(each)


def _kinds(error: ValidationError) -> tuple[str, list[str]] | None:
    """Give the field whose value says which alternative is meant, and its values in the order of the alternatives."""
    alternatives: Any = error.validator_value
    fields = [
        {
            name: each["const"]
            for name, each in branch.get("properties", {}).items()
            if isinstance(each, dict) and isinstance(each.get("const"), str)
        }
        for branch in alternatives
        if isinstance(branch, dict)
    ]
    for name in fields[0] if fields and len(fields) == len(alternatives) else ():
        values = [each.get(name) for each in fields]
        if None not in values and len({*values}) == len(values):
            return name, [str(value) for value in values]
    return None


def _problems(
    error: ValidationError, path: str, places: Places, prefix: str, base: str, *, quoting: bool
) -> Iterator[Problem]:
    pointer = base + pointer_of(list(error.absolute_path))
    if error.validator in {"additionalProperties", "unevaluatedProperties"} and isinstance(error.instance, dict):
        known = list(_known(error.schema))
        for name in _extra(error, known)[:_MOST_PROBLEMS]:
            below = pointer + pointer_of([name])
            yield _problem(
                path,
                below,
                places,
                f"{prefix}.unknown-field",
                f"unknown field {name!r}",
                closest(name, known) or _listed(known),
            )
    elif error.validator in {"anyOf", "oneOf"} and (kinds := _kinds(error)) and isinstance(error.instance, dict):
        name, values = kinds
        if name in error.instance:
            message = f"{_where(pointer + pointer_of([name]))} is {_shown(error.instance[name])}"
            hint = closest(str(error.instance[name]), values) or _listed(values)
            yield _problem(path, pointer + pointer_of([name]), places, f"{prefix}.value", message, hint)
        else:
            yield _problem(
                path, pointer, places, f"{prefix}.missing-field", f"field {name!r} is missing", _listed(values)
            )
    elif error.validator == "required":
        wanted: Any = error.validator_value
        present: Any = error.instance
        for name in [name for name in wanted if name not in present]:
            yield _problem(path, pointer, places, f"{prefix}.missing-field", f"field {name!r} is missing", "add it")
    elif error.validator == "type":
        types: Any = error.validator_value
        words = " or ".join(_TYPE_WORDS[each] for each in (types if isinstance(types, list) else [types]))
        message = (
            f"{_where(pointer)} must be {words}, not {_shown(error.instance) if quoting else _kind(error.instance)}"
        )
        hint = _written_right(types, error.instance) if quoting else "write it in quotes" if types == "string" else ""
        if prefix == "fleet" and types == "string" and isinstance(error.instance, bool):
            hint = "write it in quotes: YAML takes a bare yes, no, on or off for true or false"
        described = str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""
        hint = hint or (described if types == "object" and "{" in described else "")
        yield _problem(path, pointer, places, f"{prefix}.type", message, hint)
    else:
        yield _problem(path, pointer, places, f"{prefix}.{_code(error)}", *_described(error, pointer))


def _written_right(types: Any, value: Any) -> str:
    """Say how a value of the wrong type is written as the right one; empty where it can't be told."""
    if types == "string" and isinstance(value, (bool, int, float)):
        return f'write it in quotes: "{_shown(value)}"'
    if types == "array" and isinstance(value, (str, int, float)):
        return f"write a list: [{str(value)[:40]}]"
    if types == "array" and isinstance(value, dict):
        return "write a list: each item after a dash, or all in [ ]"
    if types == "object" and isinstance(value, list):
        return "write a mapping: each entry as NAME: …, without a dash"
    if not isinstance(value, str):
        return ""
    if types == "boolean" and value.lower() in {"true", "false", "yes", "no", "on", "off"}:
        return f"write {'true' if value.lower() in {'true', 'yes', 'on'} else 'false'}, without quotes"
    if types in {"integer", "number"} and value.lstrip("-").isdecimal():
        return "write it without quotes"
    return ""


def _described(error: ValidationError, pointer: str) -> tuple[str, str]:
    """Give message and hint of the remaining keywords."""
    where = _where(pointer)
    value: Any = error.validator_value
    description = str(error.schema.get("description", "")) if isinstance(error.schema, dict) else ""
    match error.validator:
        case "enum":
            return f"{where} is {_shown(error.instance)}", closest(
                str(error.instance), [str(each) for each in value]
            ) or _listed([str(each) for each in value])
        case "const":
            return f"{where} must be {_shown(value)}, not {_shown(error.instance)}", ""
        case "pattern":
            return f"{where}: {_shown(error.instance)} is not valid", description
        case "minLength" | "minItems" | "minProperties":
            return f"{where} is empty" if value == 1 else f"{where} has fewer than {value} entries", description
        case "maxLength" | "maxItems" | "maxProperties":
            return f"{where} is longer than {value}", description
        case "minimum" | "exclusiveMinimum":
            return f"{where} is {_shown(error.instance)} and must be at least {value}", description
        case "maximum" | "exclusiveMaximum":
            return f"{where} is {_shown(error.instance)} and must be at most {value}", description
        case "propertyNames" | "not" | "anyOf" | "oneOf" | "dependentRequired":
            return f"{where} is not valid here: {_shown(error.instance)}", description
        case _:
            return f"{where}: {error.message[:200]}", description


def _code(error: ValidationError) -> str:
    return {"enum": "value", "const": "value", "pattern": "format"}.get(str(error.validator), "value")


def _problem(path: str, pointer: str, places: Places, code: str, message: str, hint: str) -> Problem:
    place = places(pointer) or (None, None)
    return Problem(path=path, line=place[0], column=place[1], pointer=pointer, code=code, message=message, hint=hint)


def _known(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties") or {}
        for part in schema.get("allOf") or ():
            yield from _known(part)


def _extra(error: ValidationError, known: Sequence[str]) -> list[str]:
    present: Any = error.instance
    extra = [name for name in present if name not in known]
    if error.validator == "unevaluatedProperties":
        return [name for name in extra if repr(name) in error.message]
    return extra


def _where(pointer: str) -> str:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    text = ""
    for part in parts:
        text += f"[{part}]" if part.isdecimal() else f".{part}" if text else part
    return text or "the document"


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if hasattr(value, "isoformat"):  # TOML and YAML read 2024-01-01 as a date where quotes were meant
        return f"the date or time {value.isoformat()}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _kind(value: Any) -> str:
    """Say what a value is, without the value."""
    if isinstance(value, bool):
        return _TYPE_WORDS["boolean"]
    words = {dict: "a mapping", list: "a list", str: "text", int: "a number", float: "a number"}
    return words.get(type(value), "a date or time")


def _listed(names: Sequence[str]) -> str:
    return f"one of: {', '.join(sorted(names)[:20])}" if names else ""
