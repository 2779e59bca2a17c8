"""Whatever stands in a spin.toml, reading it ends with an application or with problems, and schema and code judge alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler import data
from reconciler.manifest import parse, positional
from reconciler.manifest.hosts import host_fault, http_host_fault
from reconciler.manifest.ids import id_fault, kebab_fault, repaired
from reconciler.manifest.templates import names, parts, replaced
from reconciler.problems import Severity, has_errors
from reconciler.schema_check import validator

_BY_SCHEMA = {f"spin.parse.{each}" for each in ("unknown-field", "missing-field", "type", "value", "format")}
_TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)
_WORDS = st.sampled_from(
    [
        "a",
        "b-c",
        "b_c",
        "Aa",
        "",
        "https://x",
        "*://*:*",
        "{{ a }}",
        "{{",
        "1.2.3",
        "acme:cart",
        "sha256:0",
        "/...",
        "**/*",
        "[",
    ]
)
_SCALARS = st.one_of(
    _TEXT, _WORDS, st.booleans(), st.integers(-3, 2**40), st.floats(allow_nan=False, allow_infinity=False)
)
_ANY = st.recursive(
    _SCALARS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(_TEXT | _WORDS, below, max_size=3),
    max_leaves=6,
)


def _of(schema: dict[str, Any], definitions: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Give values of a schema's shape, with something else here and there."""
    if "$ref" in schema:
        return _of(definitions[schema["$ref"].rpartition("/")[2]], definitions, depth)
    if depth > 5:
        return _SCALARS
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "oneOf" in schema:
        return st.one_of(*[_of(each, definitions, depth + 1) for each in schema["oneOf"]])
    shape: st.SearchStrategy[Any]
    match schema["type"]:
        case "string":
            return _WORDS | _TEXT
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(0, 9)
        case "array":
            return st.lists(_of(schema.get("items", {"type": "string"}), definitions, depth + 1), max_size=2)
    properties = {name: _of(each, definitions, depth + 1) for name, each in schema.get("properties", {}).items()}
    required = {name: properties.pop(name) for name in schema.get("required", ())}
    shape = st.fixed_dictionaries(required, optional=properties)
    if isinstance(more := schema.get("additionalProperties"), dict):
        shape = st.dictionaries(_WORDS | _TEXT, _of(more, definitions, depth + 1), max_size=2)
    return shape


def _documents(version: int) -> st.SearchStrategy[dict[str, Any]]:
    schema = data.schema(f"spin-manifest-v{version}")
    whole = {
        name: _of(each, schema["$defs"]) for name, each in schema["properties"].items() if not name.startswith("spin_")
    }
    optional = {name: each for name, each in whole.items() if name not in schema["required"]}
    good = st.fixed_dictionaries({name: whole[name] for name in schema["required"]}, optional=optional)
    return st.one_of(good, good.flatmap(_broken))


def _broken(document: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Put something else at one place of a document."""
    places = [((), document), *_places(document)]

    def put(choice: tuple[int, Any, str]) -> dict[str, Any]:
        copy = json.loads(json.dumps(document))
        here: Any = copy
        for step in places[choice[0]][0][:-1]:
            here = here[step]
        path = places[choice[0]][0]
        if path:
            here[path[-1]] = choice[1]
        else:
            here[choice[2] or "x"] = choice[1]
        return copy

    return st.tuples(st.integers(0, len(places) - 1), _ANY, _TEXT).map(put)


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for step, below in steps for found in [((*path, step), below), *_places(below, (*path, step))]]


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {_toml(each)}" for key, each in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _text(document: dict[str, Any], version: int) -> str:
    head = "spin_manifest_version = " + ('"1"' if version == 1 else "2")
    pairs = [f"{json.dumps(key, ensure_ascii=False)} = {_toml(each)}" for key, each in document.items()]
    return "\n".join([head, *pairs, ""])


@pytest.mark.parametrize("version", [1, 2])
@settings(max_examples=150, deadline=None)
@given(values=st.data())
def test_schema_and_code_judge_a_document_alike(version: int, values: st.DataObject) -> None:
    document = values.draw(_documents(version))
    if {"spin_manifest_version", "spin_version"} & document.keys():
        return
    text = _text(document, version)
    parsed = parse(text.encode(), "spin.toml")
    spelt, _ = positional.spelt_out({**document, "spin_manifest_version": "1" if version == 1 else 2}, version)
    valid = validator(f"spin-manifest-v{version}").is_valid(spelt)
    assert valid == (not any(each.code in _BY_SCHEMA for each in parsed.problems)), text
    assert (parsed.application is None) == has_errors(parsed.problems)


@settings(max_examples=200, deadline=None)
@given(document=_ANY)
def test_any_values_under_the_known_keys_give_an_application_or_problems(document: Any) -> None:
    for key in ("application", "trigger", "component", "variables"):
        parsed = parse(_text({key: document}, 2).encode(), "spin.toml")
        assert (parsed.application is None) == has_errors(parsed.problems)


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_give_problems_that_have_a_place(noise: bytes) -> None:
    for head in (b"", b'spin_manifest_version = 2\n[application]\nname = "a"\n'):
        parsed = parse(head + noise, "spin.toml")
        assert (parsed.application is None) == has_errors(parsed.problems)
        assert all(each.line for each in parsed.problems if each.severity is Severity.ERROR)


@given(text=st.text(max_size=60))
def test_hosts_ids_and_templates_are_judged_whatever_the_text(text: str) -> None:
    for judge in (host_fault, http_host_fault, kebab_fault):
        assert isinstance(judge(text), str)
    assert isinstance(host_fault(f"https://{text}:80"), str)
    if parts(text) is not None and not names(text):
        assert replaced(text, {}) == text


@given(words=st.lists(st.from_regex(r"[a-z][a-z0-9]{0,5}|[A-Z][A-Z0-9]{0,5}", fullmatch=True), min_size=1, max_size=4))
def test_words_joined_by_the_separator_are_an_id_and_by_the_other_one_are_not(words: list[str]) -> None:
    assert kebab_fault("-".join(words)) == ""
    assert id_fault("_".join(words), separator="_") == ""
    if len(words) > 1:
        assert "separated" in kebab_fault("_".join(words))
        assert kebab_fault(repaired("_".join(words))) == ""
