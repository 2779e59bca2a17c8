"""Grants are what counts; an import without a grant is told where the policy asks, and never one that needs none."""

from __future__ import annotations

import pytest

from reconciler.artifact.compile_policy import ALWAYS, DEFAULT, NEVER, CompilePolicy, compile_policy
from reconciler.artifact.grants import granted, undeclared
from reconciler.errors import InputError
from reconciler.manifest.capabilities import Capabilities, capabilities_of
from tests.unit.artifact.making import DIGEST, MANIFEST, application, first, read

GRANTS = """\
allowed_outbound_hosts = ["redis://cache:6379", "https://b", "https://a", "https://a"]
key_value_stores = ["default"]
sqlite_databases = ["main"]
ai_models = ["llama2-chat"]
files = ["assets/**/*", { source = "www", destination = "/" }]
"""


def test_a_manifest_and_its_artifact_have_the_same_grants() -> None:
    text = MANIFEST + GRANTS
    of_git = capabilities_of(application(text))["main"]
    of_artifact = granted(read(lambda d: first(d).update(files=[{"path": "x", "digest": DIGEST}]), text).components[0])
    assert of_git.files == ("assets/**/*", "www → /")
    assert of_artifact.files == ("x",)
    assert of_git.without(of_artifact) == Capabilities(files=of_git.files)
    assert of_git.hosts == ("https://a", "https://b", "redis://cache:6379")


def test_the_json_form_is_stable_and_reads_back() -> None:
    found = Capabilities.of(hosts=["b", "a", "a"], models=["m"])
    assert found.to_json() == {"hosts": ["a", "b"], "stores": [], "databases": [], "models": ["m"], "files": []}
    assert Capabilities.from_json(found.to_json()) == found
    assert Capabilities.from_json({}) == Capabilities()
    assert not Capabilities()
    assert found


def test_what_was_gained_is_the_difference() -> None:
    before, after = Capabilities.of(hosts=["a"]), Capabilities.of(hosts=["a", "b"], stores=["s"])
    assert after.without(before) == Capabilities.of(hosts=["b"], stores=["s"])
    assert not before.without(after)


@pytest.mark.parametrize(
    "name",
    [
        "wasi:cli/environment@0.2.0", "wasi:clocks/wall-clock@0.2.0", "wasi:filesystem/types@0.2.0", "wasi:io/poll@0.2.0",
        "wasi:random/random@0.2.0", "wasi:sockets/tcp@0.2.0", "wasi:http/outgoing-handler@0.2.0",
        "wasi:config/store@0.2.0-draft-2024-09-27", "fermyon:spin/variables@2.0.0", "spin:variables/variables@3.0.0",
        "fermyon:spin/config", "fermyon:spin/rdbms-types@2.0.0", "fermyon:spin/redis-types",
    ],
)  # fmt: skip
def test_imports_that_need_no_grant_are_never_told(name: str) -> None:
    assert undeclared(Capabilities(), [name]) == ()


@pytest.mark.parametrize(
    ("name", "grant"),
    [
        ("fermyon:spin/key-value@2.0.0", Capabilities(stores=("default",))),
        ("spin:key-value/key-value@3.0.0", Capabilities(stores=("default",))),
        ("wasi:keyvalue/store@0.2.0-draft2", Capabilities(stores=("default",))),
        ("fermyon:spin/sqlite@2.0.0", Capabilities(databases=("default",))),
        ("spin:sqlite/sqlite@3.0.0", Capabilities(databases=("default",))),
        ("fermyon:spin/llm@2.0.0", Capabilities(models=("llama2-chat",))),
        ("fermyon:spin/redis@2.0.0", Capabilities(hosts=("redis://cache:6379",))),
        ("spin:redis/redis@3.0.0", Capabilities(hosts=("rediss://cache:6379",))),
        ("spin:postgres/postgres@4.0.0", Capabilities(hosts=("postgres://db",))),
        ("fermyon:spin/mysql@2.0.0", Capabilities(hosts=("*://*:*",))),
        ("spin:mqtt/mqtt@3.0.0", Capabilities(hosts=("{{ broker }}",))),
        ("fermyon:spin/http", Capabilities(hosts=("https://a",))),
    ],
)
def test_an_import_without_its_grant_is_told(name: str, grant: Capabilities) -> None:
    assert undeclared(Capabilities(hosts=("ftp://x:1",)), [name]) == (name,)
    assert undeclared(grant, [name]) == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, DEFAULT),
        ("Never", NEVER),
        ("Always", ALWAYS),
        ({"ifSmaller": "8Mi"}, DEFAULT),
        ({"ifSmaller": "100"}, CompilePolicy(below=100)),
    ],
)
def test_what_is_compiled(value: object, expected: CompilePolicy) -> None:
    assert compile_policy(value) == expected


def test_the_bound_is_smaller_than() -> None:
    policy = CompilePolicy(below=100)
    assert (policy.wants(99), policy.wants(100), NEVER.wants(0), ALWAYS.wants(2**40)) == (True, False, False, True)
    for value in ("Sometimes", {"ifSmaller": "x"}, {}, 5):
        with pytest.raises(InputError, match="compile"):
            compile_policy(value)
