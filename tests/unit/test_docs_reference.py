"""The reference pages: current, whole, and every example on them is taken."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from reconciler import data
from reconciler.cli.schema import bundled
from reconciler.fleet import assign, load
from reconciler.manifest.parse import parse
from reconciler.problems import has_errors
from reconciler.schema_check import check, validator
from reconciler.tree import File

DOCS = Path(__file__).parents[2] / "docs"
reference = SimpleNamespace(**runpy.run_path(str(DOCS / "reference.py"), run_name="docs.reference"))
SCHEMAS = sorted(path.name.removesuffix(".schema.json") for path in data.folder("schemas").glob("*.schema.json"))
PAGES = {name: (DOCS / name).read_text(encoding="utf-8") for name in reference.PAGES}


def blocks(language: str) -> list[Any]:
    """Give the fenced blocks of a language on both pages."""
    return [
        pytest.param(block, id=f"{name}:{number}")
        for name, text in PAGES.items()
        for number, block in enumerate(re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL), 1)
    ]


def parts(schema: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give every schema inside a schema with its pointer; what stands under examples and defaults is none."""
    if isinstance(schema, dict):
        yield pointer, schema
        for key, below in schema.items():
            if key not in {"default", "examples", "const", "enum", "required"}:
                yield from parts(below, f"{pointer}/{key}")
    elif isinstance(schema, list):
        for index, below in enumerate(schema):
            yield from parts(below, f"{pointer}/{index}")


def fields(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for pointer, each in parts(schema):
        # A field may itself be called `properties`; none of ours is.
        if re.search(r"/properties/[^/]+$", pointer):
            yield pointer, each


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_the_schemas_say(name: str) -> None:
    assert PAGES[name] == reference.renewed(PAGES[name], reference.PAGES[name]), "run python -m docs.reference"


@pytest.mark.parametrize("name", PAGES)
def test_every_anchor_is_there_once_and_every_link_leads_to_one(name: str) -> None:
    anchors = re.findall(r'<a id="([^"]+)"></a>', PAGES[name])
    assert len(anchors) == len(set(anchors))
    for target, anchor in re.findall(r"\]\(([a-z-]*\.md)?#([a-z0-9-]+)\)", PAGES[name]):
        page = PAGES[target or name]
        headings = {
            re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"(?m)^#+ (.*)$", page)
        }
        assert f'<a id="{anchor}"></a>' in page or anchor in headings, (target, anchor)


def test_a_field_is_found_by_the_anchor_that_its_path_says() -> None:
    page = PAGES["fleet-format.md"]
    for anchor in (
        "app-spec-autoscaling-min",
        "app-spec-variables",
        "app-spec-routes-gateway-name",
        "fleet-spec-prune",
    ):
        assert f'<a id="{anchor}"></a>' in page
    assert "`spec.variables.<name>`" in page


@pytest.mark.parametrize(
    ("name", "anchor"), [("app", "app-spec"), ("bundle", "bundle-spec"), ("cluster", "cluster-spec")]
)
def test_no_field_is_left_out(name: str, anchor: str) -> None:
    schema = data.schema(name)
    spec = schema["$defs"]["fields"] if name == "app" else schema["properties"]["spec"]
    for field in spec["properties"]:
        assert f'<a id="{anchor}-{field.lower()}"></a>' in PAGES["fleet-format.md"], field


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_of_every_schema_is_described(name: str) -> None:
    whole = bundled(name)
    for pointer, each in fields(whole):
        target = whole["$defs"][each["$ref"].removeprefix("#/$defs/")] if "$ref" in each else each
        text = each.get("description") or target.get("description", "")
        assert len(text) > len("Name"), pointer


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_default_and_example_of_a_schema_is_valid_under_it(name: str) -> None:
    schema = bundled(name)
    for pointer, each in parts(schema):
        judge = Draft202012Validator({**each, "$defs": schema.get("$defs", {})})
        for value in [*each.get("examples", ()), *([each["default"]] if "default" in each else ())]:
            assert judge.is_valid(value), (pointer, value)


@pytest.mark.parametrize("block", blocks("yaml"))
def test_a_yaml_example_is_valid(block: str) -> None:
    documents = list(yaml.safe_load_all(block))
    assert documents
    for document in documents:
        assert [error.message for error in validator(document["kind"].lower()).iter_errors(document)] == []


