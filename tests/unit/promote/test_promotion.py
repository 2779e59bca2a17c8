"""Which line a promotion edits, what each cluster has before and after, and what is refused because it would not come out as asked."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reconciler.errors import InputError
from reconciler.fleet import load
from reconciler.fleet.model import Fleet
from reconciler.promote.following import Standing, followed, standing
from reconciler.promote.overlay import Overlay
from reconciler.promote.promotion import Aim, Promotion, promotion, retargeted, written_at
from reconciler.promote.versions import newest
from tests.unit.fleet.conftest import SPIN, MemoryTree

OLD, NEW = (f"ghcr.io/acme/shop@sha256:{digit * 64}" for digit in "ab")
STAGING, PROD = {"matchLabels": {"env": "staging"}}, {"matchLabels": {"env": "prod"}}
APP = """\
apiVersion: spinfleet.dev/v1alpha1
kind: App
metadata: {{name: shop}}
spec:
  # the one that runs
  artifact: {artifact}
{more}"""


def _tree(more: str = "", artifact: str = OLD, fleet: str = "{}") -> MemoryTree:
    clusters = "".join(
        "---\napiVersion: spinfleet.dev/v1alpha1\nkind: Cluster\n"
        f"metadata: {{name: {name}, labels: {{env: {env}}}}}\nspec: {{spin: '3.6', variables: {{registry: {name}.example.com}}}}\n"
        for name, env in (("eu", "prod"), ("us", "prod"), ("lab", "staging"))
    )
    head = f"apiVersion: spinfleet.dev/v1alpha1\nkind: Fleet\nmetadata: {{name: acme}}\nspec: {fleet}\n"
    files = {"fleet.yaml": head + clusters, "app.yaml": APP.format(artifact=artifact, more=more), "spin.toml": SPIN}
    return MemoryTree(files)


def _fleet(tree: Any) -> Fleet:
    fleet = load(tree).fleet
    assert fleet is not None
    return fleet


def _promote(tree: MemoryTree, aim: Aim, artifact: str = NEW) -> Promotion:
    return promotion(_fleet(tree), tree, aim, artifact)


def _of(made: Promotion) -> dict[str, bool]:
    return {each.cluster: each.new == NEW for each in made.changes}


def test_without_a_selector_the_document_itself_is_edited_for_every_cluster() -> None:
    tree = _tree("  replicas: 2\n")
    made = _promote(tree, Aim(app="shop"))
    assert made.data == tree.read("app.yaml").replace(OLD.encode(), NEW.encode())
    assert (made.path, made.line, made.via, made.old) == ("app.yaml", 6, "document", OLD)
    assert _of(made) == {"eu": True, "us": True, "lab": True}


def test_a_selector_adds_an_override_for_exactly_it() -> None:
    tree = _tree("  overrides:\n  - clusters: {names: [eu]}\n    spec: {replicas: 3}\n")
    made = _promote(tree, Aim(app="shop", selector=STAGING))
    assert yaml.safe_load(made.data)["spec"]["overrides"][1] == {"clusters": STAGING, "spec": {"artifact": NEW}}
    assert (made.via, made.line) == ("override 2, new", 12)
    assert _of(made) == {"eu": False, "us": False, "lab": True}


def test_an_override_with_exactly_that_selector_is_edited_and_none_that_only_means_the_same_clusters() -> None:
    more = "  overrides:\n  - clusters: {names: [lab]}\n    spec: {replicas: 3}\n  - clusters: {matchLabels: {env: staging}}\n    spec:\n      replicas: 2\n"
    made = _promote(_tree(more), Aim(app="shop", selector=STAGING))
    overrides = yaml.safe_load(made.data)["spec"]["overrides"]
    assert [each["spec"] for each in overrides] == [{"replicas": 3}, {"artifact": NEW, "replicas": 2}]
    again = MemoryTree(
        {**{path: _tree(more).read(path) for path in ("fleet.yaml", "spin.toml")}, "app.yaml": made.data}
    )
    assert promotion(_fleet(again), again, Aim(app="shop", selector=STAGING), OLD).via == "override 2"


def test_an_edit_that_a_later_override_would_hide_is_refused_and_names_it() -> None:
    more = f"  overrides:\n  - clusters: {{matchLabels: {{env: prod}}}}\n    spec: {{replicas: 2}}\n  - clusters: {{names: [eu]}}\n    spec:\n      artifact: {OLD}\n"
    with pytest.raises(InputError) as caught:
        _promote(_tree(more), Aim(app="shop", selector=PROD))
    assert "override 2 (app.yaml:12) has another for eu" in caught.value.message
    with pytest.raises(InputError, match="override 2") as caught:
        _promote(_tree(more), Aim(app="shop"))
    assert "--keep-overrides" in caught.value.hint
    assert _of(_promote(_tree(more), Aim(app="shop", keep_overrides=True))) == {"eu": False, "us": True, "lab": True}


def test_what_means_no_cluster_is_refused_with_what_there_is() -> None:
    with pytest.raises(InputError) as caught:
        _promote(_tree(), Aim(app="shop", selector={"matchLabels": {"env": "stage"}}))
    assert caught.value.hint == "label env of its clusters is prod, staging"
    with pytest.raises(InputError) as caught:
        _promote(_tree(), Aim(app="shop", selector={"names": ["la"]}))
    assert "lab" in caught.value.hint
    with pytest.raises(InputError) as caught:
        _promote(_tree(), Aim(app="shp"))
    assert "shop" in caught.value.hint


def test_variables_of_clusters_stay_in_the_document_and_are_filled_in_what_is_told() -> None:
    name = "${cluster.registry}/acme/shop"
    tree = _tree(artifact=f"{name}@sha256:{'a' * 64}")
    aim = Aim(app="shop")
    made = _promote(tree, aim, retargeted(written_at(_fleet(tree), aim), tag="1.5.0", digest=f"sha256:{'b' * 64}"))
    assert yaml.safe_load(made.data)["spec"]["artifact"] == f"{name}:1.5.0@sha256:{'b' * 64}"
    assert made.changes[0].new == f"eu.example.com/acme/shop:1.5.0@sha256:{'b' * 64}"


def test_a_tree_with_an_edit_laid_over_it_is_the_fleet_after_it() -> None:
    tree = _tree()
    made = _promote(tree, Aim(app="shop", selector=STAGING))
    after = Overlay(tree, {made.path: made.data})
    assert load(after).problems == load(tree).problems
    assert after.files["app.yaml"].blob != tree.files["app.yaml"].blob
    assert _fleet(after).apps["shop"].version != _fleet(tree).apps["shop"].version


@pytest.mark.parametrize(
    ("artifact", "expected"),
    [
        ("ghcr.io/a/b", "ghcr.io/a/b:2@sha256:x"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:2@sha256:x"),
        ("localhost:5000/a/b:1@sha256:y", "localhost:5000/a/b:2@sha256:x"),
        ("[::1]:5000/b@sha256:y", "[::1]:5000/b:2@sha256:x"),
    ],
)
def test_another_tag_and_digest_leave_the_name_alone(artifact: str, expected: str) -> None:
    assert retargeted(artifact, tag="2", digest="sha256:x") == expected


POLICY = '  artifactPolicy: {semver: "^1.4"}\n'


def test_a_policy_follows_the_documents_artifact_and_an_overrides_only_with_one_of_its_own() -> None:
    more = f"{POLICY}  overrides:\n  - clusters: {{names: [eu]}}\n    spec: {{artifact: '{OLD}'}}\n"
    assert [(each.aim.selector, each.allowed) for each in followed(_fleet(_tree(more)), "shop")] == [(None, "^1.4")]
    more += '  - clusters: {matchLabels: {env: staging}}\n    spec: {artifactPolicy: {semver: "*"}}\n'
    found = list(followed(_fleet(_tree(more)), "shop"))
    assert [(each.aim.selector, each.allowed, each.artifact) for each in found] == [
        (None, "^1.4", OLD),
        (STAGING, "*", OLD),
    ]


def test_a_policy_of_the_fleets_defaults_is_every_apps() -> None:
    tree = _tree(fleet='{defaults: {artifactPolicy: {semver: "1.x"}}}')
    assert [each.allowed for each in followed(_fleet(tree), "shop")] == ["1.x"]


def test_a_policy_releases_nothing_and_reaches_no_cluster() -> None:
    plain, own = (
        _fleet(_tree()),
        _fleet(_tree(f"{POLICY}  overrides:\n  - clusters: {{names: [eu]}}\n    spec: {{replicas: 2}}\n")),
    )
    other = _fleet(
        _tree(
            '  artifactPolicy: {semver: "2"}\n  overrides:\n  - clusters: {names: [eu]}\n    spec: {replicas: 2, artifactPolicy: {semver: "3"}}\n'
        )
    )
    assert own.apps["shop"].version == other.apps["shop"].version != plain.apps["shop"].version


@pytest.mark.parametrize(
    ("allowed", "tags", "expected"),
    [
        ("^1.4", ["1.3.9", "1.4.0", "v1.10.0", "1.9.9", "2.0.0", "latest", "1.11", "1.11.0-rc.1"], "v1.10.0"),
        ("~1.4.2", ["1.4.1", "1.4.3", "1.5.0"], "1.4.3"),
        (">=1.2.0 <2.0.0", ["1.2.0", "2.0.0"], "1.2.0"),
        ("^1.11.0-rc.0", ["1.11.0-rc.1", "1.10.0"], "1.11.0-rc.1"),
        ("*", ["v1.0.0", "1.0.0", "0.9.0"], "1.0.0"),
        ("^3", ["1.0.0"], None),
    ],
)  # fmt: skip
def test_the_newest_tag_of_a_range_is_the_highest_version_in_it(
    allowed: str, tags: list[str], expected: str | None
) -> None:
    for order in (tags, tags[::-1]):
        found = newest(order, allowed)
        assert (found.tag if found is not None else None) == expected


@pytest.mark.parametrize(
    ("artifact", "version", "expected"),
    [
        ("ghcr.io/a/b:1.4.0@sha256:" + "a" * 64, "", Standing.NEWER),
        ("ghcr.io/a/b:1.5.0@sha256:" + "a" * 64, "", Standing.CURRENT),
        ("ghcr.io/a/b:v2.0.0@sha256:" + "a" * 64, "", Standing.AHEAD),
        ("ghcr.io/a/b@sha256:" + "a" * 64, "1.6.0", Standing.AHEAD),
        ("ghcr.io/a/b@sha256:" + "a" * 64, "", Standing.NEWER),
    ],
)
def test_what_runs_is_never_moved_backwards_where_its_version_is_known(
    artifact: str, version: str, expected: Standing
) -> None:
    assert standing(artifact, "^1.4", ["1.4.0", "1.5.0"], version=version).standing is expected
    assert standing(artifact, "^7", ["1.4.0"], version=version).standing is Standing.NO_TAG
