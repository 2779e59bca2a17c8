"""docs/rendering.md says what becomes of every field, and its examples are what is rendered."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler import data
from reconciler.fleet import assign, load
from reconciler.render import render
from tests.random_fleets import Tree, text_of

PAGE = (Path(__file__).parent.parent.parent / "docs" / "rendering.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"<!-- (app|job|gives) -->\n```yaml\n(.*?)```", re.DOTALL)
_HEAD = {"apiVersion": "spinfleet.dev/v1alpha1"}
_SPIN = """\
spin_manifest_version = 2
[application]
name = "checkout"
version = "1.0.0"
[variables]
api_url = { default = "" }
api_token = { default = "" }
[[trigger.TYPE]]
component = "cart"
ROUTE
[component.cart]
source = "cart.wasm"
key_value_stores = ["default"]
allowed_outbound_hosts = ["postgres://10.0.0.0/8:5432", "http://self"]
"""


def _examples() -> list[tuple[str, str, str]]:
    blocks = _BLOCK.findall(PAGE)
    pairs = list(zip(blocks[::2], blocks[1::2], strict=True))
    assert all(first[0] != "gives" and second[0] == "gives" for first, second in pairs)
    return [(kind, spec, expected) for (kind, spec), (_, expected) in pairs]


def _fields(name: str) -> list[str]:
    schema = data.schema("common")["$defs"][name] if name == "executor" else data.schema("app")["$defs"]["fields"]
    return list(schema["properties"])


@pytest.mark.parametrize("name", ["app", "executor"])
def test_every_field_has_its_row(name: str) -> None:
    rows = " ".join(line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `"))
    assert [field for field in _fields(name) if f"`{field}`" not in rows] == []


def test_no_row_is_of_a_field_that_is_gone() -> None:
    section = PAGE.partition("## The fields of an App")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert {field for row in rows for field in re.findall(r"`(\w+)`", row)} == set(_fields("app"))


def _rendered(kind: str, spec: str) -> list[Any]:
    cluster = {"capabilities": ["keda", "gateway-api"], "variables": {"domain": "eu.acme.example"}}
    app = {"artifact": f"ghcr.io/acme/checkout@sha256:{'a' * 64}", "namespace": "shop", **yaml.safe_load(spec)}
    trigger = ("command", "") if kind == "job" else ("http", 'route = "/..."')
    files = {
        "fleet.yaml": text_of({**_HEAD, "kind": "Fleet", "metadata": {"name": "acme"}}),
        "eu.yaml": text_of({**_HEAD, "kind": "Cluster", "metadata": {"name": "eu"}, "spec": cluster}),
        "app.yaml": text_of({**_HEAD, "kind": "App", "metadata": {"name": "checkout"}, "spec": app}),
        "spin.toml": _SPIN.replace("TYPE", trigger[0]).replace("ROUTE", trigger[1]),
    }
    fleet = load(Tree(files)).fleet
    assert fleet is not None
    found = render(assign(fleet, "eu"))
    assert found["checkout"].objects, [str(problem) for problem in found["checkout"].problems]
    return [obj for each in found.values() for obj in each.objects]


def _has(shown: Any, whole: Any) -> bool:
    """Tell whether what is shown is part of the whole: mappings may be shown in part, lists and texts whole."""
    if isinstance(shown, dict):
        return isinstance(whole, dict) and all(key in whole and _has(value, whole[key]) for key, value in shown.items())
    if isinstance(shown, list):
        return len(shown) == len(whole) and all(_has(one, other) for one, other in zip(shown, whole, strict=True))
    return bool(shown == whole)


@pytest.mark.parametrize(("kind", "spec", "expected"), _examples())
def test_an_example_is_what_is_rendered(kind: str, spec: str, expected: str) -> None:
    objects = _rendered(kind, spec)
    for shown in yaml.safe_load_all(expected):
        same = [obj for obj in objects if obj["kind"] == shown["kind"]]
        assert any(_has(shown, obj) for obj in same), (shown, same)