@pytest.mark.parametrize("block", blocks("toml"))
def test_a_toml_example_is_accepted(block: str) -> None:
    if block.startswith("# .taplo.toml"):
        assert tomllib.loads(block)["rule"][0]["schema"]["path"].endswith("spin-manifest-v2.schema.json")
    elif block.startswith("# runtime-config.toml"):
        document = tomllib.loads(block)
        assert check(document, "runtime-config", path="", places=lambda _: None, prefix="runtime") == ()
    else:
        parsed = parse(block.encode(), "spin.toml")
        assert not has_errors(parsed.problems), parsed.problems
        assert parsed.problems == ()


def short(page: str) -> str:
    """Give a page without the examples of every field, which are a fleet of their own: see test_docs_fields.py."""
    return re.sub(r"<details>.*?</details>", "", page, flags=re.DOTALL)


class Examples:
    """The examples of both pages as one fleet, with the staging cluster that they speak of."""

    commit = None
    problems = ()

    def __init__(self) -> None:
        written = re.findall(r"```yaml\n(.*?)```", short(PAGES["fleet-format.md"]), re.DOTALL)
        documents = [each for block in written for each in yaml.safe_load_all(block) if each["kind"] != "FleetSync"]
        staging = {
            "metadata": {"name": "staging", "labels": {"env": "staging"}},
            "spec": {"variables": {"domain": "x"}},
        }
        documents.append({"apiVersion": "spinfleet.dev/v1alpha1", "kind": "Cluster", **staging})
        for app in [each for each in documents if each["kind"] == "App"]:
            app["spec"]["manifest"] = f"{app['metadata']['name']}.toml"
        web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 1}}
        # The first of a name counts: the example of version 1 has the name of version 2's.
        manifests = re.findall(r"```toml\n(.*?)```", short(PAGES["manifests.md"]), re.DOTALL)
        texts = {"fleet.yaml": yaml.safe_dump_all(documents), "manifests/web.yaml": yaml.safe_dump(web)}
        texts |= {
            f"{name}.toml": each for each in manifests[::-1] for name in ("hello", "checkout") if f'"{name}"' in each
        }
        self._data = {path: text.encode() for path, text in texts.items()}
        self.files = {
            path: File(path, hashlib.sha256(content).hexdigest()[:40], len(content))
            for path, content in self._data.items()
        }

    def read(self, path: str) -> bytes:
        return self._data[path]


def test_the_examples_are_one_fleet_with_nothing_wrong() -> None:
    loaded = load(Examples())
    assert loaded.problems == ()
    assert loaded.fleet is not None
    assert set(loaded.fleet.clusters) == {"eu-west-1", "staging"}
    assert set(loaded.fleet.apps) == {"hello", "checkout"}
    for cluster in loaded.fleet.clusters:
        for unit in assign(loaded.fleet, cluster).units.values():
            assert unit.problems == (), (cluster, unit.name)


@pytest.mark.parametrize("block", blocks("json"))
def test_a_json_example_is_json(block: str) -> None:
    assert json.loads(block)


def test_a_page_that_is_stale_is_told_and_rewritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = SimpleNamespace(**runpy.run_path(str(DOCS / "reference.py"), run_name="docs.reference"))
    script.main.__globals__["HERE"] = tmp_path
    for name, text in PAGES.items():
        (tmp_path / name).write_text(text.replace("Number of pods", "Number of pads"), encoding="utf-8")
    assert script.main(["--check"]) == 1
    assert capsys.readouterr().err.startswith("stale: fleet-format.md; run")
    assert script.main([]) == 0
    assert script.main(["--check"]) == 0
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in PAGES} == PAGES


def test_a_page_without_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="fields: begin"):
        reference.renewed("# A page\n", reference.PAGES["manifests.md"])


def test_a_keyword_that_has_no_words_is_refused() -> None:
    with pytest.raises(ValueError, match="multipleOf"):
        reference._Node({}, "app").part({"type": "integer", "multipleOf": 2})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": [1, True, "x"]}, '{ a = [1, true, "x"] }'),
        ({"a.b": {"c": 1}}, '{ "a.b" = { c = 1 } }'),
    ],
)
def test_examples_of_toml_are_toml(value: dict[str, Any], text: str) -> None:
    assert reference.toml(value) == text
    assert tomllib.loads(f"x = {text}") == {"x": value}
