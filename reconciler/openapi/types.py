"""Built-in types compiled to closures: what an API server makes of a value when it decodes it strictly.

Source of the rules: structured-merge-diff (which looks first at what is applied: unknown fields, lists with keys) and Go's
decoding of JSON into the type. A null is nothing: it stands for a field that is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from reconciler.openapi.compact import SCHEMA, Form
from reconciler.openapi.findings import Findings, Way, place, shown
from reconciler.openapi.grammar import is_base64, is_micro_time, is_quantity, is_time
from reconciler.openapi.insistence import required

#: Tells what is wrong with a value that stands at a place.
Check = Callable[[Any, Way, Findings], None]

_INT32, _INT64 = 2**31, 2**63


class Types:
    """The types of one version of an API, each compiled when it is first met."""

    def __init__(self, types: Mapping[str, Mapping[str, Any]], newest: Mapping[str, Mapping[str, Any]]) -> None:
        """Take types by name (see `compact`), and as they are in the newest version that has them."""
        self._types = types
        self._newest = newest
        self._compiled: dict[str, Check] = {}

    def check(self, form: Form) -> Check:
        """Give the check of a form."""
        if isinstance(form, str):
            if form == "schema":
                return _schema_or(self._named(SCHEMA))
            return self._named(form[1:]) if form.startswith("#") else _SCALARS[form]
        match form[0]:
            case "enum":
                return _enumeration(form[1])
            case "map":
                return _mapping(self.check(form[1]))
            case "set":
                return _set(self.check(form[1]))
            case _:
                items = self.check(form[1])
                return _keyed(items, form[2]) if len(form) == 3 else _list(items)

    def _named(self, name: str) -> Check:
        """Give the check of a type; it is compiled when a value comes, since a type may hold itself."""

        def check(value: Any, way: Way, findings: Findings) -> None:
            if value is not None:
                self._known(name)(value, way, findings)

        return self._compiled.get(name, check)

    def _known(self, name: str) -> Check:
        found = self._compiled.get(name)
        if found is None:
            written = self._types[name]
            fields = {field: self.check(form) for field, form in written["fields"].items()}
            found = self._compiled[name] = _struct(fields, required(name, written, self._newest.get(name, written)))
        return found


def _of(kind: type, words: str) -> Callable[[Check], Check]:
    """Make a check of values of one type; another type is told in these words, and nothing (null) is fine."""

    def made(inner: Check) -> Check:
        def check(value: Any, way: Way, findings: Findings) -> None:
            if type(value) is kind:
                inner(value, way, findings)
            elif value is not None:
                findings.mistyped(way, words, value)

        return check

    return made


def _struct(fields: Mapping[str, Check], needed: tuple[str, ...]) -> Check:
    if not fields:
        return _scalar_object

    def check(value: Any, way: Way, findings: Findings) -> None:
        if type(value) is not dict:
            if value is not None:
                findings.mistyped(way, "a mapping", value)
            return
        for name, below in value.items():
            part = fields.get(name)
            if part is None:
                findings.unknown(way, name, fields)
            elif below is not None:
                part(below, (way, name), findings)
        for name in needed:
            if value.get(name) is None:
                findings.missing(way, name)

    return check


def _mapping(values: Check) -> Check:
    @_of(dict, "a mapping")
    def check(value: Any, way: Way, findings: Findings) -> None:
        for name, below in value.items():
            values(below, (way, name), findings)

    return check


def _list(items: Check) -> Check:
    @_of(list, "a list")
    def check(value: Any, way: Way, findings: Findings) -> None:
        for index, below in enumerate(value):
            items(below, (way, index), findings)

    return check


def _schema_or(schema: Check) -> Check:
    """Of a definition: a schema where a mapping stands. Its unknown fields are dropped by a server, in silence; here they are not."""

    def check(value: Any, way: Way, findings: Findings) -> None:
        if type(value) is dict:
            schema(value, way, findings)

    return check


def _set(items: Check) -> Check:
    each = _list(items)

    def check(value: Any, way: Way, findings: Findings) -> None:
        each(value, way, findings)
        if type(value) is list:
            tell_repeated(value, way, findings)

    return check


def _keyed(items: Check, keys: Mapping[str, Any]) -> Check:
    each = _list(items)

    def check(value: Any, way: Way, findings: Findings) -> None:
        each(value, way, findings)
        if type(value) is list:
            tell_same_keys(value, keys, way, findings)

    return check


def tell_repeated(values: list[Any], way: Way, findings: Findings) -> None:
    """Tell of scalars that stand twice in a list that is a set."""
    seen: dict[tuple[type, Any], int] = {}
    for index, each in enumerate(values):
        if each is None:
            findings.add((way, index), "type", f"{place((way, index))} is empty", "remove it")
        elif isinstance(each, (str, int, float)) and (first := seen.setdefault((type(each), each), index)) != index:
            message = f"{place((way, index))}: {shown(each)} stands already at [{first}]"
            findings.add((way, index), "duplicate-item", message, "remove one of them")


def tell_same_keys(values: list[Any], keys: Mapping[str, Any], way: Way, findings: Findings) -> None:
    """Tell of items that have the same keys; `keys` gives the default of each, or None."""
    seen: dict[tuple[Any, ...], int] = {}
    for index, each in enumerate(values):
        if each is None:
            findings.add((way, index), "type", f"{place((way, index))} is empty", "remove it")
            continue
        if type(each) is not dict:
            continue
        key = tuple(each.get(name) if each.get(name) is not None else default for name, default in keys.items())
        if any(part is None or isinstance(part, (dict, list)) for part in key):
            continue  # told as missing or mistyped
        if (first := seen.setdefault(key, index)) != index:
            named = ", ".join(f"{name}: {shown(part)}" for name, part in zip(keys, key, strict=True))
            message = f"{place((way, index))} has the same {named} as [{first}]"
            findings.add((way, index), "duplicate-item", message, "remove or rename one of them")


def _enumeration(names: list[str]) -> Check:
    known = frozenset(names)

    @_of(str, "text")
    def check(value: Any, way: Way, findings: Findings) -> None:
        # An empty text is a field that is not set, where it has a default.
        if value not in known and value:
            findings.not_among(way, value, names)

    return check


def _string(value: Any, way: Way, findings: Findings) -> None:
    if type(value) is not str and value is not None:
        findings.mistyped(way, "text", value)


def _boolean(value: Any, way: Way, findings: Findings) -> None:
    if type(value) is not bool and value is not None:
        findings.mistyped(way, "true or false", value)


def _whole(bound: int, bits: int) -> Check:
    def check(value: Any, way: Way, findings: Findings) -> None:
        if type(value) is int:
            if not -bound <= value < bound:
                findings.add(way, "value", f"{place(way)} is {value}, which does not fit in {bits} bits")
        elif value is not None:
            findings.mistyped(way, "a whole number", value)

    return check


def _number(value: Any, way: Way, findings: Findings) -> None:
    if type(value) not in {int, float} and value is not None:
        findings.mistyped(way, "a number", value)


def _int_or_string(value: Any, way: Way, findings: Findings) -> None:
    if type(value) is str or value is None:
        return
    if type(value) is int:
        _INT32_CHECK(value, way, findings)
    else:
        findings.mistyped(way, "a whole number or text", value)


def _quantity(value: Any, way: Way, findings: Findings) -> None:
    if type(value) is str:
        if not is_quantity(value):
            findings.add(
                way, "format", f"{place(way)}: {shown(value)} is not a quantity", "as in 500m, 2, 1.5, 64Mi or 1Gi"
            )
    elif type(value) not in {int, float} and value is not None:
        findings.mistyped(way, "a quantity", value)


@_of(str, "a time")
def _time(value: Any, way: Way, findings: Findings) -> None:
    if not is_time(value):
        hint = "as in 2030-01-31T08:00:00Z"
        findings.add(way, "format", f"{place(way)}: {shown(value)} is not a time of RFC 3339", hint)


@_of(str, "a time")
def _micro_time(value: Any, way: Way, findings: Findings) -> None:
    if not is_micro_time(value):
        hint = "with six digits after the second, as in 2030-01-31T08:00:00.000000Z"
        findings.add(way, "format", f"{place(way)}: {shown(value)} is not a time of RFC 3339 with microseconds", hint)


@_of(str, "text in base64")
def _bytes(value: Any, way: Way, findings: Findings) -> None:
    """Say where bytes are no base64, and not what they are: they may be secret."""
    if not is_base64(value):
        hint = "encode it, as `base64` does; a Secret takes plain text in stringData"
        findings.add(way, "format", f"{place(way)} is not base64", hint)


def _scalar_object(value: Any, way: Way, findings: Findings) -> None:
    if type(value) is not dict and value is not None:
        findings.mistyped(way, "a mapping", value)


def _any(value: Any, way: Way, findings: Findings) -> None:
    """Take whatever there is."""


_INT32_CHECK = _whole(_INT32, 32)
_SCALARS: dict[str, Check] = {
    "string": _string, "boolean": _boolean, "int32": _INT32_CHECK, "int64": _whole(_INT64, 64), "number": _number,
    "int-or-string": _int_or_string, "quantity": _quantity, "time": _time, "microtime": _micro_time, "bytes": _bytes, "object": _scalar_object,
    "any": _any,
}  # fmt: skip
