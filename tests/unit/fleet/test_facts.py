"""What a change looks again at: the map of `fleet/facts.py`, row by row, and that what it says is what a fresh look says."""

from __future__ import annotations

import pytest

from reconciler.fleet import LoadCache, linking, load

OBJECT = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n"
ROLLOUT = "stages: [{name: all, clusters: {}}]"
VALUES = "variables: {greeting: {file: {path: values.yaml, key: greeting}}}"
EVERY = {"cart", "pay", "pray", "shop", "platform"}
APPS = EVERY - {"platform"}


def files(make):
    """Give a fleet: cart reads values and names the rollout, pay waits for cart, pray for what is not there, shop lacks its manifest."""
    return {
        "fleet.yaml": make.document("Fleet", "acme"),
        "eu.yaml": make.cluster("eu"),
        "r.yaml": make.document("Rollout", "slow", ROLLOUT),
        "cart/app.yaml": make.app("cart", f"rollout: slow\n{VALUES}"),
        "cart/spin.toml": make.spin,
        "cart/values.yaml": "greeting: hello\n",
        "pay/app.yaml": make.app("pay", "manifest: ../cart/spin.toml\ndependsOn: [cart]"),
        "pray/app.yaml": make.app("pray", "manifest: ../cart/spin.toml\ndependsOn: [parts]\nrollout: slov"),
        "shop/app.yaml": make.app("shop"),
        "bundle/b.yaml": make.document("Bundle", "platform", "path: m"),
        "bundle/m/a.yaml": OBJECT,
    }


TABLE = {
    "a document": (lambda make: {"shop/app.yaml": make.app("shop", "replicas: 3")}, {"shop"}, {"shop"}),
    "a name in it": (lambda make: {"shop/app.yaml": make.app("shops")}, {"shops"}, {"shops", "pray"}),
    "a manifest": (lambda make: {"cart/spin.toml": make.spin + "# changed\n"}, {"cart", "pay", "pray"}, set()),
    "a file of values": (lambda _: {"cart/values.yaml": "greeting: hallo\n"}, {"cart"}, set()),
    "a file in a bundle's folder": (lambda _: {"bundle/m/a.yaml": OBJECT + "spec: {}\n"}, {"platform"}, set()),
    "one in a folder below": (lambda _: {"bundle/m/x/b.yaml": OBJECT.replace("a}", "b}")}, {"platform", "shop"}, set()),
    "a file that comes": (lambda make: {"shop/spinn.toml": make.spin}, {"shop"}, set()),
    "a file that nothing reads": (lambda _: {"eu.yaml": None, "x": "y"}, {"shop"}, EVERY),
    "an app that comes": (lambda make: {"part/app.yaml": make.app("part", "manifest: ../cart/spin.toml")}, {"part", "shop"}, {"part", "pray"}),
    "an app that goes": (lambda _: {"cart/app.yaml": None}, {"shop"}, {"pay", "pray"}),
    "a rollout": (lambda make: {"r.yaml": make.document("Rollout", "slow", ROLLOUT + "\nonFailure: Revert")}, set(), {"cart"}),
    "a rollout that comes": (lambda make: {"s.yaml": make.document("Rollout", "slop", ROLLOUT)}, {"shop"}, {"pray"}),
    "a rollout that goes": (lambda _: {"r.yaml": None}, {"shop"}, {"cart", "pray"}),
    "a cluster": (lambda make: {"eu.yaml": make.cluster("eu", "env: dev")}, set(), EVERY),
    "a comment about a cluster": (lambda make: {"eu.yaml": make.cluster("eu") + "# why\n"}, set(), set()),
    "a default": (lambda make: {"fleet.yaml": make.document("Fleet", "acme", "defaults: {replicas: 3}")}, APPS, APPS),
    "rules for artifacts": (lambda make: {"fleet.yaml": make.document("Fleet", "acme", "artifacts: {registries: [ghcr.io/x]}")}, APPS, APPS),
    "what is ignored": (lambda make: {"fleet.yaml": make.document("Fleet", "acme", "ignore: [x]")}, {"platform"}, set()),
    "the prune guard": (lambda make: {"fleet.yaml": make.document("Fleet", "acme", "prune: {maxObjects: 7}")}, set(), set()),
}  # fmt: skip


@pytest.mark.parametrize(("change", "defined", "judged"), TABLE.values(), ids=TABLE.keys())
def test_a_change_looks_again_at_exactly(make, monkeypatch, change, defined, judged):
    cache, before = LoadCache(), files(make)
    load(make.tree(before), cache=cache)
    after = {path: text for path, text in {**before, **change(make)}.items() if text is not None}
    seen = {"_made": set(), "judge": set()}
    for name, names in seen.items():
        was = getattr(linking, name)

        def noted(documents, *rest, was=was, names=names):
            names.add(documents[0].name)
            return was(documents, *rest)

        monkeypatch.setattr(linking, name, noted)
    loaded = load(make.tree(after), cache=cache)
    assert (seen["_made"], seen["judge"]) == (defined, judged)
    monkeypatch.undo()
    assert loaded == load(make.tree(after))


def hints(loaded):
    return {problem.code: problem.hint for problem in loaded.problems}


def test_what_was_meant_by_a_missing_manifest_is_told_as_the_files_are_now(make):
    cache, before = LoadCache(), {**make.files(), "a/app.yaml": make.app("a"), "a/spim.toml": make.spin}
    assert hints(load(make.tree(before), cache=cache))["app.no-manifest"] == "did you mean 'a/spim.toml'?"
    del before["a/spim.toml"]
    assert "did you mean" not in hints(load(make.tree(before), cache=cache))["app.no-manifest"]


def test_a_file_of_values_may_come_after_the_app_that_reads_it(make):
    cache, before = LoadCache(), {**make.files(), "shop/app.yaml": make.app("shop", VALUES)}
    assert "app.file" in hints(load(make.tree(before), cache=cache))
    before["shop/values.yaml"] = "greeting: hello\n"
    assert "app.file" not in hints(load(make.tree(before), cache=cache))


def test_a_load_that_ends_in_an_error_leaves_the_cache_as_it_was(make):
    class Broken(type(make.tree({}))):
        def read(self, path):
            raise OSError(path)

    cache, before = LoadCache(), files(make)
    load(make.tree(before), cache=cache)
    known = cache.last
    with pytest.raises(OSError, match=r"shop/app\.yaml"):
        load(Broken({**before, "shop/app.yaml": "a: 1"}), cache=cache)
    assert cache.last is known


def test_what_nothing_is_made_of_any_more_is_forgotten(make):
    cache, before = LoadCache(), files(make)
    load(make.tree(before), cache=cache)
    assert set(cache.last.files.objects) == {"cart/values.yaml", "bundle/m/a.yaml"}
    load(make.tree({**before, "bundle/b.yaml": make.document("Bundle", "platform", "path: n")}), cache=cache)
    assert set(cache.last.files.objects) == {"cart/values.yaml"}
