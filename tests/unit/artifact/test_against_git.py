"""What runs may be granted no more than what was reviewed in Git; less is a warning."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from reconciler.artifact.against_git import differences
from reconciler.artifact.layout import layout_of, locked_app
from reconciler.local.publish import assemble_application
from reconciler.manifest import Application, parse

MANIFEST = """\
spin_manifest_version = 2
[application]
name = "shop"
[variables]
token = { required = true, secret = true }
greeting = { default = "hi" }
[[trigger.http]]
route = "/..."
component = "web"
[component.web]
source = "web.wasm"
allowed_outbound_hosts = ["https://api.example.com"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
ai_models = ["llama2-chat"]
"""


def application(text: str = MANIFEST) -> Application:
    parsed = parse(text.encode(), "spin.toml")
    assert parsed.application is not None, parsed.problems
    return parsed.application


def compare(
    change: Callable[[dict[str, Any]], object] = lambda _: None, git: str = MANIFEST
) -> tuple[list[str], list[str]]:
    made = assemble_application(application(), {"web": b"\0asm\x01\0\0\0" * 20})
    document = json.loads(made.blobs[-1].data)
    change(document)
    return differences(locked_app(json.dumps(document).encode(), layout_of(made.manifest)), application(git))


def grants(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["components"][0]["metadata"]
    return found


def test_an_artifact_of_this_manifest_does_not_differ() -> None:
    assert compare() == ([], [])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: grants(d)["allowed_outbound_hosts"].append("*://*:*"), "granted host '*://*:*'"),
        (lambda d: grants(d)["key_value_stores"].append("secrets"), "key-value store 'secrets'"),
        (lambda d: grants(d)["databases"].append("ledger"), "database 'ledger'"),
        (lambda d: grants(d)["ai_models"].append("other"), "model 'other'"),
        (lambda d: d["metadata"].update(name="other"), "application 'other'"),
        (lambda d: d["components"][0].update(id="sneaky"), "component 'sneaky' is not in spin.toml"),
        (lambda d: d["triggers"][0]["trigger_config"].update(route="/admin"), "triggers are http /admin"),
        (lambda d: d["triggers"].append(d["triggers"][0]), "triggers are"),
        (lambda d: d["variables"]["greeting"].update(default="bye"), "variable 'greeting' has another default"),
        (lambda d: d["variables"]["token"].pop("secret"), "variable 'token' has another default or secrecy"),
        (lambda d: d["variables"].update(extra={"default": ""}), "variable 'extra' is only in the artifact"),
    ],
)
def test_more_than_git_says_is_an_error(change: Callable[[dict[str, Any]], object], words: str) -> None:
    errors, _ = compare(change)
    assert any(words in error for error in errors), errors


def test_less_than_git_says_is_a_warning() -> None:
    errors, warnings = compare(lambda d: grants(d).pop("key_value_stores"))
    assert errors == []
    assert warnings == ["stale-artifact: component 'web' lacks key-value store 'default', which spin.toml says"]


def test_what_people_write_for_people_is_not_compared() -> None:
    assert compare(
        git=MANIFEST.replace('name = "shop"', 'name = "shop"\ndescription = "new words"\nauthors = ["me"]')
    ) == ([], [])
