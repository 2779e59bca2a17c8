"""From the OpenAPI v3 documents of an API server to what checking needs of them: a tenth of a percent of the bytes.

A *form* is a JSON value that says what a value must be:

    "string" "int32" "int64" "number" "boolean" "time" "microtime" "bytes" "quantity" "int-or-string" "object" "any"
    "schema"                                 a schema inside a definition, where it is a mapping
    "#core.v1.PodSpec"                       a type by name
    ["list", form]  ["set", form]  ["map", form]  ["enum", [names]]
    ["list", form, {"name": null, "protocol": "TCP"}]   items are told apart by these keys; a key with a default may be left out

A type is {"fields": {name: form}, "required": [names]}. A kind is [form, scope, written]: scope is Namespaced or Cluster, and
`written` is false for kinds that can be created but never applied (TokenReview, Binding).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Form = Any

#: The type of schemas inside definitions.
SCHEMA = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps"
_PREFIX = "io.k8s.api."
#: Types whose JSON is not what their schema says.
_SPECIAL: dict[str, Form] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "microtime",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "any",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "any",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray": "schema",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "schema",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray": "any",
}  # fmt: skip
_FORMATS = {
    ("string", "byte"): "bytes", ("string", "date-time"): "time", ("string", "int-or-string"): "int-or-string",
    ("integer", "int32"): "int32", ("integer", "int64"): "int64", ("integer", ""): "int64",
    ("number", ""): "number", ("boolean", ""): "boolean", ("string", ""): "string",
}  # fmt: skip
_REFERENCE = "#/components/schemas/"


def compact(documents: Iterable[Mapping[str, Any]], *, only: frozenset[str] | None = None) -> dict[str, Any]:
    """Give {"types": …, "kinds": …} of an API server's documents, with the types that its kinds are made of.

    `kinds` is by `apiVersion` and kind. `only` leaves out other API groups.
    """
    schemas: dict[str, Mapping[str, Any]] = {}
    kinds: dict[str, dict[str, list[Any]]] = {}
    for document in documents:
        schemas.update((document.get("components") or {}).get("schemas") or {})
        for (group, version, kind), (scope, written) in served(document).items():
            if only is None or group in only:
                known = kinds.setdefault(f"{group}/{version}" if group else version, {})
                known[kind] = ["any", scope, written or (kind in known and known[kind][2])]
    _find_forms(schemas, kinds)
    types: dict[str, Any] = {}
    roots = {each[0] for those in kinds.values() for each in those.values()}
    waiting = [form[1:] for form in roots if isinstance(form, str) and form.startswith("#")]
    while waiting:
        name = waiting.pop()
        if name not in types:
            whole = _long(name)
            types[name] = _type(schemas[whole], schemas, root=f"#{name}" in roots)
            waiting += _references(types[name]["fields"])
    return {
        "types": dict(sorted(types.items())),
        "kinds": {key: dict(sorted(kinds[key].items())) for key in sorted(kinds)},
    }


def served(document: Mapping[str, Any]) -> dict[tuple[str, str, str], tuple[str, bool]]:
    """Give the kinds that can be written, by group, version and kind: their scope, and whether they can be applied."""
    found: dict[tuple[str, str, str], tuple[str, bool]] = {}
    for path, operations in (document.get("paths") or {}).items():
        scope = "Namespaced" if "/namespaces/{namespace}/" in path else "Cluster"
        named = path.endswith("/{name}")
        for verb in ("patch", "post"):
            operation = operations.get(verb)
            if operation is None or (verb == "patch" and not named) or (verb == "post" and "{name}" in path):
                continue
            group_version_kind = operation.get("x-kubernetes-group-version-kind")
            if isinstance(group_version_kind, dict):
                key = (group_version_kind["group"], group_version_kind["version"], group_version_kind["kind"])
                before = found.get(key, (scope, False))
                found[key] = (scope, before[1] or verb == "patch")
    return found


def _find_forms(schemas: Mapping[str, Mapping[str, Any]], kinds: Mapping[str, dict[str, list[Any]]]) -> None:
    for name, schema in schemas.items():
        for each in schema.get("x-kubernetes-group-version-kind") or ():
            those = kinds.get(f"{each['group']}/{each['version']}" if each["group"] else each["version"], {})
            if each["kind"] in those and name.endswith(f".{each['kind']}"):
                those[each["kind"]][0] = _reference(name)


def _reference(name: str) -> Form:
    return _SPECIAL.get(name) or f"#{name.removeprefix(_PREFIX)}"


def _long(name: str) -> str:
    return name if name.startswith("io.k8s.") or name.count(".") != 2 else f"{_PREFIX}{name}"


def _references(forms: Mapping[str, Form]) -> Iterator[str]:
    for form in forms.values():
        inner = form
        while isinstance(inner, list) and inner[0] != "enum":
            inner = inner[1]
        if isinstance(inner, str) and inner.startswith("#"):
            yield inner[1:]


def _type(schema: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]], *, root: bool) -> dict[str, Any]:
    fields = {name: _form(each) for name, each in (schema.get("properties") or {}).items()}
    for form in fields.values():
        if isinstance(form, list) and len(form) == 3:
            items = schemas[_long(form[1][1:])].get("properties") or {}
            # A default of nothing stands for a field that is always written; it is no value of a key.
            form[2] = {key: items.get(key, {}).get("default") or None for key in form[2]}
    if root and "status" in fields:
        # A server keeps it to itself: what is written there is ignored.
        fields["status"] = "any"
    required = [name for name in schema.get("required") or () if not (root and name == "status")]
    return {"fields": dict(sorted(fields.items())), **({"required": sorted(required)} if required else {})}


def _form(schema: Mapping[str, Any]) -> Form:
    if "$ref" in schema:
        return _reference(schema["$ref"].removeprefix(_REFERENCE))
    if len(schema.get("allOf") or ()) == 1:
        return _form(schema["allOf"][0])
    kind, form = str(schema.get("type")), str(schema.get("format", ""))
    if schema.get("enum") and kind == "string":
        return ["enum", sorted(schema["enum"])]
    if kind == "array":
        return _list(schema)
    if kind == "object":
        return _object(schema)
    return _FORMATS.get((kind, form)) or _FORMATS.get((kind, ""), "any")


def _object(schema: Mapping[str, Any]) -> Form:
    values = schema.get("additionalProperties")
    if isinstance(values, dict):
        return ["map", _form(values)]
    return "object"


def _list(schema: Mapping[str, Any]) -> Form:
    items = _form(schema.get("items") or {})
    match schema.get("x-kubernetes-list-type"):
        case "set":
            return ["set", items]
        case "map":
            return ["list", items, dict.fromkeys(schema["x-kubernetes-list-map-keys"])]
        case _:
            return ["list", items]
