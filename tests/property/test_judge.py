"""Whatever stands in an object or a definition, judging it ends with findings whose pointers are in it."""

from __future__ import annotations

import copy
from pathlib import Path

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.openapi.definitions import custom_kinds
from reconciler.openapi.judge import Api, judge

SAMPLES = Path(__file__).parent.parent / "objects"
OBJECTS = [
    each for name in ("built-in", "custom") for each in yaml.safe_load_all((SAMPLES / f"{name}.yaml").read_text())
]
KEYWORDS = (
    "type", "properties", "items", "additionalProperties", "required", "enum", "pattern", "format", "default", "nullable", "allOf", "anyOf",
    "oneOf", "not", "minimum", "maxLength", "minItems", "multipleOf", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-embedded-resource", "$ref",
)  # fmt: skip
scalars = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8)
)
words = st.sampled_from(
    ["object", "array", "string", "integer", "map", "set", "date-time", "int32", "^a+$", "[", "a", "name"]
)
values = st.recursive(
    scalars | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYWORDS) | st.text(max_size=4), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip


def ways(value, way=()):
    yield way
    for key, below in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from ways(below, (*way, key))


def stands(obj, pointer):
    """Tell whether a pointer leads to a value of an object."""
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(obj, dict) and key in obj:
            obj = obj[key]
        elif isinstance(obj, list) and key.isdecimal() and int(key) < len(obj):
            obj = obj[int(key)]
        else:
            return False
    return True


def changed(obj, way, value):
    result = copy.deepcopy(obj)
    parent = result
    for part in way[:-1]:
        parent = parent[part]
    parent[way[-1]] = value
    return result


IDENTITY = {(), ("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")}
PLACES = [(index, way) for index, obj in enumerate(OBJECTS) for way in ways(obj) if way not in IDENTITY]
KINDS = custom_kinds([each for each in OBJECTS if each["kind"] == "CustomResourceDefinition"])


@settings(max_examples=200, deadline=None)
@given(place=st.sampled_from(PLACES), value=values, kubernetes=st.sampled_from([None, "1.20", "1.30", "1.37", "1.99"]))
def test_any_change_of_an_object_can_be_judged(place, value, kubernetes):
    obj = changed(OBJECTS[place[0]], place[1], value)

    found = judge(obj, Api(kubernetes=kubernetes, custom=KINDS))

    assert all(each.message and stands(obj, each.pointer) for each in found)


@settings(max_examples=200, deadline=None)
@given(schema=values, value=values)
def test_any_schema_can_be_judged_and_held_against(schema, value):
    definition = copy.deepcopy(next(each for each in OBJECTS if each["kind"] == "CustomResourceDefinition"))
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema
    obj = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": {"name": "a"}, "spec": value}

    told = judge(definition, Api(kubernetes="1.37"))
    found = judge(obj, Api(kubernetes="1.37", custom=custom_kinds([definition])))

    assert all(stands(definition, each.pointer) for each in told)
    assert all(stands(obj, each.pointer) for each in found)
