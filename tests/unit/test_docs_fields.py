"""Every field on the reference pages: what its row says, and that examples of the page use it.

Under "Every field of …" each page has examples that together use every field; those of docs/fleet-format.md are one fleet.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jsonschema import Draft202012Validator

from reconciler.check.fleet import FleetCheck
from reconciler.cli.schema import bundled
from tests.random_fleets import Tree

ROOT = Path(__file__).parents[2]
FLEET = (ROOT / "docs/fleet-format.md").read_text(encoding="utf-8")
MANIFESTS = (ROOT / "docs/manifests.md").read_text(encoding="utf-8")
KINDS = ("fleet", "cluster", "app", "bundle", "rollout", "fleetsync")
TOMLS = ("spin-manifest-v2", "spin-manifest-v1", "runtime-config")
_EVERY = re.compile(
    r"<details><summary>Every field of [^<]*</summary>\n\n```(yaml|toml)\n(.*?)```\n\n</details>", re.DOTALL
)


def every_field(page: str) -> list[Any]:
    """Give the documents under "Every field of …" of a page."""
    found: list[Any] = []
    for language, text in _EVERY.findall(page):
        found += yaml.safe_load_all(text) if language == "yaml" else [tomllib.loads(text)]
    return found


def documents(name: str) -> list[Any]:
    """Give those that a schema is for."""
    if name in KINDS:
        return [each for each in every_field(FLEET) if each["kind"].lower() == name]
    version = {"spin-manifest-v2": 2, "spin-manifest-v1": "1", "runtime-config": None}[name]
    return [each for each in every_field(MANIFESTS) if each.get("spin_manifest_version") == version]


def parts(schema: dict[str, Any], whole: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Give the pointer of the definition that a schema refers to, where it is a reference, and the schema itself."""
    if "$ref" not in schema:
        return None, schema
    pointer = schema["$ref"].removeprefix("#")
    target = whole["$defs"][pointer.removeprefix("/$defs/")]
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    further, resolved = parts(target, whole)
    return further or pointer, {**resolved, **beside}


