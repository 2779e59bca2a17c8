"""Encrypted files in a fleet: objects of Bundles and values of Apps, seen without a key."""

from __future__ import annotations

import base64
from pathlib import Path

import pyrage
import pytest
import yaml

from reconciler.fleet import LoadCache, assign, load
from reconciler.fleet.model import Withheld
from reconciler.render import render_unit
from reconciler.sops.sealed import Sealed, is_mark
from tests.sops_encryptor import as_yaml, encrypt

TO = [pyrage.x25519.Identity.generate().to_public()]
REFERRING = "variables: {greeting: {file: {path: secrets.yaml, key: %s}}}"


def secret(name: str) -> dict:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"token": "planted"}}


def sealed(*documents, keys=("data", "stringData")):
    return as_yaml(encrypt(documents, TO, keys=keys))


def unit(make, files, name):
    found = assign(make.load(files).fleet, "eu").units[name]
    assert not isinstance(found, Withheld), [str(each) for each in found.problems]
    return found


def app(make, values, key="token", spec=REFERRING):
    return {"shop/app.yaml": make.app("shop", spec % key if "%s" in spec else spec), "shop/secrets.yaml": values}


def test_each_object_of_a_list_knows_where_its_values_come_from(make):
    listed = {"apiVersion": "v1", "kind": "SecretList", "items": [secret("a"), secret("b")]}
    files = {"b.yaml": make.document("Bundle", "platform", "path: m"), "m/a.yaml": sealed(secret("c"), listed)}
    found = unit(make, files, "platform").objects

    assert [each.object["metadata"]["name"] for each in found] == ["c", "a", "b"]
    places = [each.sealed.places for each in found]
    assert [(each.document, each.source) for (each,) in places] == [
        (0, ("stringData", "token")),
        (1, ("items", 0, "stringData", "token")),
        (1, ("items", 1, "stringData", "token")),
    ]


def test_a_patch_may_put_a_plain_value_in_the_place_of_an_encrypted_one(make):
    spec = "path: m\npatches:\n- target: {kind: Secret}\n  patch: {stringData: {token: plain}, type: Opaque}"
    files = {"b.yaml": make.document("Bundle", "platform", spec), "m/a.yaml": sealed(secret("a"))}
    (found,) = unit(make, files, "platform").objects

    assert found.object["stringData"] == {"token": "plain"}
    assert found.sealed is None


def test_a_patch_beside_encrypted_values_leaves_them(make):
    spec = "path: m\npatches:\n- target: {kind: Secret}\n  patch: {type: Opaque}"
    files = {"b.yaml": make.document("Bundle", "platform", spec), "m/a.yaml": sealed(secret("a"))}
    (found,) = unit(make, files, "platform").objects

    assert found.object["type"] == "Opaque"
    assert is_mark(found.object["stringData"]["token"])
    assert isinstance(found.sealed, Sealed)


def test_a_values_file_becomes_a_secret_named_by_its_blob(make):
    files = app(make, sealed({"token": "planted", "unused": "planted"}, keys=()))
    blob = make.tree(files).files["shop/secrets.yaml"].blob
    rendered = render_unit(unit(make, files, "shop"), assign(make.load(files).fleet, "eu").cluster)
    made = {obj["kind"]: obj for obj in rendered.objects}

    assert made["Secret"]["metadata"]["name"] == f"shop-values-{blob[:10]}"
    assert list(made["Secret"]["stringData"]) == ["token"]
    assert made["SpinApp"]["spec"]["variables"] == [
        {"name": "greeting", "valueFrom": {"secretKeyRef": {"name": f"shop-values-{blob[:10]}", "key": "token"}}}
    ]
    assert "planted" not in repr(rendered)


def test_an_app_is_another_version_when_its_file_changes_and_only_then(make):
    first, second = (sealed({"token": value}, keys=()) for value in ("one", "two"))
    version = unit(make, app(make, first), "shop").version

    assert unit(make, app(make, first), "shop").version == version
    assert unit(make, app(make, second), "shop").version != version


def test_a_changed_file_is_seen_through_the_cache(make):
    cache = LoadCache()
    files = app(make, sealed({"token": "one"}, keys=()))
    first = make.load(files, cache).fleet.apps["shop"]
    again = make.load(files, cache).fleet.apps["shop"]
    changed = make.load({**files, "shop/secrets.yaml": sealed({"tokn": "x"}, keys=())}, cache).fleet.apps["shop"]
    gone = make.load({"shop/app.yaml": files["shop/app.yaml"]}, cache).fleet.apps["shop"]

    assert again is first
    assert [each.code for each in changed.problems] == ["app.file"]
    assert [each.code for each in gone.problems] == ["app.file"]


def test_a_values_file_is_no_unused_file(make):
    assert make.load(app(make, sealed({"token": "x"}, keys=()))).problems == ()


