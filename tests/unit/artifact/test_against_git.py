"""What runs may be granted no more than what was reviewed in Git; less is a warning; nothing secret is told."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.artifact.against_git import Comparison, compare
from tests.unit.artifact.making import Change, application, first, read

MANIFEST = """\
spin_manifest_version = 2
[application]
name = "shop"
version = "1.0.0"
[application.trigger.redis]
address = "redis://queue:6379"
[variables]
token = { required = true, secret = true }
greeting = { default = "hi" }
[[trigger.http]]
route = "/..."
component = "web"
[[trigger.redis]]
channel = "orders"
component = "worker"
[component.web]
source = "web.wasm"
allowed_outbound_hosts = ["https://api.example.com", "http://worker.spin.internal"]
key_value_stores = ["default"]
sqlite_databases = ["default"]
ai_models = ["llama2-chat"]
environment = { MODE = "prod" }
[component.web.variables]
greeting = "{{ greeting }}"
[component.worker]
source = "worker.wasm"
"""
V1 = """\
spin_manifest_version = "1"
name = "old"
trigger = { type = "http", base = "/" }
[[component]]
id = "Hello_World"
source = "hello.wasm"
allowed_http_hosts = ["api.example.com"]
[component.trigger]
route = "/hello"
[component.config]
a = "b"
"""
INLINE = """\
spin_manifest_version = 2
[application]
name = "inline"
[[trigger.http]]
route = "/one"
component = { source = "one.wasm", key_value_stores = ["default"] }
[[trigger.http]]
id = "named"
route = "/two"
component = { source = "two.wasm" }
"""


def found(change: Change = lambda _: None, artifact: str = MANIFEST, git: str = MANIFEST) -> Comparison:
    return compare(read(change, artifact), application(git))


def grants(document: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = first(document)["metadata"]
    return metadata


def trigger(document: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = document["triggers"][0]["trigger_config"]
    return config


@pytest.mark.parametrize("text", [MANIFEST, V1, INLINE])
def test_an_artifact_of_this_manifest_does_not_differ(text: str) -> None:
    result = found(artifact=text, git=text)
    assert (result.errors, result.warnings) == ((), ())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: grants(d)["allowed_outbound_hosts"].append("*://*:*"), "host '*://*:*' granted to component 'web'"),
        (lambda d: grants(d)["key_value_stores"].append("secrets"), "key-value store 'secrets'"),
        (lambda d: grants(d)["databases"].append("ledger"), "database 'ledger'"),
        (lambda d: grants(d)["ai_models"].append("other"), "model 'other'"),
        (lambda d: d["metadata"].update(name="other"), "application 'other'"),
        (lambda d: d["components"].append({**first(d), "id": "sneaky"}), "component 'sneaky'"),
        (lambda d: trigger(d).update(route="/admin"), "trigger http /admin → web"),
        (lambda d: trigger(d).update(route={"private": True}), "trigger http (private) → web"),
        (lambda d: trigger(d).update(executor={"type": "wagi"}), "trigger http /... → web has other settings"),
        (lambda d: d["triggers"].append(d["triggers"][0]), "trigger http /... → web"),
        (lambda d: d["triggers"].append({"id": "x", "trigger_type": "http", "trigger_config": {"route": "/x"}}), "/x"),
        (lambda d: d["metadata"]["triggers"]["redis"].update(address="redis://evil"), "settings of 'redis' triggers"),
        (lambda d: d["metadata"]["triggers"].update(http={"base": "/x"}), "the settings of 'http' triggers"),
        (lambda d: d["variables"]["greeting"].update(default="bye"), "'greeting' has another default"),
        (lambda d: d["variables"]["greeting"].pop("default"), "'greeting' is required in the artifact"),
        (lambda d: d["variables"]["token"].update(default="x"), "'token' is not required in the artifact"),
        (lambda d: d["variables"]["token"].pop("secret"), "'token' is not secret in the artifact"),
        (lambda d: d["variables"].update(extra={"default": ""}), "application variable 'extra'"),
        (
            lambda d: first(d)["config"].update(greeting="{{ token }}"),
            "variable 'greeting' of component 'web' has another",
        ),
        (lambda d: first(d)["config"].update(more="x"), "variable 'more' of component 'web'"),
        (lambda d: first(d)["env"].update(MODE="dev"), "environment variable 'MODE' of component 'web' has another"),
        (lambda d: first(d)["env"].update(MORE="x"), "environment variable 'MORE'"),
        (
            lambda d: d["components"][1].update(host_requirements={"local_service_chaining": "required"}),
            "host requirement 'local_service_chaining' of component 'worker'",
        ),
    ],
)
def test_more_than_git_says_or_something_else_is_an_error(change: Change, words: str) -> None:
    errors = found(change).errors
    assert any(words in error for error in errors), errors


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: grants(d).pop("key_value_stores"), "lacks key-value store 'default' granted to component 'web'"),
        (lambda d: first(d).pop("env"), "lacks environment variable 'MODE' of component 'web'"),
        (lambda d: first(d).pop("config"), "lacks variable 'greeting' of component 'web'"),
        (lambda d: d["variables"].pop("token"), "lacks application variable 'token'"),
        (lambda d: (d["triggers"].pop(), d["components"].pop()), "lacks component 'worker'"),
        (lambda d: (d["triggers"].pop(), d["components"].pop()), "lacks trigger redis orders → worker"),
        (lambda d: first(d).pop("host_requirements"), "lacks host requirement"),
    ],
)
def test_less_than_git_says_is_a_warning(change: Change, words: str) -> None:
    result = found(change)
    assert result.errors == ()
    assert all(each.startswith("stale-artifact: the artifact ") for each in result.warnings)
    assert any(words in each for each in result.warnings), result.warnings


def test_another_version_is_a_warning() -> None:
    result = found(lambda d: d["metadata"].update(version="2.0.0"))
    assert result.errors == ()
    assert result.warnings == ("the artifact has version '2.0.0', and spin.toml says '1.0.0'",)


def test_what_people_write_for_people_and_order_are_not_compared() -> None:
    other = MANIFEST.replace('name = "shop"', 'name = "shop"\ndescription = "new words"\nauthors = ["me"]')
    result = found(
        lambda d: (d["triggers"].reverse(), d["components"].reverse(), d["triggers"][0].update(id="renamed")), git=other
    )
    assert (result.errors, result.warnings) == ((), ())


def test_version_1_is_compared_after_spins_own_conversion() -> None:
    result = found(lambda d: first(d)["metadata"].update(allowed_outbound_hosts=["https://evil"]), V1, V1)
    assert result.errors == (
        "the artifact has host 'https://evil' granted to component 'hello-world', which spin.toml does not say",
    )
    assert any("'postgres://*:*'" in each for each in result.warnings)


def test_numbers_keep_their_kind() -> None:
    git = MANIFEST + '[[trigger.timer]]\ncomponent = "worker"\nevery = 1\n'
    assert found(artifact=git, git=git).errors == ()
    for value in (1.0, True, "1"):
        assert found(lambda d, v=value: d["triggers"][2]["trigger_config"].update(every=v), git, git).errors


def test_dates_are_as_spins_toml_library_writes_them() -> None:
    git = MANIFEST + '[[trigger.timer]]\ncomponent = "worker"\nsince = 2026-01-02T03:04:05Z\n'
    date = {"$__toml_private_datetime": "2026-01-02T03:04:05Z"}
    plain = MANIFEST + '[[trigger.timer]]\ncomponent = "worker"\nsince = ""\n'
    assert found(lambda d: d["triggers"][2]["trigger_config"].update(since=date), plain, git).errors == ()


def test_a_profile_changes_what_is_expected() -> None:
    git = MANIFEST + '[component.web.profile.debug]\nenvironment = { MODE = "debug", LOG = "all" }\n'
    pushed = {"MODE": "debug", "LOG": "all"}
    with_profile = found(lambda d: (d["metadata"].update(profile="debug"), first(d).update(env=pushed)), git, git)
    assert with_profile.errors == ()
    without = found(lambda d: first(d).update(env=pushed), git, git)
    assert any("'LOG'" in error for error in without.errors)


def test_spin_2_says_chaining_once_for_the_application() -> None:
    def older(document: dict[str, Any]) -> None:
        first(document).pop("host_requirements")
        document["host_requirements"] = {"local_service_chaining": "required"}

    result = found(older)
    assert (result.errors, result.warnings) == ((), ())
    unchained = MANIFEST.replace(', "http://worker.spin.internal"', "")
    errors = found(older, git=unchained).errors
    assert any("host requirement 'local_service_chaining' of the application" in error for error in errors)


def test_no_value_is_told() -> None:
    result = found(
        lambda d: (
            first(d)["env"].update(MODE="hunter2"),
            first(d)["config"].update(greeting="hunter2"),
            d["variables"]["greeting"].update(default="hunter2"),
            d["metadata"]["triggers"]["redis"].update(address="redis://u:hunter2@r"),
        )
    )
    assert len(result.errors) == 4
    assert "hunter2" not in " ".join((*result.errors, *result.warnings, *result.notes))


def test_without_the_commits_files_wasm_is_said_to_be_not_comparable() -> None:
    assert found().notes == tuple(
        f"the Wasm of component {name!r} is not comparable: the files of its commit are not at hand"
        for name in ("web", "worker")
    )
