"""`${cluster.NAME}` is filled in App fields and Bundle patches, and nowhere else."""

from __future__ import annotations

import pytest

from reconciler.fleet import assign
from reconciler.fleet.model import Withheld
from reconciler.fleet.variables import filled, missing, slips

CLUSTER = "spin: '3.6'\nvariables: {domain: eu.acme.example}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://api.${cluster.domain}/", "https://api.eu/"),
        ("${cluster.domain}${cluster.domain}", "eueu"),
        ("$${cluster.domain}", "${cluster.domain}"),
        ("$$${cluster.domain}", "$${cluster.domain}"),
        ("${HOME} $5 ${other.domain}", "${HOME} $5 ${other.domain}"),
        ("${cluster.domain", "${cluster.domain"),
    ],
)
def test_references_are_replaced_and_all_else_stays(text, expected):
    assert filled({"a": [text]}, {"domain": "eu"}) == {"a": [expected]}


def test_a_replaced_value_is_not_looked_at_again():
    assert filled("${cluster.a}", {"a": "${cluster.b}", "b": "x"}) == "${cluster.b}"


def test_every_missing_variable_is_told_with_its_pointer():
    value = {"a": ["${cluster.x}", {"b/c": "${cluster.y} $${cluster.z}"}]}

    assert [(each.pointer, each.name) for each in missing(value, {})] == [("/a/0", "x"), ("/a/1/b~1c", "y")]


@pytest.mark.parametrize(
    ("text", "shown", "hint"),
    [
        (
            "https://${domain}/",
            "${domain}",
            "write ${cluster.domain} for a variable of the cluster, or $${domain} where",
        ),
        ("${ cluster.domain }", "${ cluster.domain }", "write ${cluster.domain} for"),
        ("a ${cluster.domain/b", "${cluster.domain", "write ${cluster.domain} for"),
        ("${HOME", "${HOME", "or $${HOME where the text itself is meant"),
        ("${}", "${}", "write ${cluster.NAME} for"),
        ("$(cluster.domain)", "$(cluster.domain)", "write ${cluster.domain} for a variable of the cluster"),
        ("{{ .cluster.domain }}", "{{ .cluster.domain }}", "write ${cluster.domain} for a variable of the cluster"),
    ],
)
def test_what_looks_like_a_variable_and_is_none_is_told_with_what_to_write(text, shown, hint):
    found = slips({"a": [text]})

    assert [(each.pointer, each.text) for each in found] == [("/a/0", shown)]
    assert hint in found[0].hint


@pytest.mark.parametrize(
    "text", ["${cluster.domain}", "$${domain}", "$$${cluster.domain}", "$5 $HOME $(date)", "{{ name }}", "$"]
)
def test_variables_and_text_that_is_meant_are_not_told(text):
    assert slips({"a": [text]}) == ()


def test_a_text_of_nothing_but_slips_costs_time_by_its_length_and_twenty_messages():
    assert len(slips({"a": "${x" * 100_000, "b": "{{" * 100_000, "c": "$(" + " " * 100_000})) == 20


@pytest.mark.parametrize(
    ("path", "text", "pointer"),
    [
        ("fleet.yaml", "kind: Fleet\nmetadata: {name: acme}\nspec: {defaults: {podLabels: {at: '${name}'}}}", "/spec/defaults/podLabels/at"),
        ("shop/app.yaml", "kind: App\nmetadata: {name: shop}\nspec:\n  artifact: ghcr.io/acme/shop@DIGEST\n  overrides: [{clusters: {}, spec: {podLabels: {at: '${name}'}}}]", "/spec/overrides/0/spec/podLabels/at"),
        ("b.yaml", "kind: Bundle\nmetadata: {name: b}\nspec: {path: b, patches: [{target: {kind: ConfigMap}, patch: {data: {at: '${name}'}}}]}", "/spec/patches/0/patch/data/at"),
    ],
)  # fmt: skip
def test_it_is_a_warning_in_defaults_overrides_and_patches(make, path, text, pointer):
    text = f"apiVersion: spinfleet.dev/v1alpha1\n{text}\n".replace("DIGEST", f"sha256:{'a' * 64}")
    loaded = make.load({path: text, "b/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"})

    found = [each for each in loaded.problems if each.code == "fleet.variable-form"]
    assert [(each.path, each.pointer, str(each.severity)) for each in found] == [(path, pointer, "warning")]
    assert loaded.fleet is not None


def test_a_manifest_of_a_bundle_that_hopes_for_a_variable_is_told_once_per_place(make):
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: x\n  b: '${cluster.domain} $${cluster.no}'\n"
    )
    bundle = make.document("Bundle", "b", "path: b")
    loaded = make.load(
        {
            "b.yaml": bundle,
            "b/c.yaml": text,
            "b/d.json": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}}',
        }
    )

    found = [each for each in loaded.problems if each.code == "bundle.variable"]
    assert [(each.path, each.line, each.pointer, str(each.severity)) for each in found] == [
        ("b/c.yaml", 6, "/data/b", "warning")
    ]
    assert loaded.fleet.bundles["b"].version


def test_an_app_that_asks_for_a_variable_the_cluster_lacks_is_withheld_there_only(make):
    app = make.app("shop", 'variables: {greeting: {value: "${cluster.domain}"}}')
    loaded = make.load(
        {"shop/app.yaml": app, "eu.yaml": make.cluster("eu", "env: prod", CLUSTER), "us.yaml": make.cluster("us")}
    )
    here, there = assign(loaded.fleet, "eu").units["shop"], assign(loaded.fleet, "us").units["shop"]

    assert here.spec["variables"]["greeting"]["value"] == "eu.acme.example"
    assert isinstance(there, Withheld)
    assert "'us'" in there.problems[0].message
    assert there.problems[0].line == 6


def test_a_cluster_always_has_its_name(make):
    app = make.app("shop", 'namespace: "team-${cluster.name}"')

    assert assign(make.load({"shop/app.yaml": app}).fleet, "eu").units["shop"].namespace == "team-eu"


def test_manifests_of_a_bundle_are_left_as_they_are_and_its_patches_are_filled(make):
    manifest = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: "${cluster.domain}"}\n'
    bundle = make.document(
        "Bundle",
        "platform",
        "path: m\npatches:\n- target: {kind: ConfigMap}\n  patch: {data: {z: '${cluster.domain}'}}",
    )
    loaded = make.load({"b.yaml": bundle, "m/a.yaml": manifest, "eu.yaml": make.cluster("eu", "env: prod", CLUSTER)})
    [sourced] = assign(loaded.fleet, "eu").units["platform"].objects

    assert sourced.object["data"] == {"x": "${cluster.domain}", "z": "eu.acme.example"}
