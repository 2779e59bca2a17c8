"""A commit costs what it changes: everything else is carried over as it is."""

from __future__ import annotations

import pytest

from reconciler.fleet import LoadCache, affected, load

EXECUTOR = "apiVersion: core.spinkube.dev/v1alpha1\nkind: SpinAppExecutor\nmetadata: {name: e, namespace: apps}\nspec: {createDeployment: false}\n"


def files(make):
    return {
        **make.files(),
        "shop/app.yaml": make.app("shop"),
        "pay/app.yaml": make.app("pay", "manifest: ../shop/spin.toml"),
        "cart/app.yaml": make.app("cart"),
        "cart/spin.toml": make.spin,
        "b.yaml": make.document("Bundle", "platform", "path: m"),
        "m/a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    }


def after(make, changes, removed=()):
    """Give the fleet before and after a change, through one cache, and the second tree."""
    cache, before = LoadCache(), files(make)
    old = load(make.tree(before), cache=cache).fleet
    tree = make.tree({path: text for path, text in {**before, **changes}.items() if path not in removed})
    return old, load(tree, cache=cache).fleet, tree


def test_only_changed_files_are_read_and_the_rest_stays_the_same_object(make):
    old, new, tree = after(make, {"cart/app.yaml": make.app("cart", "replicas: 3")})

    assert tree.reads == ["cart/app.yaml"]
    assert new.apps["shop"] is old.apps["shop"]
    assert new.bundles["platform"] is old.bundles["platform"]
    assert affected(old, new, "eu") == {"cart"}


FLEET = "defaults: {replicas: 3}"
ROLLOUT = "stages: [{name: all, clusters: {}}]"
EVERY = {"shop", "pay", "cart", "platform"}
TABLE = {
    "an app's document": (lambda make: {"cart/app.yaml": make.app("cart", "replicas: 3")}, {"cart"}),
    "a comment in it": (lambda make: {"cart/app.yaml": "# why\n" + make.app("cart")}, {"cart"}),
    "a spin.toml that two apps name": (lambda make: {"shop/spin.toml": make.spin + "# changed\n"}, {"shop", "pay"}),
    "a file of a bundle's folder": (
        lambda _: {"m/b.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n"},
        {"platform"},
    ),
    "an executor that a bundle brings": (lambda _: {"m/e.yaml": EXECUTOR}, EVERY),
    "a new app": (lambda make: {"new/app.yaml": make.app("new"), "new/spin.toml": make.spin}, {"new"}),
    "a default": (lambda make: {"fleet.yaml": make.document("Fleet", "acme", FLEET)}, {"shop", "pay", "cart"}),
    "a default that one app sets itself": (
        lambda make: {"fleet.yaml": make.document("Fleet", "acme", "defaults: {progressDeadline: 1h}")},
        {"shop", "pay"},
    ),
    "rules for artifacts": (
        lambda make: {"fleet.yaml": make.document("Fleet", "acme", "artifacts: {unsigned: Warn}")},
        {"shop", "pay", "cart"},
    ),
    "the prune guard's numbers": (
        lambda make: {"fleet.yaml": make.document("Fleet", "acme", "prune: {maxObjects: 7}")},
        set(),
    ),
    "this cluster's document": (lambda make: {"eu.yaml": make.cluster("eu", "env: dev")}, EVERY),
    "another cluster's document": (lambda make: {"us.yaml": make.cluster("us")}, set()),
    "a rollout": (
        lambda make: {"r.yaml": make.document("Rollout", "slow", ROLLOUT + "\nonFailure: Revert")},
        {"pay"},
    ),
    "a file that nothing reads": (lambda _: {"README.md": "hello"}, set()),
}


@pytest.mark.parametrize(("change", "touched"), TABLE.values(), ids=TABLE.keys())
def test_a_change_touches_exactly(make, change, touched):
    before = {
        **files(make),
        "cart/app.yaml": make.app("cart", "progressDeadline: 5m"),
        "pay/app.yaml": make.app("pay", "manifest: ../shop/spin.toml\nrollout: slow"),
        "r.yaml": make.document("Rollout", "slow", ROLLOUT),
    }
    cache = LoadCache()
    old = load(make.tree(before), cache=cache).fleet
    new = load(make.tree({**before, **change(make)}), cache=cache).fleet

    assert affected(old, new, "eu") == touched


def test_a_removed_app_is_affected_and_a_broken_reference_to_it_as_well(make):
    cart = {"cart/app.yaml": make.app("cart", "dependsOn: [pay]")}
    cache, before = LoadCache(), {**files(make), **cart}
    old = load(make.tree(before), cache=cache).fleet
    del before["pay/app.yaml"]
    new = load(make.tree(before), cache=cache).fleet

    assert affected(old, new, "eu") == {"cart", "pay"}
    assert affected(None, new, "eu") == {"cart", "shop", "platform"}


def test_the_result_does_not_depend_on_what_was_loaded_before(make):
    cache = LoadCache()
    load(make.tree(files(make)), cache=cache)
    changed = {**files(make), "cart/app.yaml": make.app("cart", "replicas: no"), "x.yaml": "a: 1\n"}
    second = load(make.tree(changed), cache=cache)
    fresh = load(make.tree(changed))

    assert second == fresh


def test_the_cache_forgets_what_the_newest_tree_does_not_have(make):
    cache = LoadCache()
    load(make.tree(files(make)), cache=cache)
    load(make.tree(make.files()), cache=cache)

    read = cache.last.files
    assert sorted(read.contents) == ["eu.yaml", "fleet.yaml"]
    assert (read.manifests, read.objects, cache.last.linked.entries) == ({}, {}, {})


def test_an_app_that_waits_for_another_is_looked_at_again_when_that_one_moves(make):
    shop = {"shop/app.yaml": make.app("shop", "dependsOn: [pay]")}
    cache, before = LoadCache(), {**files(make), **shop}
    old = load(make.tree(before), cache=cache).fleet
    moved = {**before, "pay/app.yaml": make.app("pay", "manifest: ../shop/spin.toml\nplacement: {names: [us]}")}
    same = {**before, "pay/app.yaml": make.app("pay", "manifest: ../shop/spin.toml\nreplicas: 3")}

    assert affected(old, load(make.tree(moved), cache=cache).fleet, "eu") == {"pay", "shop"}
    assert affected(old, load(make.tree(same), cache=cache).fleet, "eu") == {"pay"}


def test_a_definition_of_a_kind_without_a_namespace_bears_on_every_bundle(make):
    spec = "{group: acme.example, scope: SCOPE, names: {kind: Zone, plural: zones}, versions: []}"
    text = f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: zones.acme.example}}\nspec: {spec}\n"
    other = {"c.yaml": make.document("Bundle", "crds", "path: c"), "c/a.yaml": text.replace("SCOPE", "Cluster")}
    old, new, _ = after(make, other)
    assert affected(old, new, "eu") == {"crds", "platform"}

    old, new, _ = after(make, {**other, "c/a.yaml": text.replace("SCOPE", "Namespaced")})
    assert affected(old, new, "eu") == {"crds"}
