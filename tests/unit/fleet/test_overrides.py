"""Defaults, document and overrides are merged in this order, and every value knows which of them it is from."""

from __future__ import annotations

import pytest

from reconciler.errors import InputError
from reconciler.fleet import assign, explain

FLEET = "defaults: {replicas: 2, namespace: apps, podLabels: {team: core, tier: web}}"
APP = """\
podLabels: {tier: shop}
overrides:
- clusters: {matchLabels: {env: dev}}
  spec: {replicas: 1}
- clusters: {matchLabels: {env: prod}}
  spec: {replicas: 5, podLabels: {team: null}}
- clusters: {names: [eu]}
  spec: {replicas: 6}
"""


@pytest.fixture
def fleet(make):
    files = {"fleet.yaml": make.document("Fleet", "acme", FLEET), "shop/app.yaml": make.app("shop", APP)}
    return make.load({**files, "us.yaml": make.cluster("us"), "dev.yaml": make.cluster("dev", "env: dev")}).fleet


@pytest.mark.parametrize(
    ("cluster", "replicas", "labels"),
    [("eu", 6, {"tier": "shop"}), ("us", 5, {"tier": "shop"}), ("dev", 1, {"team": "core", "tier": "shop"})],
)
def test_every_override_that_matches_is_applied_in_order(fleet, cluster, replicas, labels):
    spec = assign(fleet, cluster).units["shop"].spec

    assert (spec["replicas"], spec["podLabels"]) == (replicas, labels)
    assert "overrides" not in spec


def test_each_value_is_traced_to_file_line_and_layer(fleet):
    found = {
        each.pointer: (each.value, each.origin.via, each.origin.path, each.origin.line)
        for each in explain(fleet, "shop", "eu")
    }

    assert found["/replicas"] == (6, "override 3", "shop/app.yaml", 13)
    assert found["/podLabels/tier"] == ("shop", "document", "shop/app.yaml", 6)
    assert found["/namespace"] == ("apps", "fleet defaults", "fleet.yaml", 5)
    assert found["/executor"] == ("containerd-shim-spin", "default", "", None)


def test_origins_are_those_of_the_leaves(fleet):
    unit = assign(fleet, "dev").units["shop"]

    assert set(unit.origins) == {each.pointer for each in explain(fleet, "shop", "dev")}
    assert unit.origins["/podLabels/team"].via == "fleet defaults"
    with pytest.raises(KeyError):
        unit.origins["/podLabels/gone"]


def test_a_null_removes_a_default(make):
    files = {"fleet.yaml": make.document("Fleet", "acme", FLEET), "shop/app.yaml": make.app("shop", "podLabels: null")}

    assert "podLabels" not in assign(make.load(files).fleet, "eu").units["shop"].spec


def test_an_override_wrong_only_in_sum_is_told_at_its_place(make, codes):
    app = make.app(
        "shop",
        "variables: {greeting: {value: hi}}\noverrides:\n- clusters: {}\n  spec: {variables: {greeting: {secretKeyRef: {name: a, key: b}}}}",
    )
    unit = assign(make.load({"shop/app.yaml": app}).fleet, "eu").units["shop"]

    assert codes(unit.problems) == ["fleet.value"]
    assert unit.problems[0].line == 9


def test_an_unknown_field_in_an_override_is_told_at_its_place(make):
    app = make.app("shop", "overrides:\n- clusters: {}\n  spec: {replica: 2}")
    [problem] = make.load({"shop/app.yaml": app}).problems

    assert (problem.code, problem.line, problem.pointer) == ("fleet.unknown-field", 8, "/spec/overrides/0/spec/replica")
    assert "replicas" in problem.hint


def test_the_fleets_replicas_are_not_meant_for_an_app_that_is_scaled(make):
    app = make.app("shop", "autoscaling: {type: HPA, min: 1, max: 3, cpu: 60}\nresources: {requests: {cpu: 50m}}")
    files = {"fleet.yaml": make.document("Fleet", "acme", "defaults: {replicas: 2}"), "shop/app.yaml": app}

    assert "replicas" not in assign(make.load(files).fleet, "eu").units["shop"].spec


@pytest.mark.parametrize(("app", "cluster"), [("shp", "eu"), ("shop", "mars")])
def test_explaining_what_is_not_there_says_what_is(fleet, app, cluster):
    with pytest.raises(InputError) as caught:
        explain(fleet, app, cluster)

    assert caught.value.hint
