"""Selectors are Kubernetes' own: every rule that stands must hold, an empty one holds everywhere."""

from __future__ import annotations

import pytest

from reconciler.fleet.model import Cluster
from reconciler.fleet.placement import placed, selects

EU = Cluster(name="eu", path="eu.yaml", line=1, labels={"env": "prod", "tier": "1"})


@pytest.mark.parametrize(
    ("selector", "holds"),
    [
        ({}, True),
        ({"names": ["eu"]}, True), ({"names": ["us"]}, False), ({"names": []}, False),
        ({"matchLabels": {"env": "prod"}}, True), ({"matchLabels": {"env": "dev"}}, False),
        ({"matchLabels": {"env": "prod", "gone": "x"}}, False),
        ({"names": ["eu"], "matchLabels": {"env": "dev"}}, False),
        ({"matchExpressions": [{"key": "env", "operator": "In", "values": ["dev", "prod"]}]}, True),
        ({"matchExpressions": [{"key": "gone", "operator": "In", "values": ["x"]}]}, False),
        ({"matchExpressions": [{"key": "env", "operator": "NotIn", "values": ["prod"]}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "NotIn", "values": ["x"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "gone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "env", "operator": "DoesNotExist"}]}, False),
    ],
)  # fmt: skip
def test_a_selector_holds_as_in_kubernetes(selector, holds):
    assert selects(selector, EU) is holds
    assert placed({"clusters": selector}, EU) is holds


def test_without_a_placement_an_app_runs_on_every_cluster():
    assert placed(None, EU)
    assert placed({}, EU)


def test_the_fleets_default_placement_holds_for_apps_that_have_none(make):
    from reconciler.fleet import assign

    fleet = make.document("Fleet", "acme", "defaults: {placement: {names: [us]}}")
    files = {"fleet.yaml": fleet, "us.yaml": make.cluster("us"), "shop/app.yaml": make.app("shop")}
    loaded = make.load({**files, "shop/b.yaml": make.app("pay", "placement: {names: [eu]}")})

    assert set(assign(loaded.fleet, "eu").units) == {"pay"}
    assert set(assign(loaded.fleet, "us").units) == {"shop"}
