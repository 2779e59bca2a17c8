"""How far a problem reaches: the whole commit, one cluster, or one app (design: "A problem has one of three scopes")."""

from __future__ import annotations

import pytest

from reconciler.fleet import assign
from reconciler.fleet.model import AppAssignment, Withheld
from reconciler.problems import Problem


@pytest.mark.parametrize(
    ("files", "code"),
    [
        ({"fleet.yaml": "apiVersion: spinfleet.dev/v1alpha1\nkind: Fleet\nmetadata: {name: a}\nspec: {nope: 1}\n"}, "fleet.unknown-field"),
        ({"fleet.yaml": ""}, "fleet.no-fleet"),
        ({"x.yaml": "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {name: [\n"}, "yaml.syntax"),
        ({"x.yaml": "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {}\nspec: {}\n"}, "fleet.no-name"),
        ({"x.yaml": "apiVersion: spinfleet.dev/v1alpha1\nkind: App\nmetadata: {name: a, name: b}\n"}, "fleet.no-name"),
        ({"x.yaml": "apiVersion: spinfleet.dev/v2\nkind: App\nmetadata: {name: a}\nspec: {}\n"}, "fleet.unknown-version"),
        ({"x.yaml": "kind: App\nmetadata: {name: a}\nspec: {}\n"}, "fleet.unknown-version"),
        ({"x.yaml": "apiVersion: spinfleet.dev/v1alpha1\nkind: Deployment\nmetadata: {name: a}\n"}, "fleet.unknown-kind"),
    ],
)  # fmt: skip
def test_what_cannot_be_identified_stops_the_whole_commit(make, codes, files, code):
    loaded = make.load({"shop/app.yaml": make.app("shop"), **files})

    assert loaded.fleet is None
    assert code in codes(loaded.commit_problems)
    assert set(loaded.commit_problems) <= set(loaded.problems)


def test_a_broken_file_that_never_names_the_group_stops_nothing(make):
    loaded = make.load({"chart/templates/x.yaml": "a: {{ .Values.x }}\n  b: ["})

    assert loaded.fleet is not None
    assert loaded.valid


def test_an_invalid_app_is_withheld_and_the_others_go_on(make):
    loaded = make.load({"shop/app.yaml": make.app("shop", "replicas: many") + "---\n" + make.app("pay")})
    units = assign(loaded.fleet, "eu").units

    assert loaded.commit_problems == ()
    assert isinstance(units["shop"], Withheld)
    assert units["shop"].problems[0].line == 6
    assert isinstance(units["pay"], AppAssignment)


def test_a_key_written_twice_below_spec_withholds_only_its_app(make, codes):
    loaded = make.load({"shop/app.yaml": make.app("shop", "replicas: 1\nreplicas: 2")})

    assert loaded.fleet is not None
    assert codes(loaded.fleet.apps["shop"].problems) == ["yaml.duplicate-key"]


def test_two_apps_of_one_name_are_both_held_back(make, codes):
    loaded = make.load({"a/app.yaml": make.app("shop"), "shop/app.yaml": make.app("shop"), "a/spin.toml": make.spin})

    assert isinstance(assign(loaded.fleet, "eu").units["shop"], Withheld)
    assert codes(loaded.fleet.apps["shop"].problems) == ["fleet.duplicate"]


def test_an_invalid_cluster_concerns_its_own_agent_only(make, codes):
    loaded = make.load({"us.yaml": make.cluster("us", "env: prod", "spin: three")})

    assert loaded.fleet is not None
    assert not loaded.valid
    assert set(loaded.cluster_problems) == {"us"}
    assert codes(loaded.cluster_problems["us"]) == ["fleet.format"]


def test_an_invalid_app_that_may_be_placed_anywhere_is_withheld_everywhere(make):
    loaded = make.load({"shop/app.yaml": make.app("shop", "placement: {clusters: [1]}")})

    assert isinstance(assign(loaded.fleet, "eu").units["shop"], Withheld)


def test_an_invalid_app_with_a_readable_placement_is_not_withheld_elsewhere(make):
    app = make.app("shop", "placement: {names: [us]}\nreplicas: many")
    loaded = make.load({"shop/app.yaml": app, "us.yaml": make.cluster("us")})

    assert set(assign(loaded.fleet, "eu").units) == set()
    assert set(assign(loaded.fleet, "us").units) == {"shop"}


@pytest.mark.parametrize(("path", "stops"), [("apps/x.yaml", True), ("apps", True), ("logo.png", False)])
def test_a_link_stops_the_commit_where_it_may_hide_a_document(make, path, stops):
    from reconciler.fleet import load

    link = Problem(path=path, code="git.symlink", message="symbolic links are not followed")
    loaded = load(make.tree(make.files(), (link,)))

    assert (loaded.fleet is None) == stops
    assert link in loaded.problems


def test_an_ignored_link_is_no_problem(make):
    from reconciler.fleet import load

    link = Problem(path="apps/x.yaml", code="git.symlink", message="symbolic links are not followed")
    fleet = make.document("Fleet", "acme", "ignore: [apps/x.yaml]")

    assert load(make.tree({**make.files(), "fleet.yaml": fleet}, (link,))).valid
