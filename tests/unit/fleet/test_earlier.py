"""An earlier release is rendered from its commit's App, manifest and defaults, with today's Cluster document."""

from __future__ import annotations

from reconciler.fleet import LoadCache, load
from reconciler.fleet.assign import here
from reconciler.fleet.earlier import Earlier
from reconciler.fleet.model import BundleAssignment, Withheld

APP = 'replicas: 2\nvariables: {greeting: {value: "${cluster.domain}"}}'


def before(make):
    return {
        **make.files(),
        "fleet.yaml": make.document("Fleet", "acme", "defaults: {namespace: then}"),
        "shop/app.yaml": make.app("shop", APP),
        "eu.yaml": make.cluster("eu", "env: prod", "spin: '3.6'\nvariables: {domain: old}"),
        "b.yaml": make.document("Bundle", "platform", "path: m"),
        "m/a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n",
    }


def today(make):
    return {
        **before(make),
        "fleet.yaml": make.document("Fleet", "acme", "defaults: {namespace: now}"),
        "shop/app.yaml": make.app("shop", "replicas: many"),
        "eu.yaml": make.cluster("eu", "env: prod", "spin: '3.6'\nvariables: {domain: new}"),
        "m/a.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: b}\n",
    }


def test_an_app_is_as_its_commit_has_it_on_the_cluster_as_it_is_today(make):
    cache = LoadCache()
    old = load(make.tree(before(make)), cache=cache).fleet
    new = load(make.tree(today(make)), cache=cache).fleet
    earlier = Earlier(make.tree(before(make)), cache)
    unit = earlier.unit("shop", new, here(new, "eu"))

    assert (unit.namespace, unit.spec["replicas"]) == ("then", 2)
    assert unit.spec["variables"]["greeting"]["value"] == "new"
    assert unit.version == old.apps["shop"].version


def test_a_bundle_has_the_files_of_its_commit(make):
    new = load(make.tree(today(make))).fleet
    unit = Earlier(make.tree(before(make))).unit("platform", new, here(new, "eu"))

    assert isinstance(unit, BundleAssignment)
    assert [each.object["metadata"]["name"] for each in unit.objects] == ["a"]


def test_references_to_what_is_gone_by_now_do_not_count(make):
    files = {**before(make), "shop/app.yaml": make.app("shop", "dependsOn: [gone]")}
    new = load(make.tree(today(make))).fleet

    assert not isinstance(Earlier(make.tree(files)).unit("shop", new, here(new, "eu")), Withheld)


def test_what_the_cluster_lacks_today_withholds_it(make):
    files = {**before(make), "shop/app.yaml": make.app("shop", 'variables: {greeting: {value: "${cluster.zone}"}}')}
    new = load(make.tree(today(make))).fleet

    assert isinstance(Earlier(make.tree(files)).unit("shop", new, here(new, "eu")), Withheld)


def test_an_app_that_the_commit_does_not_have_is_nothing(make):
    new = load(make.tree(today(make))).fleet

    assert Earlier(make.tree(before(make))).unit("cart", new, here(new, "eu")) is None


def test_with_todays_cache_only_what_differs_is_read_and_the_cache_stays(make):
    cache = LoadCache()
    load(make.tree(today(make)), cache=cache)
    tree = make.tree(before(make))
    new = load(make.tree(today(make)), cache=cache).fleet
    known, contents = cache.last, dict(cache.last.files.contents)
    Earlier(tree, cache).unit("shop", new, here(new, "eu"))

    assert sorted(tree.reads) == ["eu.yaml", "fleet.yaml", "m/a.yaml", "shop/app.yaml"]
    assert cache.last is known
    assert cache.last.files.contents == contents
