"""A commit costs what it changes: everything else is carried over as it is."""

from __future__ import annotations

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


def test_a_changed_manifest_touches_every_app_that_names_it(make):
    old, new, _ = after(make, {"shop/spin.toml": make.spin + "# changed\n"})

    assert affected(old, new, "eu") == {"shop", "pay"}


def test_a_changed_file_of_a_bundle_touches_the_bundle(make):
    old, new, _ = after(make, {"m/b.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n"})

    assert affected(old, new, "eu") == {"platform"}


def test_a_removed_app_is_affected_and_a_broken_reference_to_it_as_well(make):
    cart = {"cart/app.yaml": make.app("cart", "dependsOn: [pay]")}
    cache, before = LoadCache(), {**files(make), **cart}
    old = load(make.tree(before), cache=cache).fleet
    del before["pay/app.yaml"]
    new = load(make.tree(before), cache=cache).fleet

    assert affected(old, new, "eu") == {"cart", "pay"}


def test_the_fleet_and_the_clusters_own_document_touch_everything(make):
    every = {"shop", "pay", "cart", "platform"}
    old, new, _ = after(make, {"eu.yaml": make.cluster("eu", "env: dev")})
    assert affected(old, new, "eu") == every

    old, new, _ = after(make, {"fleet.yaml": make.document("Fleet", "acme", "defaults: {replicas: 3}")})
    assert affected(old, new, "eu") == every
    assert affected(None, new, "eu") == every


def test_another_clusters_document_touches_nothing(make):
    old, new, _ = after(make, {"us.yaml": make.cluster("us")})

    assert affected(old, new, "eu") == frozenset()


def test_an_executor_that_comes_or_goes_touches_every_app(make):
    old, new, _ = after(make, {"m/e.yaml": EXECUTOR})

    assert affected(old, new, "eu") == {"shop", "pay", "cart", "platform"}


def test_a_comment_touches_nothing_at_all(make):
    old, new, _ = after(make, {"cart/app.yaml": "# why\n" + make.app("cart")})

    assert affected(old, new, "eu") <= {"cart"}


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

    assert (len(cache.files), len(cache.apps), len(cache.bundles), len(cache.objects), len(cache.manifests)) == (
        2,
        0,
        0,
        0,
        0,
    )


def test_an_app_that_waits_for_another_is_looked_at_again_when_that_one_moves(make):
    shop = {"shop/app.yaml": make.app("shop", "dependsOn: [pay]")}
    cache, before = LoadCache(), {**files(make), **shop}
    old = load(make.tree(before), cache=cache).fleet
    moved = {**before, "pay/app.yaml": make.app("pay", "manifest: ../shop/spin.toml\nplacement: {names: [us]}")}
    same = {**before, "pay/app.yaml": make.app("pay", "manifest: ../shop/spin.toml\nreplicas: 3")}

    assert affected(old, load(make.tree(moved), cache=cache).fleet, "eu") == {"pay", "shop"}
    assert affected(old, load(make.tree(same), cache=cache).fleet, "eu") == {"pay"}
