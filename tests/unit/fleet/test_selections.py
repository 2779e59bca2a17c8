"""Overrides, patches and stages that name clusters which are not there, or match none, are told of and hold nothing back."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.problems import Severity

BUNDLE = """\
apiVersion: spinfleet.dev/v1alpha1
kind: Bundle
metadata: {name: platform}
spec:
  path: objects
  placement: {clusters: {matchLabels: {env: prod}}}
  patches:
  - {clusters: CLUSTERS, target: {kind: ConfigMap}, patch: {data: {a: b}}}
"""
OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"
ROLLOUT = """\
apiVersion: spinfleet.dev/v1alpha1
kind: Rollout
metadata: {name: waves}
spec:
  stages:
  - {name: first, clusters: CLUSTERS}
  - {name: rest, clusters: {matchLabels: {env: prod}}}
"""
MISSES = [
    ("{names: [eu, uss]}", "fleet.unknown-reference", "/names/1", "did you mean 'us'?"),
    ("{matchLabels: {env: prd}}", "fleet.selects-nothing", "", "labels"),
    # It is there, and the placement leaves it out.
    ("{names: [lab]}", "fleet.selects-nothing", "", "labels"),
    ("{names: [eu], matchLabels: {env: lab}}", "fleet.selects-nothing", "", "labels"),
]


def loaded(make: Any, **files: str) -> Any:
    clusters = {
        f"{name}.yaml": make.cluster(name, f"env: {env}")
        for name, env in (("eu", "prod"), ("us", "prod"), ("lab", "lab"))
    }
    return make.load({**clusters, **{name.replace("__", "/") + ".yaml": text for name, text in files.items()}})


def told(result: Any) -> list[tuple[str, str, str]]:
    assert all(problem.severity is Severity.WARNING for problem in result.problems), result.problems
    return [(problem.code, problem.pointer, problem.hint) for problem in result.problems]


@pytest.mark.parametrize(("clusters", "code", "below", "hint"), MISSES)
def test_an_override_that_misses_is_a_warning_at_its_place(make, clusters, code, below, hint):
    placement = "placement: {clusters: {matchLabels: {env: prod}}}"
    app = make.app("shop", f"{placement}\noverrides:\n- {{clusters: {clusters}, spec: {{replicas: 3}}}}")
    found = told(loaded(make, shop__app=app))
    assert [(each, pointer) for each, pointer, _ in found] == [(code, f"/spec/overrides/0/clusters{below}")]
    assert hint in found[0][2]


@pytest.mark.parametrize(("clusters", "code", "below", "hint"), MISSES)
def test_a_patch_that_misses_is_a_warning_at_its_place(make, clusters, code, below, hint):
    found = told(loaded(make, platform=BUNDLE.replace("CLUSTERS", clusters), objects__c=OBJECT))
    assert [(each, pointer) for each, pointer, _ in found] == [(code, f"/spec/patches/0/clusters{below}")]
    assert hint in found[0][2]


@pytest.mark.parametrize(
    ("clusters", "code", "below"), [(each[0], each[1], each[2]) for each in (MISSES[1], MISSES[3])]
)
def test_a_stage_that_misses_is_a_warning_at_its_place(make, clusters, code, below):
    found = told(loaded(make, waves=ROLLOUT.replace("CLUSTERS", clusters)))
    assert [(each, pointer) for each, pointer, _ in found] == [(code, f"/spec/stages/0/clusters{below}")]


def test_what_matches_is_not_told(make):
    app = make.app(
        "shop",
        "overrides:\n- {clusters: {names: [eu, lab]}, spec: {replicas: 3}}\n- {clusters: {}, spec: {replicas: 4}}",
    )
    assert told(loaded(make, shop__app=app, waves=ROLLOUT.replace("CLUSTERS", "{names: [lab]}"))) == []


def test_the_app_runs_all_the_same_and_a_cluster_that_goes_holds_nothing_back(make):
    app = make.app("shop", "overrides:\n- {clusters: {names: [gone]}, spec: {replicas: 3}}")
    result = loaded(make, shop__app=app)
    assert [each[0] for each in told(result)] == ["fleet.unknown-reference"]
    assert result.fleet.apps["shop"].version
