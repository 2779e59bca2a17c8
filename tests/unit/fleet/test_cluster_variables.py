"""`${cluster.NAME}` is filled in App fields and Bundle patches, and nowhere else."""

from __future__ import annotations

import pytest

from reconciler.fleet import assign
from reconciler.fleet.model import Withheld
from reconciler.fleet.variables import filled, missing

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