def fields(schema: dict[str, Any], whole: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Give each field of a schema once, by its pointer, resolved."""
    seen: set[str] = set()

    def walk(node: dict[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
        definition, node = parts(node, whole)
        if definition is not None:
            if definition in seen:
                return
            seen.add(definition)
            at = definition
        for name, field in node.get("properties", {}).items():
            yield f"{at}/properties/{name}", parts(field, whole)[1]
            yield from walk(field, f"{at}/properties/{name}")
        for key in ("items", "additionalProperties"):
            if isinstance(node.get(key), dict):
                yield from walk(node[key], f"{at}/{key}")
        for index, each in enumerate(node.get("oneOf", ())):
            yield from walk(each, f"{at}/oneOf/{index}")

    yield from walk(schema, at)


def used(value: Any, node: dict[str, Any], whole: dict[str, Any], at: str = "") -> Iterator[str]:
    """Give the pointers of the fields that a document has."""
    definition, node = parts(node, whole)
    at = definition or at
    for index, each in enumerate(node.get("oneOf", ())):
        if Draft202012Validator({**each, "$defs": whole.get("$defs", {})}).is_valid(value):
            yield from used(value, each, whole, f"{at}/oneOf/{index}")
    if isinstance(value, list) and "items" in node:
        for each in value:
            yield from used(each, node["items"], whole, f"{at}/items")
    if isinstance(value, dict):
        for name, below in value.items():
            if name in node.get("properties", {}):
                yield f"{at}/properties/{name}"
                yield from used(below, node["properties"][name], whole, f"{at}/properties/{name}")
            elif isinstance(node.get("additionalProperties"), dict):
                yield from used(below, node["additionalProperties"], whole, f"{at}/additionalProperties")


def structured(node: dict[str, Any], whole: dict[str, Any]) -> bool:
    return bool(node.get("properties")) or any(
        structured(parts(each, whole)[1], whole) for each in node.get("oneOf", ())
    )


def spelled(pointer: str, name: str) -> str:
    """Give a pointer the same from whichever schema its definition is referred to."""
    home, definition = (
        re.match(r"/\$defs/(?:([a-z0-9-]+)\.)?(.*)", pointer).groups() if pointer.startswith("/$defs/") else (None, "")
    )
    return f"{home or name}#{definition or pointer}"


@pytest.mark.parametrize("names", [KINDS, *((name,) for name in TOMLS)])
def test_every_field_stands_in_an_example_of_its_page(names: tuple[str, ...]) -> None:
    found: set[str] = set()
    wanted: set[str] = set()
    for name in names:
        whole = bundled(name)
        assert documents(name)
        for example in documents(name):
            assert [error.message for error in Draft202012Validator(whole).iter_errors(example)] == []
            found |= {spelled(pointer, name) for pointer in used(example, whole, whole)}
        # What has one value only is shown by its row; what is deprecated nobody should write.
        shown = [pointer for pointer, each in fields(whole, whole) if not {"const", "deprecated"} & each.keys()]
        wanted |= {spelled(pointer, name) for pointer in shown}
    assert wanted - found == set()


@pytest.mark.parametrize("name", [*KINDS, *TOMLS, "common"])
def test_every_field_has_an_example_but_where_its_values_are_listed(name: str) -> None:
    whole = bundled(name)
    without = [
        pointer
        for pointer, each in fields(whole, whole)
        if not ({"examples", "const", "enum"} & each.keys() or each.get("type") == "boolean" or structured(each, whole))
    ]
    assert without == []


def words(text: str) -> str:
    """Give a text as the rows of a page have it, without what Markdown needs."""
    return text.replace("`", "").replace("\\|", "|").replace("&lt;", "<")


ROWS = [words(line) for line in (FLEET + MANIFESTS).splitlines() if line.startswith("| ")]
#: Definitions that have a place of their own: the form stands there.
SECTIONS = words("".join(re.findall(r"(?m)^(?!\|).*$\n?", FLEET + MANIFESTS)))


def refusals(node: dict[str, Any], whole: dict[str, Any]) -> Iterator[str]:
    """Give what the row of a field must have of what is refused: its words, numbers and forms."""
    for value in (*node.get("enum", ()), *([node["const"]] if "const" in node else ())):
        yield value if isinstance(value, str) else json.dumps(value)
    bounds = {
        "minimum": "from {}",
        "maximum": "to {}",
        "maxLength": "at most {} characters",
        "maxItems": "at most {} entries",
    }
    yield from (text.format(node[key]) for key, text in bounds.items() if key in node)
    if "pattern" in node:
        yield node["pattern"]


@pytest.mark.parametrize("name", [*KINDS, *TOMLS])
def test_a_row_says_what_a_field_is_and_its_default_and_what_is_refused(name: str) -> None:
    whole = bundled(name)
    for pointer, each in fields(whole, whole):
        field = pointer.rpartition("/")[2]
        said = words(re.sub(r"[.…]?$", "", each["description"]))
        said = said[:1].upper() + said[1:] if pointer.count("/") <= 1 else said
        rows = [
            row
            for row in ROWS
            if re.match(rf"\| (<a [^>]*></a>)?([\w<>\[\].-]*\.)?{re.escape(field)}(\.<name>)? \|", row)
        ]
        rows = [row for row in rows if said in row]
        assert rows, (pointer, said)
        wanted = list(refusals(each, whole))
        if "default" in each and not isinstance(each["default"], dict):
            wanted.append(str(each["default"]).lower() if isinstance(each["default"], bool) else str(each["default"]))
        for text in wanted:
            assert any(words(text) in row for row in rows) or words(text) in SECTIONS, (pointer, text, rows)


def secret() -> str:
    return (ROOT / "tests/golden/encrypted/fleet/shop/secrets.yaml").read_text(encoding="utf-8")


def manifest(trigger: str, *, more: str = "") -> str:
    return f"""\
spin_manifest_version = 2
[application]
name = "documented"
[[trigger.{trigger}]]
component = "cart"
{more}
[component.cart]
source = "cart.wasm"
"""


CHECKOUT = """\
spin_manifest_version = 2
[application]
name = "checkout"
[variables]
api_url = { default = "" }
api_token = { required = true }
signing_key = { required = true }
password = { required = true }
place = { required = true }
node = { required = true }
memory = { required = true }
[[trigger.http]]
route = "/cart"
component = "cart"
[[trigger.http]]
route = "/pay"
component = "pay"
[component.cart]
source = "cart.wasm"
key_value_stores = ["default"]
sqlite_databases = ["default"]
ai_models = ["llama2-chat"]
[component.pay]
source = "pay.wasm"
"""
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: web, image: nginx}]}}
"""


def test_the_examples_of_every_field_are_one_fleet_that_validates() -> None:
    """What the page's documents name stands beside them: keys, manifests, an encrypted file."""
    key = generate_private_key(SECP256R1()).public_key()
    files = {
        "fleet.yaml": yaml.safe_dump_all(every_field(FLEET)),
        "keys/release.pub": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "keys/trusted-root.json": '{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"}',
        "secrets.yaml": secret(),
        "manifests/web.yaml": WEB,
        "operators/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: operators}\n",
        "checkout/spin.toml": CHECKOUT,
        "orders/spin.toml": manifest("redis", more='channel = "orders"\naddress = "redis://redis.shop:6379"'),
        "images/spin.toml": manifest("http", more='route = "/..."'),
        "search/spin.toml": manifest("http", more='route = "/..."'),
        "report/spin.toml": manifest("command"),
    }
    report = FleetCheck().check(Tree(files))
    # A NetworkPolicy can't say the hosts that the page's manifest and executors name.
    assert {problem.code for problem in report.problems} <= {"render.network-open"}, report.problems
