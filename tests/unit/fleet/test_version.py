"""A version is what an app is in Git: the same in every cluster, and different where anything of it differs."""

from __future__ import annotations

import pytest

from reconciler.fleet import assign

APP = 'variables: {greeting: {value: "${cluster.name}"}}\noverrides:\n- clusters: {names: [us]}\n  spec: {replicas: 5}'


def version(make, files, cluster="eu"):
    return (
        assign(
            make.load({"shop/app.yaml": make.app("shop", APP), "us.yaml": make.cluster("us"), **files}).fleet, cluster
        )
        .units["shop"]
        .version
    )


def test_it_is_the_same_in_every_cluster(make):
    assert version(make, {}, "eu") == version(make, {}, "us")
    assert len(version(make, {})) == 64


def test_what_is_written_elsewhere_or_about_a_cluster_does_not_change_it(make):
    changes = {
        "eu.yaml": make.cluster("eu", "env: dev", "spin: '3.4'"),
        "pay/app.yaml": make.app("pay", "manifest: ../shop/spin.toml"),
        "shop/app.yaml": "# a comment\n" + make.app("shop", APP),
    }

    assert version(make, changes) == version(make, {})


@pytest.mark.parametrize(
    "change",
    [
        lambda make: {"shop/app.yaml": make.app("shop", APP + "\nreplicas: 4")},
        lambda make: {"shop/app.yaml": make.app("shop", APP.replace("5", "6"))},
        lambda make: {"shop/app.yaml": make.app("shop", APP).replace("aaaa@", "aaab@").replace("a" * 8, "b" * 8)},
        lambda make: {"shop/spin.toml": make.spin + "# changed\n"},
        lambda make: {"fleet.yaml": make.document("Fleet", "acme", "defaults: {replicas: 3}")},
    ],
    ids=["field", "override", "digest", "manifest", "fleet default"],
)
def test_what_the_app_is_changes_it(make, change):
    assert version(make, change(make)) != version(make, {})


def test_a_bundles_version_follows_its_documents_and_files(make):
    files = {
        "b.yaml": make.document("Bundle", "b", "path: m"),
        "m/a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    }

    def of(changes):
        return assign(make.load({**files, **changes}).fleet, "eu").units["b"].version

    assert of({}) == of({"other.yaml": make.cluster("other")})
    assert of({}) != of({"m/a.yaml": files["m/a.yaml"] + "# changed\n"})
    assert of({}) != of({"b.yaml": make.document("Bundle", "b", "path: m\nsuspend: true")})
