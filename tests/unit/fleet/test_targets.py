"""The manifest is held against the Spin of each cluster that the app is placed on."""

from __future__ import annotations

import pytest

from reconciler.fleet import assign
from reconciler.fleet.clusters import spin_version
from reconciler.fleet.model import AppAssignment, Withheld

STATIC = """\
spin_manifest_version = 2
[application]
name = "shop"
[[trigger.http]]
route = "/x"
static_response = { body = "hi" }
[[trigger.http]]
route = "/..."
component = "cart"
[component.cart]
source = "cart.wasm"
"""


@pytest.mark.parametrize(
    ("spec", "version"),
    [
        ({"spin": "3.6"}, "3.6"),
        ({"spin": "3.6.2"}, "3.6"),
        ({"shim": "v0.24.0"}, "3.6"),
        ({"shim": "0.15.1"}, "2.6"),
        ({}, None),
    ],
)
def test_a_cluster_says_its_spin_or_its_shim(spec, version):
    assert spin_version(spec) == version


def test_an_app_is_withheld_where_its_manifest_needs_a_newer_spin(make):
    files = {
        "shop/app.yaml": make.app("shop"),
        "shop/spin.toml": STATIC,
        "old.yaml": make.cluster("old", spec="shim: v0.17.0"),
    }
    fleet = make.load(files).fleet
    old = assign(fleet, "old").units["shop"]

    assert isinstance(assign(fleet, "eu").units["shop"], AppAssignment)
    assert isinstance(old, Withheld)
    assert [(problem.code, problem.path) for problem in old.problems] == [("target.spin", "shop/spin.toml")]


def test_a_trigger_that_the_shim_cannot_run_is_refused_on_every_cluster(make, codes):
    manifest = make.spin + '[[trigger.cron]]\ncomponent = "cart"\ncron_expression = "1/2 * * * * *"\n'
    fleet = make.load({"shop/app.yaml": make.app("shop"), "shop/spin.toml": manifest}).fleet

    assert "target.trigger" in codes(assign(fleet, "eu").units["shop"].problems)