@pytest.mark.parametrize(
    ("values", "key", "code"),
    [
        (sealed({"token": "x"}, keys=()), "other", "app.file"),
        (sealed({"token": {"deep": "x"}}, keys=()), "token", "app.file"),
        (sealed({"token": None}, keys=()), "token", "app.file"),
        ("token: [x]\n", "token", "app.file"),
        ("- token\n", "token", "app.file"),
        (sealed({"token": "x"}, {"token": "y"}, keys=()), "token", "app.file"),
        ("token: 'x\n", "token", "yaml.syntax"),
        (sealed({"token": "x"}, keys=()).replace("age:", "pgp:"), "token", "sops.file"),
    ],
    ids=["unknown", "mapping", "null", "list", "no mapping", "two documents", "syntax", "other keys"],
)
def test_what_can_not_be_a_value_is_refused(make, values, key, code):
    found = make.load(app(make, values, key)).fleet.apps["shop"].problems

    assert code in {each.code for each in found}


@pytest.mark.parametrize("path", ["../../secrets.yaml", "/etc/passwd", "missing.yaml", "spin.toml"])
def test_a_file_elsewhere_is_refused(make, path):
    spec = f"variables: {{greeting: {{file: {{path: '{path}', key: token}}}}}}"
    found = make.load({"shop/app.yaml": make.app("shop", spec)}).fleet.apps["shop"].problems

    assert {each.code for each in found} <= {"app.file", "fleet.outside"}
    assert found


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("secrets.env", "sops decrypt --output-type yaml secrets.env > secrets.yaml"),
        (".env", "> env.yaml"),
        ("db.ini", "> db.yaml"),
        ("cert.pem", "--output-type json cert.pem > cert.pem.json, and key: data"),
    ],
)
def test_a_format_that_is_not_read_says_how_to_turn_it_into_one_that_is(make, name, hint):
    spec = f"variables: {{greeting: {{file: {{path: {name}, key: token}}}}}}"
    (found,) = make.load({"shop/app.yaml": make.app("shop", spec), f"shop/{name}": "x"}).fleet.apps["shop"].problems

    assert (found.code, found.pointer) == ("app.file", "/spec/variables/greeting/file/path")
    assert hint in found.hint


def test_a_whole_file_is_one_value_where_sops_wrote_it_as_json(make):
    sealed_file = (Path(__file__).parents[1] / "sops" / "files" / "file.binary.json").read_text()
    spec = "variables: {greeting: {file: {path: cert.json, key: data}}}"
    found = unit(make, {"shop/app.yaml": make.app("shop", spec), "shop/cert.json": sealed_file}, "shop")

    assert is_mark(found.files[0].values["data"])


_MAC = "ENC[AES256_GCM,data:eA==,iv:eA==,tag:eA==,type:str]"


@pytest.mark.parametrize(
    "inner",
    [
        f"TOKEN={_MAC}\nsops_mac={_MAC}\n",
        f"[db]\nuser = {_MAC}\n\n[sops]\nmac = {_MAC}\n",
        f'{{"data": "{_MAC}", "sops": {{"mac": "{_MAC}"}}}}',
        f"token: {_MAC}\nsops:\n    mac: {_MAC}\n",
    ],
    ids=["dotenv", "ini", "binary", "yaml"],
)
def test_a_secret_whose_value_is_an_encrypted_file_is_an_error(make, inner):
    encoded = {**secret("a"), "data": {"file": base64.b64encode(inner.encode()).decode()}}
    plain = {**secret("b"), "stringData": {"file": inner}}
    fine = {**secret("c"), "stringData": {"mac": "mac: 00:11:22", "note": "see ENC[AES256_GCM"}}
    text = yaml.safe_dump_all([encoded, plain, fine])
    found = make.load({"b.yaml": make.document("Bundle", "platform", "path: m"), "m/a.yaml": text})
    told = [each for each in found.fleet.bundles["platform"].problems if each.code == "sops.within"]

    assert [each.pointer for each in told] == ["/data/file", "/stringData/file"]
    assert inner not in repr(told)


def test_files_named_by_overrides_are_checked_for_every_cluster(make):
    spec = "overrides:\n- clusters: {}\n  spec: {variables: {greeting: {file: {path: missing.yaml, key: a}}}}"
    found = make.load({"shop/app.yaml": make.app("shop", spec)}).fleet.apps["shop"].problems

    assert [(each.code, each.pointer) for each in found] == [
        ("app.file", "/spec/overrides/0/spec/variables/greeting/file/path")
    ]


def test_the_golden_fleet_needs_no_key_to_be_loaded():
    from reconciler.git.worktree import WorkTree

    found = load(WorkTree(Path(__file__).parents[2] / "golden" / "encrypted" / "fleet"))

    assert found.valid


def test_the_rules_of_sops_in_a_bundle_s_folder_are_no_manifest(make):
    files = {
        "b.yaml": make.document("Bundle", "platform", "path: m"),
        "m/a.yaml": sealed(secret("a")),
        "m/.sops.yaml": "creation_rules: []\n",
    }

    assert len(unit(make, files, "platform").objects) == 1
    assert make.load(files).problems == ()
