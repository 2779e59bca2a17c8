"""What overrides have an app wait for is held against the fleet as what the document says."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.check.fleet import FleetCheck
from reconciler.fleet import load


def tree(make: Any, **apps: str) -> Any:
    files = {
        f"{name}.yaml": make.cluster(name, f"env: {env}")
        for name, env in (("eu", "prod"), ("us", "prod"), ("lab", "lab"))
    }
    for name, spec in apps.items():
        files |= {f"{name}/app.yaml": make.app(name, spec), f"{name}/spin.toml": make.spin}
    return make.tree({**make.files(), **files})


def loaded(make: Any, **apps: str) -> Any:
    return load(tree(make, **apps))


def needs(name: str, clusters: str) -> str:
    return f"overrides:\n- clusters: {clusters}\n  spec: {{dependsOn: [{name}]}}"


def told(make: Any, **apps: str) -> dict[str, str]:
    return cycles(FleetCheck().check(tree(make, **apps)))


def cycles(result: Any) -> dict[str, str]:
    return {
        problem.path.partition("/")[0]: problem.message for problem in result.problems if problem.code == "fleet.cycle"
    }


def test_a_name_that_is_nothing_is_refused_at_its_place(make):
    result = loaded(make, shop=needs("payment", "{names: [eu]}"), payments="replicas: 1")

    (problem,) = [each for each in result.problems if each.code == "fleet.unknown-reference"]
    assert (problem.pointer, problem.hint) == ("/spec/overrides/0/spec/dependsOn/0", "did you mean 'payments'?")
    assert not result.fleet.apps["shop"].version


def test_a_cycle_that_some_cluster_has_is_told_with_that_cluster(make):
    found = told(make, one=needs("two", "{matchLabels: {env: prod}}"), two="dependsOn: [one]")

    assert found == {"one": "'one' depends on itself on cluster 'eu': one → two → one"}


def test_overrides_that_no_cluster_has_together_are_no_cycle(make):
    assert told(make, one=needs("two", "{names: [eu]}"), two=needs("one", "{names: [us]}")) == {}


def test_an_override_may_break_a_way_round(make):
    broken = told(
        make,
        one="dependsOn: [two]\noverrides:\n- {clusters: {}, spec: {dependsOn: [three]}}",
        two=needs("one", "{}"),
        three="replicas: 1",
    )

    assert broken == {}


def test_a_cycle_that_stands_without_overrides_is_told_as_such(make):
    found = told(make, one="dependsOn: [two]\n" + needs("two", "{}"), two="dependsOn: [one]")

    assert found == {
        "one": "'one' depends on itself: one → two → one",
        "two": "'two' depends on itself: one → two → one",
    }


@pytest.mark.parametrize(
    "overrides", ["overrides: {}", "overrides: [1]", "overrides: [{clusters: {}, spec: {dependsOn: 1}}]"]
)
def test_overrides_that_cannot_be_read_are_left_to_the_schema(make, overrides):
    assert any(problem.code == "fleet.type" for problem in loaded(make, one=overrides).problems)
