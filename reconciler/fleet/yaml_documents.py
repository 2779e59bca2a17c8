"""YAML text to values that know their place: bounded before anything is built, duplicate keys and aliases refused.

libyaml's events are scanned first (its composer crashes on deep nesting), then composed into nodes, and values are built from the
nodes as Kubernetes reads YAML (YAML 1.1 as sigs.k8s.io/yaml has it).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from reconciler.problems import Problem

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 200_000
MAX_DOCUMENTS = 2_000
_MAX_DIGITS = 64
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_BOOLEANS = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
}
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document: its value, the line it begins on, and its node, from which places are looked up when a problem needs them."""

    value: Any
    line: int
    node: Node = field(repr=False, compare=False)

    def place(self, pointer: str) -> tuple[int, int] | None:
        """Give line and column of a JSON Pointer (of the key where there is one); None where nothing stands there."""
        mark = self.node.start_mark
        node: Node = self.node
        for part in pointer.split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            found = _below(node, name)
            if found is None:
                break
            mark, node = found
        return mark.line + 1, mark.column + 1


@dataclass(frozen=True, slots=True)
class YamlFile:
    """What a file holds. With an error in `problems`, `documents` are those before it."""

    documents: tuple[YamlDocument, ...]
    problems: tuple[Problem, ...]


class _RefusedError(Exception):
    def __init__(self, mark: Any, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.mark, self.code, self.message, self.hint = mark, code, message, hint


def read(data: bytes, path: str) -> YamlFile:
    """Read every document of a file. Bad text is told with its place; nothing is raised."""
    text, problem = _text(data, path)
    if problem is not None:
        return YamlFile((), (problem,))
    documents: list[YamlDocument] = []
    problems: list[Problem] = []
    try:
        _scan(text)
        documents.extend(
            YamlDocument(_value(node, path, problems), node.start_mark.line + 1, node)
            for node in yaml.compose_all(text, Loader=_LOADER)
        )
    except _RefusedError as error:
        problems.append(_problem(path, error.mark, error.code, error.message, error.hint))
    except yaml.MarkedYAMLError as error:
        words = " ".join(part for part in (error.problem, error.context) if part)
        problems.append(
            _problem(path, error.problem_mark or error.context_mark, "yaml.syntax", f"not valid YAML: {words}", "")
        )
    except (yaml.YAMLError, ValueError) as error:
        problems.append(Problem(path=path, code="yaml.syntax", message=f"not valid YAML: {error}"))
    return YamlFile(tuple(documents), tuple(problems))


def _text(data: bytes, path: str) -> tuple[str, Problem | None]:
    if len(data) > MAX_BYTES:
        return "", Problem(
            path=path, code="yaml.too-large", message=f"{len(data)} bytes, and at most {MAX_BYTES} are read"
        )
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return "", Problem(
            path=path, line=line, code="yaml.encoding", message="not UTF-8", hint="save the file as UTF-8"
        )


def _scan(text: str) -> None:
    """Refuse what would cost too much to build, event by event."""
    depth = nodes = documents = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
            nodes += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
        elif isinstance(event, yaml.DocumentStartEvent):
            documents += 1
        elif isinstance(event, yaml.AliasEvent):
            raise _RefusedError(
                event.start_mark, "yaml.alias", "aliases are not read", "write the value out where it is used"
            )
        if depth > MAX_DEPTH:
            raise _RefusedError(event.start_mark, "yaml.too-deep", f"nested deeper than {MAX_DEPTH}")
        if nodes > MAX_NODES or documents > MAX_DOCUMENTS:
            raise _RefusedError(
                event.start_mark, "yaml.too-many", f"more than {MAX_NODES} values or {MAX_DOCUMENTS} documents"
            )


def _value(node: Node, path: str, problems: list[Problem]) -> Any:
    if isinstance(node, MappingNode):
        found: dict[str, Any] = {}
        for key, below in node.value:
            name = _key(key, path, problems)
            if name is None:
                continue
            if name in found:
                problems.append(
                    _problem(
                        path, key.start_mark, "yaml.duplicate-key", f"key {name!r} stands twice", "keep one of them"
                    )
                )
            found[name] = _value(below, path, problems)
        return found
    if isinstance(node, SequenceNode):
        return [_value(below, path, problems) for below in node.value]
    return _scalar(node, path, problems)


def _key(node: Node, path: str, problems: list[Problem]) -> str | None:
    if not isinstance(node, ScalarNode):
        problems.append(_problem(path, node.start_mark, "yaml.key", "a key must be text", ""))
        return None
    if node.value == "<<" and node.style is None:
        problems.append(
            _problem(path, node.start_mark, "yaml.merge-key", "merge keys are not read", "write the fields out")
        )
        return None
    return str(node.value)


def _scalar(node: Node, path: str, problems: list[Problem]) -> Any:
    """Build a scalar. Quoted text is text; plain text is read by the YAML 1.1 rules; timestamps stay text, as Kubernetes has them."""
    text = str(node.value)
    tag = node.tag.rpartition(":")[2]
    plain = getattr(node, "style", None) is None
    if not plain or tag in {"str", "timestamp"}:
        return text
    if tag == "null" or text in _NULLS:
        return None
    if tag == "bool":
        return _BOOLEANS.get(text, text)
    try:
        if tag == "int":
            return _integer(text)
        if tag == "float":
            return float(text.replace("_", "")) if not _SPECIAL.fullmatch(text) else text
    except ValueError:
        problems.append(
            _problem(
                path,
                node.start_mark,
                "yaml.number",
                f"{text[:40]!r} is not a number that can be read",
                "quote it if it is text",
            )
        )
        return None
    if tag not in {"str", "value", "merge"} and node.tag.startswith("!"):
        problems.append(_problem(path, node.start_mark, "yaml.tag", f"tag {node.tag[:40]} is not read", "take it away"))
    return text


def _integer(text: str) -> int | str:
    digits = text.replace("_", "")
    if len(digits) > _MAX_DIGITS or ":" in digits:
        raise ValueError(text)
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if digits.startswith(("0x", "0b", "0o")):
        return sign * int(digits, 0)
    return sign * (int(digits, 8) if len(digits) > 1 and digits.startswith("0") else int(digits))


def _below(node: Node, name: str) -> tuple[Any, Node] | None:
    if isinstance(node, MappingNode):
        for key, below in node.value:
            if isinstance(key, ScalarNode) and key.value == name:
                return key.start_mark, below
    elif isinstance(node, SequenceNode) and name.isdecimal() and int(name) < len(node.value):
        below = node.value[int(name)]
        return below.start_mark, below
    return None


def _problem(path: str, mark: Any, code: str, message: str, hint: str) -> Problem:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    return Problem(path=path, line=line, column=column, code=code, message=message, hint=hint)


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Give every leaf of a value with its JSON Pointer; an empty mapping or list is a leaf."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from leaves(below, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            yield from leaves(below, f"{pointer}/{index}")
    else:
        yield pointer, value
