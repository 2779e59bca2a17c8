"""An editor with the printed schema and the check say the same of a document's shape, for every kind of the fleet.

Documents are drawn from the schemas themselves, right ones and ones with something broken, and judged twice: by jsonschema
with the schema as `spinfleet schema KIND` prints it, and by the check of the file.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from reconciler.check.one_file import check_file
from reconciler.cli.schema import bundled
from reconciler.schema_check import pointer_of

KINDS = ("app", "bundle", "cluster", "fleet", "fleetsync", "rollout")
SHAPE = {f"fleet.{code}" for code in ("unknown-field", "type", "missing-field", "value", "format")}
NAMELESS = "fleet.no-name"
TEXT = st.text(alphabet="abz09-.", min_size=1, max_size=8)
ANYTHING = st.none() | st.booleans() | st.integers(-2, 5) | TEXT
ODD = (True, 0, -1, 2.5, "", "x", "10m", "Never", [], ["x"], {}, {"x": 1}, "${cluster.x}", 10**12)


@cache
def printed(kind: str) -> Draft202012Validator:
    Draft202012Validator.check_schema(bundled(kind))
    return Draft202012Validator(bundled(kind))


def drawn(schema: Any, whole: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Give values that a schema is meant for; keywords across fields (`not`, minProperties) are left to a filter."""
    if "$ref" in schema:
        target = whole["$defs"][schema["$ref"].rpartition("/")[2]]
        more = {
            key: value for key, value in schema.items() if key not in {"$ref", "description", "examples", "default"}
        }
        return drawn({**target, **more}, whole, depth)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if alternatives := schema.get("oneOf") or schema.get("anyOf"):
        return st.one_of([drawn(each, whole, depth) for each in alternatives])
    kind = schema.get("type")
    if isinstance(kind, list):
        return st.one_of([drawn({**schema, "type": each}, whole, depth) for each in kind])
    match kind:
        case "object":
            return mapping(schema, whole, depth)
        case "array":
            least, most = schema.get("minItems", 0), min(schema.get("maxItems", 2), 2)
            return st.lists(drawn(schema.get("items", {}), whole, depth + 1), min_size=least, max_size=max(least, most))
        case "string" if "pattern" in schema:
            longest = schema.get("maxLength", 100)
            found = st.from_regex(
                schema["pattern"], fullmatch=True, alphabet=st.characters(max_codepoint=126, min_codepoint=33)
            )
            return found.map(lambda text: text.strip()).filter(lambda text: len(text) <= longest)
        case "string":
            return TEXT
        case "integer":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 20))
        case "number":
            return st.integers(schema.get("minimum", 0), schema.get("maximum", 20))
        case "boolean":
            return st.booleans()
    return ANYTHING.filter(lambda value: value is not None)


@st.composite
def mapping(draw: st.DrawFn, schema: dict[str, Any], whole: dict[str, Any], depth: int) -> dict[str, Any]:
    known, required = schema.get("properties", {}), list(schema.get("required", ()))
    other = sorted(known.keys() - set(required))
    wanted = draw(st.lists(st.sampled_from(other), unique=True, max_size=3)) if other and depth < 6 else []
    if len(required) + len(wanted) < schema.get("minProperties", 0) and other:
        wanted = [draw(st.sampled_from(other))]
    value = {name: draw(drawn(known.get(name, {}), whole, depth + 1)) for name in [*required, *wanted]}
    extra = schema.get("additionalProperties", True)
    if extra is not False and draw(st.booleans()):
        names = drawn({"type": "string", **schema.get("propertyNames", {})}, whole)
        name = draw(names)
        value.setdefault(name, draw(drawn(extra if isinstance(extra, dict) else {}, whole, depth + 1)))
    return value


@cache
def documents(kind: str) -> st.SearchStrategy[Any]:
    whole = bundled(kind)
    return drawn(whole, whole)


def broken(document: Any, kind: str, chance: random.Random) -> Any:
    """Give a copy with one thing changed: a field dropped, added or misspelt, a value of another type or out of its list."""
    document = copy.deepcopy(document)
    at = document
    while True:
        # What a document is called and is must stay, or it is nobody's.
        fixed = {"apiVersion", "kind"} if at is document else set()
        keys = [each for each in at if each not in fixed] if isinstance(at, dict) else list(range(len(at)))
        key = chance.choice(keys) if keys else None
        if key is None or not isinstance(at[key], (dict, list)) or not at[key] or chance.random() < 0.2:
            break
        at = at[key]
    what = chance.randrange(4)
    if isinstance(at, dict) and (key is None or what == 0):
        at["added"] = 1
    elif isinstance(at, dict) and what == 1:
        del at[key]
    elif isinstance(at, dict) and what == 2:
        at[f"{key}x"] = at.pop(key)
    elif key is not None:
        at[key] = copy.deepcopy(chance.choice(ODD))
    return document


def places(error: ValidationError) -> Iterator[str]:
    """Give where an error of jsonschema stands: fields too many and too few each at their own place, as an editor shows them."""
    pointer = pointer_of(list(error.absolute_path))
    if error.validator == "additionalProperties":
        for name in error.instance.keys() - error.schema.get("properties", {}).keys():
            yield pointer + pointer_of([name])
    else:
        yield pointer


def told(path: Any, document: Any) -> tuple[set[str], set[str]]:
    """Give the places at which the check finds the document's shape wrong, and those where it misses a name."""
    path.write_text(json.dumps(document), encoding="utf-8")  # texts stay texts: JSON is YAML
    problems = check_file(path).problems
    assert not {each.code for each in problems if each.code.startswith(("yaml.", "fleet.unknown-kind"))}
    shape = {each.pointer for each in problems if each.code in SHAPE}
    return shape, {each.pointer for each in problems if each.code == NAMELESS}


def agree(path: Any, kind: str, document: Any) -> None:
    errors = list(printed(kind).iter_errors(document))
    wanted = {place for each in errors for place in places(each)}
    found, nameless = told(path, document)
    assert not nameless or any(each in {"", "/metadata", "/metadata/name"} for each in wanted), document
    # Of alternatives, the check tells what is wrong inside the one that was meant.
    inside = tuple(pointer_of(list(each.absolute_path)) for each in errors if each.validator in {"oneOf", "anyOf"})
    for place in wanted:
        assert any(each == place or (place in inside and each.startswith(place)) for each in found | nameless), (
            place,
            document,
        )
    for place in found - wanted:
        assert place.startswith(inside), (place, document)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("documents") / "document.yaml"


@pytest.mark.parametrize("kind", KINDS)
def test_a_drawn_document_is_judged_alike(kind, path):
    @settings(max_examples=25, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(documents(kind))
    def judged(document):
        agree(path, kind, document)

    judged()


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_document_is_judged_alike(kind, path):
    @settings(max_examples=40, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(documents(kind), st.randoms(use_true_random=False))
    def judged(document, chance):
        agree(path, kind, broken(document, kind, chance))

    judged()


def test_a_misspelt_name_is_told_beside_the_rest(path):
    spec = {"artifact": "ghcr.io/acme/shop", "replica": 2}
    document = {"apiVersion": "spinfleet.dev/v1alpha1", "kind": "App", "metadata": {"nam": "shop"}, "spec": spec}

    assert told(path, document) == ({"/metadata/nam", "/spec/replica"}, {"/metadata"})
